"""Start a new provider: write its first files from its document, with a TODO for each open question."""
