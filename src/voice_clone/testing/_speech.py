"""Audio of speech: valid files of a fitting length, the same in every run.

mp3 and flac are silent, wav and raw samples are a quiet tone.
"""

from __future__ import annotations

import math
import struct

import attrs

SECONDS_PER_CHARACTER = 0.06
MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "raw": "audio/pcm",
    "pcm": "audio/pcm",
}
# The number of each encoding in a wav file, and the two samples of its tone.
_ENCODINGS = {
    "pcm_s16le": (1, struct.pack("<h", -988), struct.pack("<h", 988)),
    "pcm_f32le": (3, struct.pack("<f", -0.03), struct.pack("<f", 0.03)),
    "pcm_alaw": (6, b"\x7b", b"\xfb"),
    "pcm_mulaw": (7, b"\x4e", b"\xce"),
}
# By the bits of the MPEG version: sample rates, and bit rates in kbit/s.
_KBPS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MPEG = {
    0b11: ((44100, 48000, 32000), (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)),
    0b10: ((22050, 24000, 16000), _KBPS_2),
    0b00: ((11025, 12000, 8000), _KBPS_2),
}
_FLAC_BLOCK = 4096


@attrs.frozen
class Speech:
    """A spoken text as audio."""

    text: str
    container: str = "mp3"
    """A key of MEDIA_TYPES."""
    speed: float = 1.0
    sample_rate: int = 44100
    encoding: str = "pcm_s16le"
    """Of wav and raw samples."""
    channels: int = 1
    bit_rate: int = 128_000
    """Of mp3, in bits a second; lowered to the highest that the sample rate allows."""

    @property
    def media_type(self) -> str:
        """The media type of the content."""
        return MEDIA_TYPES[self.container]

    @property
    def samples(self) -> int:
        """The length in samples of each channel; mp3 has whole frames, at least two of them for decoders."""
        samples = round(len(self.text) * SECONDS_PER_CHARACTER / self.speed * self.sample_rate)
        if self.container != "mp3":
            return samples
        return max(2, math.ceil(samples / self._samples_per_frame)) * self._samples_per_frame

    @property
    def seconds(self) -> float:
        """The length in seconds."""
        return self.samples / self.sample_rate

    @property
    def content(self) -> bytes:
        """The whole file."""
        return {"mp3": self._mp3, "wav": self._wav, "flac": self._flac}.get(self.container, self._raw)()

    def _raw(self) -> bytes:
        _, low, high = _ENCODINGS[self.encoding]
        half = self.sample_rate // 440 * self.channels
        cycle = low * half + high * half
        size = self.samples * self.channels * len(low)
        return (cycle * (size // len(cycle) + 1))[:size]

    def _wav(self) -> bytes:
        tag, sample, _ = _ENCODINGS[self.encoding]
        data, block = self._raw(), len(sample) * self.channels
        rates = struct.pack("<IIHH", self.sample_rate, self.sample_rate * block, block, len(sample) * 8)
        chunks = b"WAVEfmt " + struct.pack("<IHH", 16, tag, self.channels) + rates
        if tag != 1:  # all but plain integers need the number of samples
            chunks += b"fact" + struct.pack("<II", 4, self.samples)
        chunks += b"data" + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
        return b"RIFF" + struct.pack("<I", len(chunks)) + chunks

    @property
    def _samples_per_frame(self) -> int:
        return 1152 if self.sample_rate in _MPEG[0b11][0] else 576

    def _mp3(self) -> bytes:
        version, (rates, kbps) = next(item for item in _MPEG.items() if self.sample_rate in item[1][0])
        bit_rate = max(index for index, each in enumerate(kbps) if each * 1000 <= self.bit_rate)
        # Layer III without CRC; a frame whose other bits are all 0 is silent.
        header = (
            0x7FF << 21 | version << 19 | 0b01 << 17 | 1 << 16 | bit_rate << 12 | rates.index(self.sample_rate) << 10
        )
        header |= 0 if self.channels == 2 else 0b11 << 6
        bits_per_frame, frame = kbps[bit_rate] * 1000 * self._samples_per_frame, 8 * self.sample_rate
        frames: list[bytes] = []
        for index in range(self.samples // self._samples_per_frame):
            # Some frames are padded by a byte, so that the bit rate is exact.
            size = (index + 1) * bits_per_frame // frame - index * bits_per_frame // frame
            padded = size > bits_per_frame // frame
            frames.append((header | padded << 9).to_bytes(4, "big").ljust(size, b"\0"))
        return b"".join(frames)

    def _flac(self) -> bytes:
        rates = self.sample_rate << 44 | (self.channels - 1) << 41 | (16 - 1) << 36 | self.samples
        info = struct.pack(">HH6xQ16x", _FLAC_BLOCK, _FLAC_BLOCK, rates)  # sizes of frames and MD5 unknown
        frames = [b"fLaC\x80" + len(info).to_bytes(3, "big") + info]
        for index, start in enumerate(range(0, self.samples, _FLAC_BLOCK)):
            size = min(_FLAC_BLOCK, self.samples - start)
            # Blocks of one size, the size in 16 bits, the sample rate as above, 16 bits a sample.
            header = bytes([0xFF, 0xF8, 0x70, (self.channels - 1) << 4 | 0b1000]) + chr(index).encode()
            header += struct.pack(">H", size - 1)
            header += _crc(header, 0x07, 8)
            frame = header + b"\0\0\0" * self.channels  # each channel has one value: 0
            frames.append(frame + _crc(frame, 0x8005, 16))
        return b"".join(frames)


def _crc(data: bytes, polynomial: int, width: int) -> bytes:
    value = 0
    for byte in data:
        value ^= byte << (width - 8)
        for _ in range(8):
            value = (value << 1 ^ polynomial if value >> (width - 1) else value << 1) & ((1 << width) - 1)
    return value.to_bytes(width // 8, "big")
