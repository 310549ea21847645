"""One module a provider: what it is, as data, and its own signatures. Providers are found by looking in here."""
