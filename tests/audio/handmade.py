"""Content that needs no tool: simple audio, tags, and files that are no audio."""

from __future__ import annotations

import base64
import gzip
import io
import json
import random
import sqlite3
import struct
import zipfile
import zlib
from itertools import repeat

NOISE = random.Random(16).randbytes(256)
"""Bytes that a sample of any size may consist of."""
UNKNOWN = 0xFFFFFFFF
PCM, FLOAT, ALAW, MULAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE


def noise(size: int) -> bytes:
    """Some bytes."""
    return (NOISE * (size // len(NOISE) + 1))[:size]


# WAV and its relatives


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    """A chunk of RIFF, padded to an even length; `size` is what it says instead."""
    return name + struct.pack("<I", len(content) if size is None else size) + content + b"\0" * (len(content) % 2)


def riff(*chunks: bytes, form: bytes = b"WAVE", name: bytes = b"RIFF", size: int | None = None) -> bytes:
    """A RIFF file."""
    return chunk(name, form + b"".join(chunks), size)


def fmt(rate: int = 16000, channels: int = 1, bits: int = 16, codec: int = PCM) -> bytes:
    """The chunk that describes samples."""
    frame = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", codec, channels, rate, rate * frame, frame, bits))


def wav(seconds: float, rate: int = 16000, channels: int = 1, bits: int = 16, codec: int = PCM) -> bytes:
    """A usual WAV file."""
    return riff(fmt(rate, channels, bits, codec), chunk(b"data", pcm(seconds, rate, channels, bits)))


def pcm(seconds: float, rate: int = 16000, channels: int = 1, bits: int = 16) -> bytes:
    """Samples."""
    return noise(round(seconds * rate) * channels * bits // 8)


def streamed_wav(seconds: float, riff_size: int, data_size: int) -> bytes:
    """A WAV file of a program that did not know the length when it wrote the header."""
    return riff(fmt(), chunk(b"data", pcm(seconds), data_size), size=riff_size)


def large_wav(seconds: float, name: bytes, codec: int = PCM, bits: int = 16, rate: int = 16000) -> bytes:
    """RF64 or BW64: the true sizes are in a chunk of 64-bit numbers."""
    data = pcm(seconds, rate, bits=bits)
    sizes = struct.pack("<QQQI", 4 + 36 + 24 + 8 + len(data), len(data), round(seconds * rate), 0)
    chunks = (chunk(b"ds64", sizes), fmt(rate, 1, bits, codec), chunk(b"data", data, UNKNOWN))
    return riff(*chunks, name=name, size=UNKNOWN)


def broadcast_wav(seconds: float) -> bytes:
    """A WAV file of an editor: a `bext` and a `JUNK` chunk before the samples, and tags after them."""
    chunks = (chunk(b"JUNK", bytes(28)), chunk(b"bext", bytes(602)), fmt(48000, 2, 24))
    return riff(*chunks, chunk(b"data", pcm(seconds, 48000, 2, 24)), list_chunk(), chunk(b"id3 ", id3(text_frame())))


def extensible_wav(seconds: float, channels: int) -> bytes:
    """A WAV file with a channel mask."""
    frame = channels * 2
    kind = struct.pack("<H", PCM) + bytes.fromhex("000000001000800000aa00389b71")
    content = struct.pack("<HHIIHHHHI", EXTENSIBLE, channels, 16000, 16000 * frame, frame, 16, 22, 16, 0x3F) + kind
    return riff(chunk(b"fmt ", content), chunk(b"data", pcm(seconds, 16000, channels)))


def aiff(seconds: float, rate: int = 8000) -> bytes:
    """AIFF, of 16 bits."""
    frames, data = round(seconds * rate), pcm(seconds, rate)
    extended = struct.pack(">HQ", 16383 + rate.bit_length() - 1, rate << (64 - rate.bit_length()))
    common = b"COMM" + struct.pack(">IHIH", 18, 1, frames, 16) + extended
    sound = b"SSND" + struct.pack(">III", 8 + len(data), 0, 0) + data
    return b"FORM" + struct.pack(">I", 4 + len(common) + len(sound)) + b"AIFF" + common + sound


def au(seconds: float, size: int | None = None) -> bytes:
    """AU with mu-law at 8 kHz."""
    data = pcm(seconds, 8000, bits=8)
    return b".snd" + struct.pack(">IIIII", 24, len(data) if size is None else size, 1, 8000, 1) + data


def dsf(seconds: float) -> bytes:
    """DSD audio, mono, at 2.8 MHz."""
    rate, block = 2822400, 4096
    blocks = round(seconds * rate / 8 / block)
    data = noise(blocks * block)
    form = struct.pack("<4sQIIIIIIQII", b"fmt ", 52, 1, 0, 1, 1, rate, 1, blocks * block * 8, block, 0)
    sound = struct.pack("<4sQ", b"data", 12 + len(data)) + data
    return struct.pack("<4sQQQ", b"DSD ", 28, 28 + len(form) + len(sound), 0) + form + sound


def tags_only_wav() -> bytes:
    """A WAV file with tags and without samples."""
    return riff(fmt(), list_chunk())


def wav_without_channels() -> bytes:
    """A WAV file of a broken program."""
    return riff(fmt(channels=0), chunk(b"data", b""))


def list_chunk() -> bytes:
    """A chunk of tags."""
    return chunk(b"LIST", b"INFO" + chunk(b"INAM", b"Take 1\0"))


def rf64_mulaw() -> bytes:
    """RF64 with mu-law."""
    return large_wav(12.5, b"RF64", MULAW, 8, 8000)


# Frames of compressed audio, which decode to silence


def mp3(seconds: float, bitrate_index: int = 3) -> bytes:
    """Frames of MPEG audio layer III at 48 kHz, mono, by default of 40 kbit/s."""
    bitrates = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    bitrate = bitrates[bitrate_index - 1]
    frame = struct.pack(">I", 0xFFFB04C0 | (bitrate_index - 1) << 12).ljust(144 * bitrate * 1000 // 48000, b"\0")
    return frame * round(seconds * 48000 / 1152)


def mp3_with_xing(seconds: float, name: bytes = b"Xing") -> bytes:
    """An MP3 file whose first frame has the number of frames and bytes, as encoders write it."""
    audio = mp3(seconds)
    size = len(mp3(1152 / 48000))
    header = audio[:4] + bytes(17) + name + struct.pack(">III", 3, len(audio) // size, len(audio) + size)
    return header.ljust(size, b"\0") + audio


def mp3_with_vbri(seconds: float) -> bytes:
    """An MP3 file with the header of Fraunhofer's encoders."""
    audio = mp3(seconds)
    size = len(mp3(1152 / 48000))
    fields = struct.pack(">HHHIIHHHH", 1, 0, 75, len(audio) + size, len(audio) // size, 0, 1, 2, 1)
    return (audio[:4] + bytes(32) + b"VBRI" + fields).ljust(size, b"\0") + audio


def variable_mp3(seconds: float) -> bytes:
    """An MP3 file of a variable bitrate, of which no header tells: silence, and speech after it."""
    return mp3(seconds / 2, 2) + mp3(seconds / 2, 10)


def joined_mp3() -> bytes:
    """Four MP3 files of 3 s, of which each says that it has 3 s."""
    return mp3_with_xing(3) * 4


def cut_mp3() -> bytes:
    """The first half of an MP3 file."""
    whole = mp3_with_xing(12.6)
    return whole[: len(whole) // 2]


def mp3_behind_zeros() -> bytes:
    """MP3 after zeros, of an encoder that does not trim its delay."""
    return bytes(1152) + mp3(12.6)


def adts(seconds: float, rate_index: int = 4, rate: int = 44100) -> bytes:
    """AAC in ADTS, stereo."""
    silence = bytes.fromhex("210049900219002380")
    size = 7 + len(silence)
    header = 0xFFF1 << 40 | 1 << 38 | rate_index << 34 | 2 << 30 | size << 13 | 0x7FF << 2
    return (header.to_bytes(7, "big") + silence) * round(seconds * rate / 1024)


def amr(seconds: float) -> bytes:
    """AMR, with the lowest bitrate."""
    return b"#!AMR\n" + (b"\x04" + noise(12)) * round(seconds * 50)


def wide_amr(seconds: float) -> bytes:
    """AMR-WB, with the lowest bitrate."""
    return b"#!AMR-WB\n" + (b"\x04" + noise(17)) * round(seconds * 50)


# Tags


def id3(*frames: bytes, version: int = 3, padding: int = 0) -> bytes:
    """An ID3v2 tag."""
    content = b"".join(frames) + bytes(padding)
    return b"ID3" + bytes([version, 0, 0]) + _synchsafe(len(content)) + content


def text_frame(title: str = "Take 1") -> bytes:
    """A frame of ID3v2.3 or 2.4 with a title."""
    return _frame(b"TIT2", b"\0" + title.encode())


def picture_frame(size: int, version: int = 3) -> bytes:
    """A frame of ID3v2.3 or 2.4 with a picture."""
    return _frame(b"APIC", b"\0image/jpeg\0\x03\0" + jpeg().ljust(size, b"\xff"), version)


def cover(size: int, version: int = 3) -> bytes:
    """A tag with a picture."""
    return id3(picture_frame(size, version), text_frame(), version=version)


def two_tags() -> bytes:
    """Two ID3v2 tags."""
    return id3(text_frame()) + id3(picture_frame(5000, 4), version=4)


def id3_with_footer() -> bytes:
    """An ID3v2.4 tag with a copy of its header at its end."""
    tag = id3(text_frame(), version=4)
    head = tag[:5] + b"\x10" + tag[6:10]
    return head + tag[10:] + b"3DI" + head[3:]


def end_tags() -> bytes:
    """An APE, a Lyrics3 and an ID3v1 tag."""
    return ape_tag() + lyrics_tag() + id3v1()


def old_id3() -> bytes:
    """An ID3v2.2 tag, whose frames have names of three letters."""
    content = b"\0Take 1"
    return id3(b"TT2" + len(content).to_bytes(3, "big") + content, version=2)


def id3v1() -> bytes:
    """The tag of 128 bytes at the end of a file."""
    return b"TAG" + b"Take 1".ljust(124, b"\0") + b"\xff"


def ape_tag(*, header: bool = True) -> bytes:
    """An APEv2 tag."""
    item = struct.pack("<II", 6, 0) + b"Title\0Take 1"

    def block(flags: int) -> bytes:
        return b"APETAGEX" + struct.pack("<IIII", 2000, len(item) + 32, 1, flags) + bytes(8)

    return (block(0xA0000000) if header else b"") + item + block(0x80000000 if header else 0)


def lyrics_tag() -> bytes:
    """A Lyrics3v2 tag, which is in front of an ID3v1 tag."""
    content = b"LYRICSBEGIN" + b"LYR00005Hello"
    return content + f"{len(content):06}LYRICS200".encode()


def _frame(name: bytes, content: bytes, version: int = 3) -> bytes:
    size = _synchsafe(len(content)) if version == 4 else struct.pack(">I", len(content))
    return name + size + b"\0\0" + content


def _synchsafe(size: int) -> bytes:
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


# Parts of MP4


def box(name: bytes, content: bytes) -> bytes:
    """A box of MP4."""
    return struct.pack(">I", 8 + len(content)) + name + content


def boxes(content: bytes) -> dict[bytes, bytes]:
    """The outermost boxes of an MP4 file, by name."""
    found: dict[bytes, bytes] = {}
    position = 0
    while position < len(content):
        size = int.from_bytes(content[position : position + 4], "big")
        found[content[position + 4 : position + 8]] = content[position : position + size]
        position += size
    return found


def mp4_without_moov() -> bytes:
    """An MP4 file without its index."""
    return box(b"ftyp", b"M4A \0\0\2\0isomiso2") + box(b"mdat", noise(19_900))


def reserved_mp4() -> bytes:
    """An MP4 file with space for its index, and nothing else."""
    return box(b"ftyp", b"M4A \0\0\2\0isomiso2") + box(b"free", bytes(4000)) + struct.pack(">I4s", 0, b"mdat")


def with_large_mdat(content: bytes) -> bytes:
    """An MP4 file whose `mdat` is at its end, with a size of 64 bits in front of `moov`'s offsets."""
    parts = boxes(content)
    # ffmpeg reserves the 8 bytes of `free` for this.
    media = parts[b"mdat"][8:]
    large = struct.pack(">I4sQ", 1, b"mdat", 16 + len(media)) + media
    return parts[b"ftyp"] + large + parts[b"moov"]


# Files that are no audio


def jpeg() -> bytes:
    """A picture of a phone."""
    app0 = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
    table = b"\xff\xdb\0\x43\0" + bytes(repeat(1, 64))
    frame = b"\xff\xc0\0\x0b\x08\0\x08\0\x08\1\1\x11\0"
    huffman = b"\xff\xc4\0\x14\0\1" + bytes(15) + b"\x00" + b"\xff\xc4\0\x14\x10\1" + bytes(15) + b"\x00"
    return b"\xff\xd8" + app0 + table + frame + huffman + b"\xff\xda\0\x08\1\1\0\0\x3f\0\x3f\xff\xd9"


def png() -> bytes:
    """A picture of the screen."""

    def part(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    pixels = zlib.compress((b"\0" + bytes(8)) * 8)
    head = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", pixels) + part(b"IEND", b"")


def gif() -> bytes:
    """A moving picture."""
    return b"GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"


def heic() -> bytes:
    """The beginning of a picture of an iPhone, which is an MP4 file."""
    return box(b"ftyp", b"heic\0\0\0\0mif1heic") + box(b"meta", bytes(500)) + box(b"mdat", noise(5000))


def webp() -> bytes:
    """A picture in RIFF."""
    return riff(chunk(b"VP8 ", noise(400)), form=b"WEBP")


def pdf() -> bytes:
    """A document."""
    return b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def zipped(name: str, content: bytes) -> bytes:
    """An archive with one file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


def gzipped(content: bytes) -> bytes:
    """A compressed file."""
    return gzip.compress(content)


def html() -> bytes:
    """The page of an expired link."""
    return b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Your session has expired.</body></html>\n"


def error_json() -> bytes:
    """An answer of a server, saved as audio."""
    return json.dumps({"error": {"code": "not_found", "message": "no such file"}}).encode()


def data_url(content: bytes) -> bytes:
    """Audio as text, of a browser."""
    return b"data:audio/mpeg;base64," + base64.b64encode(content)


def utf16() -> bytes:
    """A text of Windows, which begins with FF FE, nearly as MPEG audio does."""
    return "The quick brown fox jumps over the lazy dog.\r\n".encode("utf-16") * 40


def midi() -> bytes:
    """Notes, which no decoder of audio can play."""
    track = b"\0\xc0\0\0\x90\x3c\x40\x60\x80\x3c\x40\0\xff\x2f\0"
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, 96) + b"MTrk" + struct.pack(">I", len(track)) + track


def playlist() -> bytes:
    """A list of addresses of audio."""
    return b"#EXTM3U\n#EXTINF:12,Take 1\nhttp://127.0.0.1:9/take-1.mp3\n"


def hls_playlist() -> bytes:
    """The list of the segments of a stream."""
    return b"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXTINF:4.0,\nsegment0.ts\n#EXT-X-ENDLIST\n"


def database() -> bytes:
    """A database of SQLite."""
    connection = sqlite3.connect(":memory:")
    connection.execute("create table takes (name text, audio blob)")
    content = connection.serialize()
    connection.close()
    return content


def program() -> bytes:
    """The beginning of a program of Linux."""
    return b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 2, 62, 1) + noise(4000)


def resource_fork() -> bytes:
    """The file `._voice.m4a` that macOS writes beside `voice.m4a` on other disks."""
    entries = struct.pack(">IIIIII", 9, 50, 32, 2, 82, 4014)
    return b"\0\x05\x16\x07\0\x02\0\0Mac OS X        \0\x02" + entries + bytes(4014)


def pointer() -> bytes:
    """What Git LFS leaves instead of a file."""
    return b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 400044\n"


def subtitles() -> bytes:
    """Text of a video."""
    return b"WEBVTT\n\n00:00.000 --> 00:04.000\nHello. This is the voice that we are going to clone.\n"


def repeated(byte: bytes, count: int = 20_000) -> bytes:
    """One byte, again and again."""
    return byte * count


def random_bytes(size: int = 20000) -> bytes:
    """Bytes without any structure."""
    return random.Random(16).randbytes(size)


def chapters() -> bytes:
    """Metadata of ffmpeg."""
    times = (f"START={start}\nEND={start + 4000}" for start in range(0, 20_000, 4000))
    return (";FFMETADATA1\n" + "".join(f"[CHAPTER]\nTIMEBASE=1/1000\n{time}\n" for time in times)).encode()
