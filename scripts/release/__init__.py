"""Build the distributions reproducibly and check that they import."""
