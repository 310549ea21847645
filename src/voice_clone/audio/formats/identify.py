"""Find out what a file holds, by its bytes and by nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, TypeAlias

from voice_clone.audio.formats.aac import parse_adts, parse_latm
from voice_clone.audio.formats.amr import parse_amr
from voice_clone.audio.formats.asf import parse_asf
from voice_clone.audio.formats.content import Bytes, Content, LimitError, NothingToHearError
from voice_clone.audio.formats.flac import parse_flac
from voice_clone.audio.formats.iff import parse_aiff, parse_au, parse_caf
from voice_clone.audio.formats.matroska import parse_matroska
from voice_clone.audio.formats.mp4 import parse_mp4
from voice_clone.audio.formats.mpeg_audio import parse_mpeg_audio
from voice_clone.audio.formats.mpegps import parse_mpegps
from voice_clone.audio.formats.mpegts import parse_mpegts
from voice_clone.audio.formats.not_audio import name_other, name_text
from voice_clone.audio.formats.ogg import parse_ogg
from voice_clone.audio.formats.others import (
    parse_ape,
    parse_dsd,
    parse_flv,
    parse_musepack,
    parse_real,
    parse_sphere,
    parse_tta,
    parse_voc,
)
from voice_clone.audio.formats.riff import parse_riff
from voice_clone.audio.formats.surround import parse_ac3, parse_dts
from voice_clone.audio.formats.tags import find_content
from voice_clone.audio.formats.wavpack import parse_wavpack

Parser: TypeAlias = Callable[[Bytes, int], Content | None]
"""Reads the content that begins at an offset (after tags); None if it is another format.
Raises NothingToHearError, and LimitError where not even the format is known."""

_HEAD = 4096  # bytes by which other content is recognised
_MAX_UNIFORM = 1024 * 1024  # bytes of a file that may be refused because all are equal

# Their formats begin with a magic number, so their order does not matter.
_BY_MAGIC: tuple[Parser, ...] = (
    parse_riff,
    parse_mp4,
    parse_matroska,
    parse_flac,
    parse_ogg,
    parse_aiff,
    parse_caf,
    parse_au,
    parse_amr,
    parse_asf,
    parse_wavpack,
    parse_ape,
    parse_tta,
    parse_musepack,
    parse_dsd,
    parse_voc,
    parse_real,
    parse_sphere,
    parse_flv,
)
# Their formats have a short sync word, which other content may have by accident.
_BY_PACKETS: tuple[Parser, ...] = (parse_mpegts, parse_mpegps)
_BY_FRAMES: tuple[Parser, ...] = (parse_mpeg_audio, parse_adts, parse_latm, parse_ac3, parse_dts)


def identify(file: BinaryIO, size: int) -> Content | None:
    """What a seekable file of `size` bytes holds; None if unknown. Raises NothingToHearError."""
    if not size:
        raise NothingToHearError("is empty")
    data = Bytes(file, size)
    try:
        start, data.size = find_content(data)
        return _identify(data, start)
    except LimitError:
        return None


def _identify(data: Bytes, start: int) -> Content | None:
    head = data.at(start, _HEAD)
    if name := name_other(head):
        raise NothingToHearError(f"is {name}, not audio")
    for parse in _BY_MAGIC:
        if content := parse(data, start):
            return content
    if name := name_text(head):
        raise NothingToHearError(f"is {name}, not audio")
    # Packets hold frames, so look for packets first, except in content that begins as a frame of most mp3 files does.
    by_sync_word = (*_BY_FRAMES, *_BY_PACKETS) if head[:1] == b"\xff" else (*_BY_PACKETS, *_BY_FRAMES)
    for parse in by_sync_word:
        if content := parse(data, start):
            return content
    raw = data.at(start, _MAX_UNIFORM)
    if len(raw) == data.size - start and raw.count(raw[:1]) == len(raw):  # such as a failed download
        raise NothingToHearError("has no audio, because all its bytes are equal")
    return None
