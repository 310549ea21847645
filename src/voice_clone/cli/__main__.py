"""`python -m voice_clone.cli`."""

from voice_clone.cli import main

main()
