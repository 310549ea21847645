"""The one error that stops the pipeline."""


class PipelineError(Exception):
    """The pipeline stopped. The message names the file, the line if known, and the remedy."""
