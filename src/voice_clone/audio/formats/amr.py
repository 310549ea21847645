"""AMR narrowband and wideband, as phones record it.

Source: RFC 4867, section 5.
"""

from __future__ import annotations

import attrs

from voice_clone.audio.formats.content import Bytes, Content, LimitError, NothingToHearError

_FRAME_SECONDS = 0.02


@attrs.frozen
class _Variant:
    """What a magic number announces."""

    codec: str
    sample_rate: int
    speech_modes: int
    """Number of the modes that are speech; the next one is comfort noise."""
    sizes: tuple[int, ...]
    """Bytes of a frame, with its header, by its mode. Reserved modes have no content, as in ffmpeg."""


_NARROWBAND = _Variant("amr_nb", 8000, 8, (13, 14, 16, 18, 20, 21, 27, 32, 6, 1, 1, 1, 1, 1, 1, 1))
_WIDEBAND = _Variant("amr_wb", 16000, 9, (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 1, 1, 1, 1, 1, 1))
_MAGIC = {
    b"#!AMR\n": _NARROWBAND,
    b"#!AMR_MC1.0\n": _NARROWBAND,
    b"#!AMR-WB\n": _WIDEBAND,
    b"#!AMR-WB_MC1.0\n": _WIDEBAND,
}

_CHUNK = 64 * 1024  # bytes
_RUN = 64  # frames of one mode that are counted at once
_MAX_RUNS = 40_000  # counting them takes about 30 ms
_MAX_NOISE = 0.01  # of all frames


def parse_amr(data: Bytes, start: int) -> Content | None:
    """Parse AMR; the frames of a multichannel file follow each other channel by channel.

    The duration is None if more than 1 % of the frames are comfort noise: some decoders play them, ffmpeg does not.
    """
    head = data.at(start, 16)
    magic = head[: head.find(b"\n") + 1]
    variant = _MAGIC.get(magic)
    if not variant:
        return None
    start += len(magic)
    channels = 1
    if b"_MC" in magic:
        channels = int.from_bytes(data.at(start, 4)) & 15 or 1
        start += 4
    duration = None
    try:
        frames, speech = _count(data, start, variant)
    except LimitError:
        pass
    else:
        if not speech:
            raise NothingToHearError("has an AMR header but no sound")
        if frames - speech <= _MAX_NOISE * frames:
            duration = frames / channels * _FRAME_SECONDS
    return Content(
        format="amr", codec=variant.codec, duration=duration, sample_rate=variant.sample_rate, channels=channels
    )


def _count(data: Bytes, start: int, variant: _Variant) -> tuple[int, int]:
    """The numbers of all complete frames, and of those with speech."""
    frames = speech = runs = 0
    position, mode = start, 0
    while position < data.size:
        chunk, offset = data.at(position, _CHUNK), 0
        while offset < len(chunk):
            mode = chunk[offset] >> 3 & 15
            size = variant.sizes[mode]
            headers = chunk[offset : offset + _RUN * size : size]
            count = len(headers) - len(headers.lstrip(headers[:1]))
            frames += count
            speech += count if mode < variant.speech_modes else 0
            offset += count * size
            runs += 1
            if runs > _MAX_RUNS:
                raise LimitError
        position += offset
    if position > data.size:  # the last frame is cut off
        frames -= 1
        speech -= 1 if mode < variant.speech_modes else 0
    return frames, speech
