"""Step 1: a provider's pages become `specs/<provider>/openapi.json`, the spec as the provider wrote it."""
