"""HTTP: httpx clients whose every response is good, and whose every failure is a VoiceCloneError."""
