"""A strict reader of multipart/form-data."""

from __future__ import annotations

import re
from urllib.parse import unquote

import attrs

_PARAMETER = re.compile(r';\s*(\w+\*?)="([^"]*)"')


class MultipartError(ValueError):
    """The body is not well-formed multipart/form-data."""


@attrs.frozen
class Part:
    """One part of a form."""

    name: str
    """Name of the field."""
    file_name: str | None
    """None for a plain field."""
    media_type: str | None
    """None if the form does not name it."""
    content: bytes = attrs.field(repr=lambda content: f"<{len(content)} bytes>")
    """The bytes of the file or field."""


def read_parts(content_type: str, body: bytes) -> list[Part]:
    """Split a form into its parts; raises MultipartError if it is not well-formed."""
    boundary = re.search(r'boundary="?([^";]+)"?', content_type)
    if not boundary:
        raise MultipartError("the Content-Type has no boundary")
    delimiter = b"--" + boundary[1].encode()
    pieces = (b"\r\n" + body).split(b"\r\n" + delimiter)
    if len(pieces) < 3 or pieces[0] or pieces[-1] not in (b"--", b"--\r\n"):
        raise MultipartError("the body does not begin and end with the boundary")
    return [_read_part(piece) for piece in pieces[1:-1]]


def _read_part(piece: bytes) -> Part:
    head, blank, content = piece.partition(b"\r\n\r\n")
    if not blank or not head.startswith(b"\r\n"):
        raise MultipartError("a part has no headers")
    headers: dict[str, str] = {}
    try:
        lines = head[2:].decode("utf-8").split("\r\n")
    except UnicodeDecodeError:
        raise MultipartError("a part's headers are not UTF-8") from None
    for line in lines:
        key, colon, value = line.partition(":")
        if not colon or key.lower() in headers:
            raise MultipartError(f"a part has a malformed or repeated header: {line!r}")
        headers[key.lower()] = value.strip()
    disposition = headers.get("content-disposition", "")
    if not disposition.startswith("form-data"):
        raise MultipartError("a part is not form-data")
    # Quotes and line breaks in names are percent-encoded, as HTML's form encoding requires.
    parameters = {key: unquote(value) for key, value in _PARAMETER.findall(disposition)}
    if "name" not in parameters:
        raise MultipartError("a part has no name")
    return Part(parameters["name"], parameters.get("filename"), headers.get("content-type"), content)
