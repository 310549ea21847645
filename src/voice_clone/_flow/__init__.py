"""Flows: each policy is written once, as a generator; a driver runs it for the sync or for the async client."""
