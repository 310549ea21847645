"""Fetch a page, from a file or an https URL. Nothing else of the pipeline reads from outside of the project."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from scripts.common import PipelineError

MAX_PAGE = 32 * 2**20


def fetch(source: str) -> tuple[str, bytes]:
    """The name and bytes of a page from a file or an https URL."""
    if "://" not in source:
        path = Path(source)
        try:
            return path.name, path.read_bytes()
        except (OSError, ValueError) as error:
            raise PipelineError(f"{source}: {getattr(error, 'strerror', None) or error}") from None
    import httpx

    try:
        address = urlsplit(source)
    except ValueError as error:
        raise PipelineError(f"{source}: {error}") from None
    if address.scheme != "https" and address.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise PipelineError(f"{source}: only https addresses are fetched")
    try:
        with httpx.stream("GET", source, timeout=30) as response:
            if response.status_code != httpx.codes.OK:
                raise PipelineError(f"{source}: HTTP status {response.status_code}; nothing was taken")
            data = b""
            for chunk in response.iter_bytes():
                data += chunk
                if len(data) > MAX_PAGE:
                    raise PipelineError(f"{source}: more than {MAX_PAGE // 2**20} MiB; nothing was taken")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise PipelineError(f"{source}: {type(error).__name__}: {error}") from None
    return Path(address.path).name, data
