"""A provider as data: its settings, the limits of its spec, and what its responses mean. No I/O but shipped files."""
