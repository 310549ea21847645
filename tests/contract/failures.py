"""The failure message of a contract test: which line of which spec promised what, what was seen, and advice."""

from __future__ import annotations

import textwrap
from typing import Any, NoReturn

import httpx

from tests.contract.documents import Place


class Breach(AssertionError):  # noqa: N818 - the name that reports show
    """A provider's contract was broken."""


def breach(promise: Place | str, problem: str, *, do: str, **seen: Any) -> NoReturn:
    """Fail: `promise` is the place in the spec or the file that was broken, `seen` the actual value."""
    __tracebackhide__ = True
    where = promise.here if isinstance(promise, Place) else promise
    lines = [problem, f"  promised by: {where}"]
    lines += [f"  {what.replace('_', ' ')}: {shown(value)}" for what, value in seen.items()]
    raise Breach("\n".join([*lines, f"  what to do: {do}"]))


def shown(value: Any) -> str:
    """A value as shown in messages."""
    if isinstance(value, httpx.Request):
        headers = ", ".join(f"{name}: {text}" for name, text in value.headers.items() if "auth" not in name)
        value = f"{value.method} {value.url.raw_path.decode()} ({headers}) {value.content[:2000]!r}"
    if isinstance(value, httpx.Response):
        value = f"HTTP {value.status_code} {value.content[:2000]!r}"
    text = value if isinstance(value, str) else repr(value)
    return textwrap.shorten(text, 2000, placeholder=" …")
