"""Responses of each provider beyond its spec: class `Mocked` in its module, with one method per operation ID."""
