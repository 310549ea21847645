"""Programs as users write them: clean under both type checkers, and run against the mock by tests/unit."""
