"""Shared by all rooms: the project's layout, files, errors, OpenAPI and YAML, transactions, command lines."""
