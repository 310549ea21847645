"""Windows Media (ASF), with or without video. Source: Microsoft's "Advanced Systems Format Specification"."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from voice_clone.audio.formats.chunks import Chunk, Layout, walk
from voice_clone.audio.formats.content import Bytes, Content, NothingToHearError
from voice_clone.audio.formats.riff import WaveFormat

_OBJECTS = Layout(id_bytes=16, size_bytes=8, order="little", includes_header=True, alignment=1)
_HEADER, _DATA, _FILE, _STREAM, _EXTENSION, _EXTENDED_STREAM, _AUDIO, _VIDEO = (
    UUID(text).bytes_le
    for text in (
        "75b22630-668e-11cf-a6d9-00aa0062ce6c",
        "75b22636-668e-11cf-a6d9-00aa0062ce6c",
        "8cabdca1-a947-11cf-8ee4-00c00c205365",
        "b7dc0791-a9b7-11cf-8ee6-00c00c205365",
        "5fbf03b5-a92e-11cf-8ee3-00c00c205365",
        "14e6a5cb-c672-4332-8399-a96952065b5a",
        "f8699e40-5b4d-11cf-a8fd-00805f5c442b",
        "bc19efc0-5b4d-11cf-a8fd-00805f5c442b",
    )
)
_BROADCAST = 1  # a flag: the header was written before the end was known
_MAX_STREAM = 4096  # bytes of a stream's properties that are read


def parse_asf(data: Bytes, start: int) -> Content | None:
    """Windows Media."""
    if data.at(start, 16) != _HEADER:
        return None
    properties, samples = b"", None
    streams: list[bytes] = []
    for chunk in _objects(data, start):
        if chunk.id == _FILE:
            properties = data.at(chunk.start, min(chunk.size, 72))
        elif chunk.id in {_STREAM, _EXTENDED_STREAM}:
            raw = data.at(chunk.start, min(chunk.size, _MAX_STREAM))
            # The second kind may have the first one inside.
            streams.append(raw if chunk.id == _STREAM else raw.partition(_STREAM)[2][8:])
        elif chunk.id == _DATA:
            samples = chunk
            break
    sound = next((raw for raw in streams if raw.startswith(_AUDIO)), None)
    if sound is None:
        raise NothingToHearError("has no sound track" if any(streams) else "has a damaged header")
    packets, play_time, _, preroll = (int.from_bytes(properties[at : at + 8], "little") for at in range(32, 64, 8))
    flags, packet_bytes = (int.from_bytes(properties[at : at + 4], "little") for at in (64, 68))
    if samples is None or samples.start + 26 >= data.size:
        raise NothingToHearError("has a header but no audio")
    is_complete = samples.start + 26 + packets * packet_bytes <= data.size
    has_length = packets and packet_bytes and not flags & _BROADCAST
    wave = WaveFormat.parse(sound[54:94])
    has_video = any(raw.startswith(_VIDEO) for raw in streams)
    seconds = play_time / 10_000_000 - preroll / 1000 - (_first_frame(wave) if wave else 0)
    return Content(
        format="wma",
        codec=wave.codec if wave else None,
        # A video may go on without its sound.
        duration=seconds if has_length and is_complete and seconds > 0 and not has_video else None,
        sample_rate=wave.rate if wave else None,
        channels=wave.channels if wave else None,
        has_video=has_video,
        is_truncated=bool(has_length) and not is_complete,
    )


def _objects(data: Bytes, start: int) -> Iterator[Chunk]:
    """The objects of the header and of its extension, then those behind the header."""
    for chunk in walk(data, start, _OBJECTS):
        yield chunk
        for inner in walk(data, chunk.start + 6, _OBJECTS, chunk.end) if chunk.id == _HEADER else ():
            yield inner
            if inner.id == _EXTENSION:
                yield from walk(data, inner.start + 22, _OBJECTS, inner.end)


def _first_frame(wave: WaveFormat) -> float:
    """The seconds of the first frame of Windows Media Audio 1 and 2, which decoders drop."""
    if wave.codec not in {"wmav1", "wmav2"}:
        return 0
    is_short = wave.rate <= 22050 or (wave.rate <= 32000 and wave.codec == "wmav1")
    return (512 if wave.rate <= 16000 else 1024 if is_short else 2048) / wave.rate
