"""Programs as users write them: accepted by both type checkers, and run against the mock by tests/unit."""
