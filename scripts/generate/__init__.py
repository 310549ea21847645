"""Step 3: each effective spec becomes a typed client package and contract models."""
