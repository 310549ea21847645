"""Fetch a page, from a file or an https URL. Nothing else of the pipeline reads from outside of the project."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import urlsplit

from scripts.lib.errors import PipelineError

MAX_PAGE = 32 * 2**20
MAX_SECONDS = 120


def fetch(source: str) -> tuple[str, bytes]:
    """The name and bytes of a page from a file or an https URL."""
    if "://" not in source:
        path = Path(source)
        try:
            with path.open("rb") as file:
                data = file.read(MAX_PAGE + 1)
        except (OSError, ValueError) as error:
            raise PipelineError(f"{source}: {getattr(error, 'strerror', None) or error}") from None
        check_size(source, len(data))
        return path.name, data
    import httpx

    try:
        address = urlsplit(source)
    except ValueError as error:
        raise PipelineError(f"{source}: {error}") from None
    if address.scheme != "https" and address.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise PipelineError(f"{source}: only https addresses are fetched")
    if "@" in address.netloc:
        raise PipelineError(f"{address.scheme}://…@{address.hostname}: an address with credentials is not fetched")
    deadline = time.monotonic() + MAX_SECONDS
    try:
        # Redirects are not followed: the lock records the given address.
        with httpx.stream("GET", source, timeout=30, headers={"Accept-Encoding": "identity"}) as response:
            if response.status_code != httpx.codes.OK:
                raise PipelineError(f"{source}: HTTP status {response.status_code}; nothing was taken")
            if (coding := response.headers.get("Content-Encoding", "identity")) != "identity":
                raise PipelineError(
                    f"{source}: encoded as {coding}, though the request asked for identity; save it as a file"
                )
            taken = bytearray()
            for chunk in response.iter_raw():
                taken += chunk
                check_size(source, len(taken))
                if time.monotonic() > deadline:
                    raise PipelineError(f"{source}: timed out after {MAX_SECONDS} s; nothing was taken")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise PipelineError(f"{source}: {type(error).__name__}: {error}") from None
    return Path(address.path).name, bytes(taken)


def check_size(source: str, size: int) -> None:
    """Refuse a source that is larger than MAX_PAGE."""
    if size > MAX_PAGE:
        raise PipelineError(f"{source}: more than {MAX_PAGE // 2**20} MiB; nothing was taken")
