"""Documentation made by programs: generated pages, the Sphinx extension, the demo, screenshots."""
