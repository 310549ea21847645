"""Redaction: remove the API key from a response, however the server encoded it there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, cast

MIN_KEY = 8  # characters; a shorter key would match unrelated text


def redact_bytes(content: bytes, key: str) -> bytes:
    """A body that is not JSON, without the key; it may have been cut off within the key."""
    content, secret = content.replace(key.encode(), b"[key]"), key.encode()
    plain = re.sub(rb"\\u00([0-9a-fA-F]{2})", lambda match: bytes.fromhex(match[1].decode()), content)
    plain = re.sub(rb"\\(.)", rb"\1", plain).replace(b"\0", b"")
    if secret in plain:  # it stands there escaped, or in another encoding
        return b"[key]"
    lengths = range(min(len(secret), len(content)), 2, -1)
    length = next((length for length in lengths if content.endswith(secret[:length])), 0)
    return content[: len(content) - length] + b"[key]" if length else content


def redact_arguments(error: BaseException, key: str) -> None:
    """Remove the key from the text of an exception: some libraries show what they have received or sent."""

    def redacted(value: Any) -> Any:
        return str(value).replace(key, "[key]") if key in str(value) else value

    if len(key) >= MIN_KEY:
        error.args = tuple(map(redacted, error.args))
        if isinstance(error, OSError):  # whose text is not that of its arguments
            error.strerror, error.filename = redacted(error.strerror), redacted(error.filename)
        if notes := getattr(error, "__notes__", []):
            notes[:] = map(redacted, notes)


def redact_json(content: bytes, value: Any, key: str) -> tuple[bytes, Any]:
    """A JSON body and its value without the key."""
    if not _holds(value, key):
        return content.replace(key.encode(), b"[key]"), value
    value = _redact(value, key)
    return json.dumps(value).encode(), value  # the key may have been escaped in the body


def _holds(value: Any, key: str) -> bool:
    """Whether any text of a JSON value holds the key."""
    if isinstance(value, str):
        return key in value
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return any(key in name for name in members) or any(_holds(member, key) for member in members.values())
    return isinstance(value, list) and any(_holds(item, key) for item in cast("Iterable[Any]", value))


def _redact(value: Any, key: str) -> Any:
    """A JSON value with `[key]` in place of the key; lists and objects are changed in place."""
    if isinstance(value, str):
        return value.replace(key, "[key]")
    changed: Any = value
    if isinstance(value, list):
        changed[:] = [_redact(item, key) for item in changed]
    elif isinstance(value, dict):
        for name in [*changed]:
            changed[_redact(name, key)] = _redact(changed.pop(name), key)
    return changed
