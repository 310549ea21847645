"""Rarer formats: Monkey's Audio, True Audio, Musepack, DSD, Creative Voice, RealMedia, NIST SPHERE, Flash video."""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

from voice_clone.audio.formats.chunks import Layout, walk
from voice_clone.audio.formats.content import Bytes, Content, LimitError, NothingToHearError

_NO_AUDIO, _DAMAGED = "has a header but no audio", "has a damaged header"


def _little(raw: bytes, at: int, size: int = 4) -> int:
    return int.from_bytes(raw[at : at + size], "little")


def parse_ape(data: Bytes, start: int) -> Content | None:
    """Monkey's Audio."""
    head = data.at(start, 76)
    if head[:4] != b"MAC ":
        return None
    if _little(head, 4, 2) < 3980:
        return Content(format="ape", codec="ape")
    if len(head) < 76:
        raise NothingToHearError(_DAMAGED)
    # The descriptor has the sizes of all parts, the header the number of samples.
    at = _little(head, 8)
    size = sum(_little(head, part) for part in (8, 12, 16, 20, 24, 32)) + (_little(head, 28) << 32)
    _, _, block, last, frames, _, channels, rate = struct.unpack("<HHIIIHHI", data.at(start + at, 24).ljust(24, b"\0"))
    if not channels or not rate:
        raise NothingToHearError(_DAMAGED)
    samples = (frames - 1) * block + last
    if not frames or samples <= 0:
        raise NothingToHearError(_NO_AUDIO)
    is_truncated = start + size > data.size
    return Content(
        format="ape",
        codec="ape",
        duration=None if is_truncated else samples / rate,
        sample_rate=rate,
        channels=channels,
        is_truncated=is_truncated,
    )


_MAX_TTA_FRAMES = 100_000  # a day


def parse_tta(data: Bytes, start: int) -> Content | None:
    """True Audio."""
    head = data.at(start, 22)
    if head[:4] != b"TTA1":
        return None
    channels, rate, samples = _little(head, 6, 2), _little(head, 10), _little(head, 14)
    if not channels or not rate:
        raise NothingToHearError(_DAMAGED)
    frame = 256 * rate // 245  # samples
    count = -(-samples // frame)
    table = data.at(start + 22, 4 * min(count, _MAX_TTA_FRAMES))
    end, present = start + 22 + 4 * count + 4, 0
    for (size,) in struct.iter_unpack("<I", table[: len(table) // 4 * 4]):
        end += size
        if end > data.size:
            break
        present = min(present + frame, samples)
    if not present:
        raise NothingToHearError(_NO_AUDIO)
    return Content(
        format="tta",
        codec="tta",
        duration=present / rate if count <= _MAX_TTA_FRAMES else None,
        sample_rate=rate,
        channels=channels,
        is_truncated=present < samples and count <= _MAX_TTA_FRAMES,
    )


_MUSEPACK_RATES = (44100, 48000, 37800, 32000, 0, 0, 0, 0)


def parse_musepack(data: Bytes, start: int) -> Content | None:
    """Musepack. Only version 8 has packets that can be counted."""
    head = data.at(start, 40)
    if head[:3] == b"MP+":
        return Content(format="musepack", codec="musepack7")
    if head[:6] != b"MPCKSH":
        return None
    _, at = _musepack_number(head, 6)
    samples, at = _musepack_number(head, at + 5)  # after a checksum and a version
    _, at = _musepack_number(head, at)
    settings = int.from_bytes(head[at : at + 2].ljust(2, b"\0"), "big")
    rate, channels = _MUSEPACK_RATES[settings >> 13], (settings >> 4 & 15) + 1
    if not rate:
        raise NothingToHearError(_DAMAGED)
    offset, has_sound, is_complete = start + 4, False, False
    try:
        while offset < data.size and not is_complete:
            packet = data.at(offset, 12)
            size, _ = _musepack_number(packet, 2)
            has_sound = has_sound or packet[:2] == b"AP"
            is_complete = packet[:2] == b"SE"
            offset += max(size, 1)
    except LimitError:
        has_sound = True
    if not has_sound:
        raise NothingToHearError(_NO_AUDIO)
    return Content(
        format="musepack",
        codec="musepack8",
        duration=samples / rate or None if is_complete else None,
        sample_rate=rate,
        channels=channels,
    )


def _musepack_number(raw: bytes, at: int) -> tuple[int, int]:
    """A number of variable length, and the offset after it."""
    number = 0
    for byte in raw[at:]:
        at += 1
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            break
    return number, at


_DFF = Layout(size_bytes=8)


def parse_dsd(data: Bytes, start: int) -> Content | None:
    """DSF or DSDIFF."""
    head = data.at(start, 92)
    if head[:4] == b"DSD ":
        channels, rate, samples, size = (_little(head, at, count) for at, count in ((52, 4), (56, 4), (64, 8), (84, 8)))
        available = data.size - start - 92
        return _dsd("dsd_lsbf_planar", channels, rate, size=size - 12, available=available, samples=samples)
    if head[:4] != b"FRM8" or head[12:16] != b"DSD ":
        return None
    channels = rate = 0
    for chunk in walk(data, start + 16, _DFF):
        if chunk.id == b"PROP":
            parts = {part.id: data.at(part.start, 4) for part in walk(data, chunk.start + 4, _DFF, chunk.end)}
            rate = int.from_bytes(parts.get(b"FS  ", b""), "big")
            channels = int.from_bytes(parts.get(b"CHNL", b"")[:2], "big")
        elif chunk.id in {b"DSD ", b"DST "}:
            codec = "dst" if chunk.id == b"DST " else "dsd_msbf"
            return _dsd(codec, channels, rate, size=chunk.size, available=data.size - chunk.start)
    raise NothingToHearError(_DAMAGED)


def _dsd(codec: str, channels: int, rate: int, *, size: int, available: int, samples: int | None = None) -> Content:
    """DSD with so many bytes declared and available; a sample has one bit."""
    if not channels or not rate:
        raise NothingToHearError(_DAMAGED)
    present = min(size, available) * 8 // channels
    if present <= 0:
        raise NothingToHearError(_NO_AUDIO)
    return Content(
        format="dsf",
        codec=codec,
        duration=None if codec == "dst" else min(present, samples or present) / rate,
        sample_rate=rate,
        channels=channels,
        is_truncated=available < size,
    )


_VOC = Layout(id_bytes=1, size_bytes=3, order="little", alignment=1)
_VOC_CODECS = {  # by number: the codec, and the bits of a sample
    0: ("pcm_u8", 8),
    1: ("adpcm_sbpro_4", 4),
    4: ("pcm_s16le", 16),
    6: ("pcm_alaw", 8),
    7: ("pcm_mulaw", 8),
    0x200: ("adpcm_ct", 4),
}
_VOC_KINDS = range(1, 10)
_VOC_HEADERS = {1: 2, 2: 0, 9: 12}  # by kind of block with sound: the bytes in front of the samples


def parse_voc(data: Bytes, start: int) -> Content | None:
    """Creative Voice. Its duration is unknown if it has silence or loops, or changes its format."""
    head = data.at(start, 26)
    if head[:20] != b"Creative Voice File\x1a":
        return None
    size, settings, is_plain, end = 0, b"", True, 0
    for block in walk(data, start + _little(head, 20, 2), _VOC):
        kind = block.id[0]
        if kind not in _VOC_KINDS:  # the end, or a few bytes too many, as sox writes them
            is_plain = is_plain and data.size - block.start <= size // 100
            break
        header, end = _VOC_HEADERS.get(kind, 0), block.end
        raw = block.id + data.at(block.start, header)
        settings = settings or raw
        is_plain = is_plain and kind in _VOC_HEADERS and (kind == 2 or raw == settings)
        size += max(min(end, data.size) - block.start - header, 0)
    if not size:
        raise NothingToHearError(_NO_AUDIO)
    number, channels, rate = _little(settings, 7, 2), _little(settings, 6, 1), _little(settings, 1)
    if settings[:1] == b"\1":
        number, channels, rate = _little(settings, 2, 1), 1, 1_000_000 // (256 - _little(settings, 1, 1))
    codec, bits = _VOC_CODECS.get(number, (None, 0))
    is_known = is_plain and bits and channels and rate
    return Content(
        format="voc",
        codec=codec if is_known else None,
        duration=size * 8 / (bits * channels * rate) if is_known else None,
        sample_rate=rate if is_known else None,
        channels=channels if is_known else None,
        is_truncated=end > data.size,
    )


_REAL = Layout(includes_header=True, alignment=1)


_REAL_PACKETS = 22  # bytes of a chunk's fields and of a packet's header, before there is sound


def parse_real(data: Bytes, start: int) -> Content | None:
    """RealAudio or RealMedia."""
    head = data.at(start, 4)
    if head == b".ra\xfd":
        return Content(format="real")
    if head != b".RMF":
        return None
    streams = b""
    for chunk in walk(data, start, _REAL):
        if chunk.id == b"MDPR":
            streams += data.at(chunk.start, min(chunk.size, 512))
        elif chunk.id == b"DATA" and chunk.start + _REAL_PACKETS < data.size:
            if b".ra\xfd" not in streams and b"audio/" not in streams:
                raise NothingToHearError("has no sound track")
            return Content(format="real", has_video=b"VIDO" in streams)
    raise NothingToHearError(_NO_AUDIO)


def parse_sphere(data: Bytes, start: int) -> Content | None:
    """NIST SPHERE."""
    head = data.at(start, 1024)
    match = re.match(rb"NIST_1A\n *(\d{1,6})\n", head)
    if not match:
        return None
    fields = dict(re.findall(rb"(\w+) -\w+ ([^\n]+)\n", head))
    count, size, channels, rate = (
        int(value) if (value := fields.get(name, b"").strip()).isdigit() else 0
        for name in (b"sample_count", b"sample_n_bytes", b"channel_count", b"sample_rate")
    )
    coding = fields.get(b"sample_coding", b"pcm").strip()
    available = data.size - start - int(match[1])
    if not channels or not rate or not size:
        raise NothingToHearError(_DAMAGED)
    if available <= 0:
        raise NothingToHearError(_NO_AUDIO)
    is_plain = coding in {b"pcm", b"ulaw", b"alaw"}  # not compressed
    samples = available // (size * channels)
    return Content(
        format="sphere",
        duration=samples / rate or None if is_plain else None,
        sample_rate=rate,
        channels=channels,
        is_truncated=is_plain and samples < count,
    )


_FLV_CODECS = {
    0: "pcm_s16le",
    1: "adpcm_swf",
    2: "mp3",
    3: "pcm_s16le",
    4: "nellymoser",
    5: "nellymoser",
    6: "nellymoser",
    7: "pcm_alaw",
    8: "pcm_mulaw",
    10: "aac",
    11: "speex",
    14: "mp3",
}
_FLV_SOUND, _FLV_VIDEO = 8, 9  # kinds of tags
_MAX_FLV_TAGS = 2000  # from the start, and from the end


class _FlvTag(NamedTuple):
    kind: int
    offset: int
    end: int
    milliseconds: int
    codec: int
    is_sound: bool
    """Whether it has sound, and not the settings of a decoder."""


def _flv_tag(data: Bytes, offset: int) -> _FlvTag | None:
    raw = data.at(offset, 13)
    kind = raw[0] & 31 if len(raw) == 13 else 0
    if kind not in {_FLV_SOUND, _FLV_VIDEO, 18}:
        return None
    codec = raw[11] >> 4
    size, time = int.from_bytes(raw[1:4], "big"), int.from_bytes(raw[7:8] + raw[4:7], "big")
    is_sound = kind == _FLV_SOUND and size > 1 and (codec != 10 or raw[12] == 1)
    return _FlvTag(kind, offset, offset + 11 + size, time, codec, is_sound)


def parse_flv(data: Bytes, start: int) -> Content | None:
    """Flash video."""
    head = data.at(start, 9)
    if head[:4] != b"FLV\x01":
        return None
    offset, has_video, is_end, is_cut = start + int.from_bytes(head[5:9], "big") + 4, False, False, False
    sounds: list[_FlvTag] = []
    for _ in range(_MAX_FLV_TAGS):
        tag = _flv_tag(data, offset)
        is_cut = is_cut or (tag is not None and tag.end > data.size)
        if tag is None or (is_cut and sounds):
            is_end = True
            break
        has_video = has_video or tag.kind == _FLV_VIDEO
        if tag.is_sound:
            sounds.append(tag)
        offset = tag.end + 4  # its size follows
    if not sounds:
        raise NothingToHearError("has no sound track" if has_video else _NO_AUDIO)
    last = sounds[-2:] if is_end else _last_flv_sounds(data)
    # The last tag is as long as the one before.
    seconds = (2 * last[-1].milliseconds - last[0].milliseconds - sounds[0].milliseconds) / 1000 if last[1:] else 0
    return Content(
        format="flv",
        codec=_FLV_CODECS.get(sounds[0].codec),
        duration=seconds if seconds > 0 else None,
        has_video=has_video,
        is_truncated=is_cut,
    )


def _last_flv_sounds(data: Bytes) -> list[_FlvTag]:
    """The last two tags with sound; fewer if the end is cut off."""
    end = data.size
    sounds: list[_FlvTag] = []
    for _ in range(_MAX_FLV_TAGS):
        tag = _flv_tag(data, end - 4 - int.from_bytes(data.at(end - 4, 4), "big"))
        if tag is None or tag.end != end - 4 or len(sounds) == 2:
            break
        if tag.is_sound:
            sounds.insert(0, tag)
        end = tag.offset
    return sounds
