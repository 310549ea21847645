"""One module for each provider, with its signatures, and its facts as data in the TOML file beside it."""
