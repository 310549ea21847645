"""The version of this package; nothing else holds it."""

__version__ = "0.1.0"
