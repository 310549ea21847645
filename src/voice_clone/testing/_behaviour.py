"""What a mocked provider does with a good request, and how it says no to a bad one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

import httpx

from voice_clone.testing._spec import Json, Operation, Spec

if TYPE_CHECKING:
    from voice_clone.testing._mock import Mock


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


class Behaviour:
    """A provider that answers with samples from its spec; the modules in `providers` say more."""

    errors: ClassVar[Errors] = {}
    """The kinds of errors that the provider documents, with the HTTP status and code of each; empty for what the
    statuses of its spec say."""

    def __init__(self, spec: Spec, mock: Mock) -> None:
        """Make a provider that has no voices yet."""
        self.spec = spec
        self.mock = mock
        self.voices: dict[str, Json] = {}
        self.answers: int = 0
        self.documented: dict[str, Json] = {
            status: answer
            for operation in spec.operations()
            for status, answer in operation.spec["responses"].items()
            if not status.startswith("2")
        }
        by_status = {kind: (status, None) for status, kind in _BY_STATUS.items() if str(status) in self.documented}
        self.kinds: Errors = self.errors or {"invalid_request": (400, None), "unauthorized": (401, None), **by_status}

    def respond(self, operation: Operation, parameters: dict[str, str], body: Any) -> httpx.Response:
        """Answer a request that the spec allows: by the method of the operation's id, or with a sample."""
        special = getattr(self, operation.id, None)
        if special is not None:
            response: httpx.Response = special(body, **parameters)
            return response
        return self._sample(*next(item for item in operation.spec["responses"].items() if item[0].startswith("2")))

    def error(self, kind: str, message: str) -> httpx.Response:
        """Refuse a request, in the provider's own way; raise ValueError for a kind that it does not document."""
        if kind not in self.kinds:
            raise ValueError(f"{self.spec.provider} documents no {kind!r}; it has {', '.join(self.kinds)}")
        return self.refuse(*self.kinds[kind], message)

    def refuse(self, status: int, code: str | int | None, message: str) -> httpx.Response:
        """Build the provider's error answer."""
        if str(status) not in self.documented:
            return httpx.Response(status, text=message)
        return self._sample(str(status), self.documented[str(status)], message=message)

    def _sample(self, status: str, answer: Json, **texts: str) -> httpx.Response:
        content = self.spec.resolve(answer).get("content", {})
        if not content:
            return httpx.Response(int(status))
        body: Any = self.spec.sample(next(iter(content.values()))["schema"])
        if isinstance(body, dict):
            body = cast("Json", body)
            body |= {name: text for name, text in texts.items() if isinstance(body.get(name), str)}
        return httpx.Response(int(status), json=body)

    def new_id(self) -> str:
        """32 hexadecimal digits that no answer before had, the same in every run."""
        self.answers += 1
        return hashlib.sha256(f"{self.spec.provider} {self.answers}".encode()).hexdigest()[:32]
