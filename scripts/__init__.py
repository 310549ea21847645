"""The pipeline: provider documents in, typed packages out. One module a step."""
