"""Small clips for tests."""

from __future__ import annotations

FRAME = b"\xff\xe3\x18\xc0" + bytes(68)
"""72 ms of silence: a frame of mp3 with 8 kbit/s and 8 kHz."""
MP3 = FRAME * 4
WAV = b"RIFF\xa4\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x40\x1f\0\0\1\0\x08\0data\x80\x02\0\0" + b"\x80" * 640
"""80 ms of silence: 8 bits, 8 kHz."""


def aiff(seconds: float) -> bytes:
    """Silence: 8 bits, 8 kHz."""
    samples = int(8000 * seconds)
    comm = b"\0\1" + samples.to_bytes(4, "big") + b"\0\x08" + b"\x40\x0b\xfa" + bytes(7)
    sound = b"SSND" + (8 + samples).to_bytes(4, "big") + bytes(8 + samples)
    body = b"AIFFCOMM" + len(comm).to_bytes(4, "big") + comm + sound
    return b"FORM" + len(body).to_bytes(4, "big") + body
