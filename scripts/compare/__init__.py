"""Compare two versions of a document or of the project: which changes break callers."""
