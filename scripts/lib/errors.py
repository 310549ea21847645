"""The one error that stops the pipeline."""


class PipelineError(Exception):
    """The pipeline stopped. The message names the file, the line where there is one, and what to do."""
