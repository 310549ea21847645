"""Take a provider's new pages through all steps, safely; watch for them and propose pull requests."""
