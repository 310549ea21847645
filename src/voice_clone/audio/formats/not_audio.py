"""Recognise content that is surely no audio, to name it in the error."""

from __future__ import annotations

import codecs
import re
import unicodedata

# Each name continues a sentence: "voice.mp3 is a JPEG picture".
_MAGIC = {
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x89PNG\r\n\x1a\n": "a PNG picture",
    b"GIF87a": "a GIF picture",
    b"GIF89a": "a GIF picture",
    b"II*\0": "a TIFF picture",
    b"MM\0*": "a TIFF picture",
    b"8BPS\0\1": "a Photoshop picture",
    b"%PDF-": "a PDF document",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "a Microsoft Office document",
    b"PK\x03\x04": "a ZIP archive",
    b"PK\x05\x06": "an empty ZIP archive",
    b"\x1f\x8b\x08": "a gzip file",
    b"\xfd7zXZ\0": "an xz file",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\x7fELF": "a program",
    b"\xcf\xfa\xed\xfe": "a program",
    b"\xce\xfa\xed\xfe": "a program",
    b"\xca\xfe\xba\xbe": "a program",
    b"SQLite format 3\0": "an SQLite database",
    b"MThd\0\0\0\6": "a MIDI file (notes)",
}
_PATTERNS = {
    rb"(?s)RIFF....WEBP": "a WebP picture",
    rb"(?s)RIFF....RMID": "a MIDI file (notes)",
    rb"(?s)....ftyp(?:heic|heix|mif1)": "a HEIC picture",
    rb"(?s)....ftypavif": "an AVIF picture",
    rb"(?s)BM.{4}\0{4}.{4}[\x0c\x28\x34\x38\x40\x6c\x7c]\0{3}": "a BMP picture",
    rb"BZh[1-9]1AY&SY": "a bzip2 file",
    rb"(?s)MZ.{62,}PE\0\0": "a program",
    rb"(?s).{257}ustar": "a tar archive",
}
_TEXT_PATTERNS = {
    r"(?i)\s*<(?:!doctype\s+html|html|head|body)\b": "text (HTML)",
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?(?:<!DOCTYPE[^>]*>\s*)?<svg\b": "text (SVG)",
    r"\s*<\?xml\b": "text (XML)",
    r'\s*(?:\{\s*["}]|\[\s*["{[])': "text (JSON)",
}
_BYTE_ORDER_MARKS = {  # that of UTF-16 is the beginning of that of UTF-32
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def name_other(head: bytes) -> str | None:
    """What the first bytes of a file are, if they are surely no audio and no text: "a JPEG picture"."""
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            return name
    return next((name for pattern, name in _PATTERNS.items() if re.match(pattern, head)), None)


def name_text(head: bytes) -> str | None:
    """What kind of text the first bytes of a file are: "text (HTML)", or just "text"; None if they are no text."""
    text = _decode(head)
    if text is None:
        return None
    return next((name for pattern, name in _TEXT_PATTERNS.items() if re.match(pattern, text)), "text")


def is_text(head: bytes) -> bool:
    """Whether the first bytes are text, which no audio file is."""
    return _decode(head) is not None


def _decode(head: bytes) -> str | None:
    """The first bytes as text in UTF-8, UTF-16 or UTF-32; None if they are not."""
    encodings = (encoding for mark, encoding in _BYTE_ORDER_MARKS.items() if head.startswith(mark))
    decoder = codecs.getincrementaldecoder(next(encodings, "utf-8-sig"))
    try:
        text = decoder().decode(head)  # the last character may be incomplete
    except UnicodeDecodeError:
        return None
    return text if all(map(_is_in_text, text)) else None


def _is_in_text(char: str) -> bool:
    return char.isprintable() or char in "\t\n\r\f" or unicodedata.category(char) in {"Zs", "Zl", "Zp", "Cf"}
