"""The pipeline: provider documents in, typed packages out.

One room a step, each with `command.py` as its door: vendor, overlay, generate. Then compare, update, new_provider,
docs, release. `lib` lies below all of them.
"""
