"""AIFF and AIFF-C, Core Audio Format (CAF), and AU.

Sources: Apple's "Audio Interchange File Format" and "Apple Core Audio Format Specification", Sun's `audio.h`.
"""

from __future__ import annotations

import math
import struct

from voice_clone.audio.formats.chunks import IFF, ByteOrder, Chunk, Layout, walk
from voice_clone.audio.formats.content import Bytes, Content, NothingToHearError
from voice_clone.audio.formats.riff import MIN_PLACEHOLDER, pcm_codec

_NO_AUDIO, _DAMAGED = "has a header but no audio", "has a damaged header"

# By compression type: the codec, and the bytes (per channel) and samples of a block.
_AIFC_CODECS = {
    b"fl32": ("pcm_f32be", 4, 1),
    b"FL32": ("pcm_f32be", 4, 1),
    b"fl64": ("pcm_f64be", 8, 1),
    b"FL64": ("pcm_f64be", 8, 1),
    b"in24": ("pcm_s24be", 3, 1),
    b"in32": ("pcm_s32be", 4, 1),
    b"raw ": ("pcm_u8", 1, 1),
    b"ulaw": ("pcm_mulaw", 1, 1),
    b"ULAW": ("pcm_mulaw", 1, 1),
    b"alaw": ("pcm_alaw", 1, 1),
    b"ALAW": ("pcm_alaw", 1, 1),
    b"ima4": ("adpcm_ima_qt", 34, 64),
    b"MAC3": ("mace3", 2, 6),
    b"MAC6": ("mace6", 1, 6),
    b"GSM ": ("gsm", 33, 160),
}


def parse_aiff(data: Bytes, start: int) -> Content | None:
    """AIFF or AIFF-C."""
    head = data.at(start, 12)
    if head[:4] != b"FORM" or head[8:] not in {b"AIFF", b"AIFC"}:
        return None
    common, declared, available = b"", 0, 0
    for chunk in walk(data, start + 12, IFF):
        if chunk.id == b"COMM":
            common = data.at(chunk.start, min(chunk.size, 22))
        elif chunk.id == b"SSND":
            skipped = 8 + int.from_bytes(data.at(chunk.start, 4), "big")
            declared, available = chunk.size - skipped, data.size - chunk.start - skipped
    if len(common) < 18:
        raise NothingToHearError(_DAMAGED)
    channels, _, bits, exponent, mantissa = struct.unpack_from(">HIHHQ", common)
    is_plausible = 0 <= exponent - 16383 <= 27  # of the rate, a floating-point number of 80 bits
    rate = math.ldexp(mantissa, exponent - 16383 - 63) if is_plausible else 0
    sample_bytes = (bits + 7) // 8
    compression = common[18:] or b"NONE"
    codec: str | None
    if compression in {b"NONE", b"twos", b"sowt"}:
        codec = pcm_codec("s", sample_bytes, "little" if compression == b"sowt" else "big")
        block, samples = sample_bytes, 1
    else:
        codec, block, samples = _AIFC_CODECS.get(compression, (None, 1, 0))
    if not channels or rate < 1 or not block:
        raise NothingToHearError(_DAMAGED)
    blocks = min(declared, available) // (block * channels)
    if blocks <= 0:
        raise NothingToHearError(_NO_AUDIO)
    return Content(
        format="aiff",
        codec=codec,
        duration=blocks * samples / rate or None,
        sample_rate=round(rate),
        channels=channels,
        is_truncated=available < declared < MIN_PLACEHOLDER,
    )


_CAF = Layout(size_bytes=8, alignment=1)
_CAF_CODECS = {
    b"aac ": "aac",
    b"alac": "alac",
    b"alaw": "pcm_alaw",
    b"ulaw": "pcm_mulaw",
    b"ima4": "adpcm_ima_qt",
    b".mp1": "mp1",
    b".mp2": "mp2",
    b".mp3": "mp3",
    b"ac-3": "ac3",
    b"agsm": "gsm",
    b"flac": "flac",
    b"ilbc": "ilbc",
    b"opus": "opus",
    b"samr": "amr_nb",
    b"spex": "speex",
    b"ms\0\x02": "adpcm_ms",
    b"ms\0\x11": "adpcm_ima_wav",
    b"ms\x001": "gsm_ms",
    b"MAC3": "mace3",
    b"MAC6": "mace6",
}
_CAF_UNKNOWN_SIZE = 2**64 - 1


def parse_caf(data: Bytes, start: int) -> Content | None:
    """Core Audio Format."""
    if data.at(start, 6) != b"caff\0\1":
        return None
    description, sound, table = b"", None, None
    for chunk in walk(data, start + 8, _CAF):
        if chunk.id == b"desc":
            description = data.at(chunk.start, min(chunk.size, 32))
        elif chunk.id == b"data":
            sound = chunk
        elif chunk.id == b"pakt":
            table = chunk
    if len(description) < 32:
        raise NothingToHearError(_DAMAGED)
    rate, kind, flags, packet_bytes, packet_samples, channels, bits = struct.unpack(">d4sIIIII", description)
    if not 1 <= rate < 2**28 or not channels:
        raise NothingToHearError(_DAMAGED)
    available = data.size - sound.start if sound else 0
    size = available if sound is None or sound.size == _CAF_UNKNOWN_SIZE else min(sound.size, available)
    if sound is None or size <= 4 + packet_bytes:  # an edit count is in front
        raise NothingToHearError(_NO_AUDIO)
    if packet_bytes:
        samples = (size - 4) // packet_bytes * packet_samples
    elif table is None:
        raise NothingToHearError("has no packet table, so that nothing can be played")
    else:
        is_complete = size == sound.size
        samples = _caf_samples(data, sound, table, packet_samples, is_alac=kind == b"alac") if is_complete else 0
    codec = _CAF_CODECS.get(kind)
    if kind == b"lpcm":
        order: ByteOrder = "little" if flags & 2 else "big"
        codec = pcm_codec("f" if flags & 1 else "s", (bits + 7) // 8, order)
    return Content(
        format="caf",
        codec=codec,
        duration=samples / rate or None,
        sample_rate=round(rate),
        channels=channels,
        is_truncated=size < sound.size != _CAF_UNKNOWN_SIZE,
    )


def _caf_samples(data: Bytes, sound: Chunk, table: Chunk, packet_samples: int, *, is_alac: bool) -> int:
    """The number of samples that decoders play: whole packets, of which the last one of ALAC may be shorter."""
    count, valid = (int.from_bytes(data.at(table.start + at, 8), "big") for at in (0, 8))
    if not packet_samples:
        return valid  # each packet has its own number
    last = packet_samples
    if is_alac:
        packet = int.from_bytes(data.at(sound.end - _last_number(data.at(table.end - 4, 4)), 7), "big")
        last = (packet >> 1) & 0xFFFF_FFFF if packet >> 36 & 1 else packet_samples
    return (count - 1) * packet_samples + last if 0 < last <= packet_samples else 0


def _last_number(table: bytes) -> int:
    """The last number of a packet table: the size of the last packet. Only the last byte of a number is below 128."""
    number = 0
    for position, byte in enumerate(reversed(table)):
        if position and byte < 0x80:
            break
        number |= (byte & 0x7F) << (7 * position)
    return number


_AU_CODECS = {  # by encoding: the codec, and the bits of a sample
    1: ("pcm_mulaw", 8),
    2: ("pcm_s8", 8),
    3: ("pcm_s16be", 16),
    4: ("pcm_s24be", 24),
    5: ("pcm_s32be", 32),
    6: ("pcm_f32be", 32),
    7: ("pcm_f64be", 64),
    23: ("adpcm_g726le", 4),
    24: ("adpcm_g722", 4),
    25: ("adpcm_g726le", 3),
    26: ("adpcm_g726le", 5),
    27: ("pcm_alaw", 8),
}


def parse_au(data: Bytes, start: int) -> Content | None:
    """AU. Decoders ignore the size that it declares, and play all bytes."""
    head = data.at(start, 24)
    if head[:4] != b".snd":
        return None
    header, declared, encoding, rate, channels = (int.from_bytes(head[at : at + 4], "big") for at in range(4, 24, 4))
    if not rate or not channels:
        raise NothingToHearError(_DAMAGED)
    codec, bits = _AU_CODECS.get(encoding, (None, 0))
    available = data.size - start - header
    frames = max(available, 0) * 8 // (bits * channels) if bits else 0
    if available <= 0 or (bits and not frames):
        raise NothingToHearError(_NO_AUDIO)
    return Content(
        format="au",
        codec=codec,
        duration=frames / rate or None,
        sample_rate=rate,
        channels=channels,
        is_truncated=available < declared < MIN_PLACEHOLDER,
    )
