"""Clients: construction and options, one call with its retries, and the wait for a clone."""
