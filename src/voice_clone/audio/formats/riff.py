"""WAV with its relatives RIFX, RF64, BW64 and Wave64, and AVI.

Sources: Microsoft's "Multimedia Programming Interface" and "OpenDML AVI", EBU Tech 3306 (RF64), ITU-R BS.2088 (BW64).
"""

from __future__ import annotations

from itertools import islice, takewhile

import attrs

from voice_clone.audio.formats.chunks import IFF, RIFF, ByteOrder, Chunk, Layout, walk
from voice_clone.audio.formats.content import Bytes, Content, NothingToHearError
from voice_clone.audio.formats.mpeg_audio import parse_mpeg_audio

# By their format tags. WAV, AVI and ASF share them.
WAVE_CODECS = {
    0x0002: "adpcm_ms",
    0x0006: "pcm_alaw",
    0x0007: "pcm_mulaw",
    0x000A: "wmavoice",
    0x0011: "adpcm_ima_wav",
    0x0014: "adpcm_g726",
    0x0020: "adpcm_yamaha",
    0x0022: "truespeech",
    0x0031: "gsm_ms",
    0x0032: "gsm_ms",
    0x0038: "amr_nb",
    0x0042: "g723_1",
    0x0045: "adpcm_g726",
    0x0050: "mp2",
    0x0055: "mp3",
    0x0057: "amr_nb",
    0x0058: "amr_wb",
    0x0064: "adpcm_g726",
    0x0069: "adpcm_ima_wav",
    0x00FF: "aac",
    0x0160: "wmav1",
    0x0161: "wmav2",
    0x0162: "wmapro",
    0x0163: "wmalossless",
    0x028F: "adpcm_g722",
    0x0270: "atrac3",
    0x1600: "aac",
    0x1602: "aac_latm",
    0x2000: "ac3",
    0x2001: "dts",
    0x5346: "adpcm_swf",
    0x566F: "vorbis",
    0x674F: "vorbis",
    0x704F: "opus",
    0xA109: "speex",
    0xF1AC: "flac",
}
_PCM, _FLOAT, _EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
MIN_PLACEHOLDER = 0x7FFF_0000
"""Writers of streams, which do not know the size, declare about 2 or 4 GiB."""
_W64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_W64_CHUNK = bytes.fromhex("f3acd3118cd100c04f8edb8a")  # after four letters; a chunk's ID is a GUID
_W64 = Layout(id_bytes=16, size_bytes=8, order="little", includes_header=True, alignment=8)


@attrs.frozen
class WaveFormat:
    """The WAVEFORMATEX of a stream."""

    tag: int
    channels: int
    rate: int
    bytes_per_second: int
    block: int
    bits: int
    order: ByteOrder = "little"

    @classmethod
    def parse(cls, raw: bytes, order: ByteOrder = "little") -> WaveFormat | None:
        """Parse it; None if it is incomplete or nothing can be played with it."""
        if len(raw) < 14:
            return None
        tag, channels, block = (int.from_bytes(raw[at : at + 2], order) for at in (0, 2, 12))
        rate, bytes_per_second = (int.from_bytes(raw[at : at + 4], order) for at in (4, 8))
        bits = int.from_bytes(raw[14:16], order) if len(raw) >= 16 else 8
        if tag == _EXTENSIBLE:
            tag = int.from_bytes(raw[24:28], order)  # the first field of a GUID
        is_pcm = tag in {_PCM, _FLOAT}
        if not tag or not channels or not rate or (is_pcm and not 1 <= bits <= 64):
            return None
        return cls(tag, channels, rate, bytes_per_second, block, bits, order)

    @property
    def _sample_bytes(self) -> int:
        size = (self.bits + 7) // 8
        return 4 if size == 3 and self.block == 4 * self.channels else size

    @property
    def codec(self) -> str | None:
        """As ffmpeg names it; None if unknown."""
        if self.tag not in {_PCM, _FLOAT}:
            return WAVE_CODECS.get(self.tag)
        kind = "f" if self.tag == _FLOAT else "u" if self._sample_bytes == 1 else "s"
        return pcm_codec(kind, self._sample_bytes, self.order)

    def seconds(self, size: int) -> float | None:
        """The duration of `size` bytes; None if the codec does not tell."""
        codec, samples = self.codec, None
        if self.tag in {_PCM, _FLOAT}:
            samples = size // (self.channels * self._sample_bytes)
        elif codec in {"pcm_alaw", "pcm_mulaw"}:
            samples = size // self.channels
        elif codec in {"adpcm_g722", "adpcm_yamaha"}:
            samples = size * 2 // self.channels
        elif codec == "gsm_ms":
            samples = size // 65 * 320
        elif codec == "adpcm_ms" and self.block:
            samples = self._adpcm_samples(size, header=7 * self.channels, bits=4, first=2)
        elif codec == "adpcm_ima_wav" and self.block and self.bits:
            samples = self._adpcm_samples(size, header=4 * self.channels, bits=self.bits, first=1)
        return None if samples is None else samples / self.rate

    def _adpcm_samples(self, size: int, header: int, bits: int, first: int) -> int:
        """`first` is the number of samples in the header of a block."""
        blocks, rest = divmod(size, self.block)
        full, last = (
            (block - header) * 8 // (bits * self.channels) + first if block >= header else 0
            for block in (self.block, rest)
        )
        return blocks * full + last


def pcm_codec(kind: str, sample_bytes: int, order: ByteOrder) -> str | None:
    """The name of a PCM codec, None if unknown; `kind` is s (signed), u (unsigned) or f (float)."""
    if sample_bytes not in ({4, 8} if kind == "f" else {1, 2, 3, 4, 8}):
        return None
    return f"pcm_{kind}{8 * sample_bytes}{'' if sample_bytes == 1 else order[0] + 'e'}"


def parse_riff(data: Bytes, start: int) -> Content | None:
    """WAV, RIFX, RF64, BW64, Wave64 or AVI."""
    head = data.at(start, 40)
    kind = head[:4], head[8:12]
    if kind in {(b"RIFF", b"WAVE"), (b"RF64", b"WAVE"), (b"BW64", b"WAVE")}:
        return _parse_wav(data, start + 12, RIFF, "wav")
    if kind == (b"RIFX", b"WAVE"):
        return _parse_wav(data, start + 12, IFF, "wav")
    if head[:16] == _W64_RIFF and head[24:] == b"wave" + _W64_CHUNK:
        return _parse_wav(data, start + 40, _W64, "w64")
    return _parse_avi(data, start) if kind == (b"RIFF", b"AVI ") else None


def _parse_wav(data: Bytes, offset: int, layout: Layout, name: str) -> Content:
    wave, samples, long_size = None, 0, None
    declared = present = start = 0
    for chunk in walk(data, offset, layout):
        kind = _letters(chunk)
        if kind == b"fmt " and not wave:
            wave = WaveFormat.parse(data.at(chunk.start, min(chunk.size, 40)), layout.order)
        elif kind == b"fact":
            samples = int.from_bytes(data.at(chunk.start, 4), layout.order)
        elif kind == b"ds64":
            long_size = int.from_bytes(data.at(chunk.start + 8, 8), layout.order)
        elif kind == b"data":
            start, size = chunk.start, chunk.size if long_size is None else long_size
            available = data.size - chunk.start
            if (not size and not _is_filled(data, chunk.start, layout)) or size >= MIN_PLACEHOLDER > available:
                size = available
            declared, present = size, min(size, available)  # decoders play the last one if there are several
            if size != chunk.size:
                break  # the header of the next chunk, if there is one, is not where the walk looks for it
    if wave is None:
        raise NothingToHearError("has a damaged header")
    duration = wave.seconds(present)
    if wave.codec == "mp3" and (frames := parse_mpeg_audio(data, start)):
        duration = frames.duration
    if duration is None and samples and wave.bytes_per_second:
        # The sample count tells whether the bit rate is constant.
        claimed = samples / wave.rate
        if abs(declared / wave.bytes_per_second - claimed) < 0.02 * claimed + 0.1:
            duration = present / wave.bytes_per_second
    if not present or duration == 0:
        raise NothingToHearError("has a header but no audio")
    return Content(
        format=name,
        codec=wave.codec,
        duration=duration,
        sample_rate=wave.rate,
        channels=wave.channels,
        is_truncated=present < declared,
    )


def _letters(chunk: Chunk) -> bytes:
    """The four letters of a chunk's ID; empty if it is no ID."""
    letters = chunk.id[:4]
    is_id = chunk.id[4:] in {b"", _W64_CHUNK} and all(32 <= letter < 127 for letter in letters)
    return letters if is_id else b""


def _is_filled(data: Bytes, offset: int, layout: Layout) -> bool:
    """Whether chunks fill the file from an offset to its end."""
    end = None
    for chunk in walk(data, offset, layout):
        if not _letters(chunk):
            return False
        end = chunk.end
    return end is not None and 0 <= data.size - end < layout.alignment


_AVI_AUDIO = {b"auds", b"iavs"}  # iavs: DV, with its sound in the same stream
_AVI_SOUND = {b"wb", b"__"}  # the end of the IDs of chunks that hold sound
_MAX_AVI_CHUNKS = 500


@attrs.frozen
class _AviTrack:
    kind: bytes
    seconds: float
    """What its header claims."""
    wave: WaveFormat | None


def _parse_avi(data: Bytes, start: int) -> Content:
    segments = list(takewhile(lambda chunk: chunk.id == b"RIFF", walk(data, start, RIFF)))  # a file has one per GiB
    first = segments[0]
    tracks: list[_AviTrack] = []
    has_samples = False
    for chunk in walk(data, first.start + 4, RIFF, first.end if first.size else None):
        kind = data.at(chunk.start, 4) if chunk.id == b"LIST" else b""
        if kind == b"hdrl":
            tracks = [_parse_avi_track(data, inner) for inner in walk(data, chunk.start + 4, RIFF, chunk.end)]
        elif kind == b"movi":
            has_samples = _has_avi_sound(data, chunk)
            break
    sound = next((track for track in tracks if track.kind in _AVI_AUDIO), None)
    if sound is None:
        raise NothingToHearError("has no sound track" if tracks else "has a damaged header")
    if not has_samples:
        raise NothingToHearError("has a header but no audio")
    is_complete = first.size > 0 and segments[-1].end <= data.size
    is_joined = any(data.at(segment.start, 4) != b"AVIX" for segment in segments[1:])
    return Content(
        format="avi",
        codec=sound.wave.codec if sound.wave else None,
        duration=sound.seconds or None if is_complete and not is_joined else None,
        sample_rate=sound.wave.rate if sound.wave else None,
        channels=sound.wave.channels if sound.wave else None,
        has_video=any(track.kind in {b"vids", b"iavs"} for track in tracks),
        is_truncated=data.size < segments[-1].end < MIN_PLACEHOLDER,
    )


def _parse_avi_track(data: Bytes, strl: Chunk) -> _AviTrack:
    header, wave = b"", None
    for chunk in walk(data, strl.start + 4, RIFF, strl.end) if strl.id == b"LIST" else ():
        if chunk.id == b"strh":
            header = data.at(chunk.start, min(chunk.size, 36))
        elif chunk.id == b"strf" and header[:4] == b"auds":
            wave = WaveFormat.parse(data.at(chunk.start, min(chunk.size, 40)))
    scale, rate, _, length = (int.from_bytes(header[at : at + 4], "little") for at in (20, 24, 28, 32))
    return _AviTrack(header[:4], length * scale / rate if rate else 0, wave)


def _has_avi_sound(data: Bytes, movi: Chunk) -> bool:
    """Whether the streams have sound; True if their start does not tell."""
    count = 0
    for chunk in islice(walk(data, movi.start + 4, RIFF, movi.end if movi.size else None), _MAX_AVI_CHUNKS):
        has_content = chunk.size > 0 and chunk.start < data.size
        if has_content and (chunk.id[2:] in _AVI_SOUND or chunk.id == b"LIST"):
            return True
        count += 1
    return count == _MAX_AVI_CHUNKS
