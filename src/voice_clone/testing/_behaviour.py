"""The responses of a mocked provider: to valid requests, and errors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, cast

import httpx

from voice_clone._provider.specs import Json, Operation
from voice_clone.testing._spec import Spec

Errors = Mapping[str, tuple[int, str | int | None]]

_BY_STATUS = {
    422: "invalid_request",
    400: "invalid_request",
    401: "unauthorized",
    402: "payment_required",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    429: "rate_limit",
    500: "server_error",
}


class Settings(Protocol):
    """Settings of a mock that its providers read at each request."""

    polls_until_done: int
    clone_failure: str | None


class Behaviour:
    """A provider that responds with samples from its spec; the modules in `providers` override operations."""

    errors: ClassVar[Errors] = {}
    """HTTP status and code of each kind of error that the provider documents; by default, the statuses of its spec."""

    def __init__(self, spec: Spec, settings: Settings) -> None:
        """Create a provider without voices."""
        self.spec = spec
        self.settings = settings
        self.voices: dict[str, Json] = {}
        self._ids = 0
        self.documented: dict[str, Json] = {
            status: response
            for operation in spec.operations()
            for status, response in operation.spec["responses"].items()
            if not status.startswith("2")
        }
        by_status = {kind: (status, None) for status, kind in _BY_STATUS.items() if str(status) in self.documented}
        self.kinds: Errors = self.errors or {"invalid_request": (400, None), "unauthorized": (401, None), **by_status}

    def respond(self, operation: Operation, parameters: dict[str, str], body: Any) -> httpx.Response:
        """Respond to a valid request, by the method that the operation ID names, or with a sample."""
        method = getattr(self, operation.id, None)
        if method is not None:
            response: httpx.Response = method(body, **parameters)
            return response
        return self._sample(*next(item for item in operation.spec["responses"].items() if item[0].startswith("2")))

    def error(self, kind: str, message: str) -> httpx.Response:
        """The provider's error response; raises ValueError for a kind that the provider does not document."""
        if kind not in self.kinds:
            raise ValueError(f"{self.spec.provider} documents no error {kind!r} (choose from {', '.join(self.kinds)})")
        return self.refuse(*self.kinds[kind], message)

    def refuse(self, status: int, code: str | int | None, message: str) -> httpx.Response:
        """Build the provider's error response."""
        if str(status) not in self.documented:
            return httpx.Response(status, text=message)
        return self._sample(str(status), self.documented[str(status)], message=message)

    def _sample(self, status: str, documented: Json, **texts: str) -> httpx.Response:
        content = self.spec.resolve(documented).get("content", {})
        if not content:
            return httpx.Response(int(status))
        body: Any = self.spec.sample(next(iter(content.values()))["schema"])
        if isinstance(body, dict):
            body = cast("Json", body)
            body |= {name: text for name, text in texts.items() if isinstance(body.get(name), str)}
        return httpx.Response(int(status), json=body)

    def new_id(self) -> str:
        """A new ID of 32 hexadecimal digits, the same in every run."""
        self._ids += 1
        return hashlib.sha256(f"{self.spec.provider} {self._ids}".encode()).hexdigest()[:32]
