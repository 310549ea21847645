"""Step 2: documented corrections and additions turn a vendored spec into the effective spec."""
