"""What a mocked provider does with a good request, and how it says no to a bad one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import httpx

from voice_clone.testing._spec import Json, Operation, Spec

if TYPE_CHECKING:
    from voice_clone.testing._mock import Mock


Errors = Mapping[str, tuple[int, str | int | None]]


class Behaviour:
    """A provider that answers with samples from its spec; the modules in `providers` say more."""

    errors: ClassVar[Errors] = {
        "invalid_request": (400, "invalid_request"),
        "unauthorized": (401, "unauthorized"),
        "rate_limit": (429, "rate_limit"),
        "server_error": (500, "server_error"),
    }
    """The kinds of errors that the provider documents, with the HTTP status and code of each."""

    def __init__(self, spec: Spec, mock: Mock) -> None:
        """Make a provider that has no voices yet."""
        self.spec = spec
        self.mock = mock
        self.voices: dict[str, Json] = {}
        self.answers = 0

    def respond(self, operation: Operation, parameters: dict[str, str], body: Any) -> httpx.Response:
        """Answer a request that the spec allows: by the method of the operation's id, or with a sample."""
        special = getattr(self, operation.id, None)
        if special is not None:
            response: httpx.Response = special(body, **parameters)
            return response
        status, success = next(item for item in operation.spec["responses"].items() if item[0].startswith("2"))
        content = self.spec.resolve(success).get("content", {})
        if not content:
            return httpx.Response(int(status))
        return httpx.Response(int(status), json=self.spec.sample(next(iter(content.values()))["schema"]))

    def error(self, kind: str, message: str) -> httpx.Response:
        """Refuse a request, in the provider's own way; raise ValueError for a kind that it does not document."""
        if kind not in self.errors:
            raise ValueError(f"{self.spec.provider} documents no {kind!r}; it has {', '.join(self.errors)}")
        return self.refuse(*self.errors[kind], message)

    def refuse(self, status: int, code: str | int | None, message: str) -> httpx.Response:
        """Build the provider's error answer."""
        return httpx.Response(status, json={"error": {"code": code, "message": message}})

    def new_id(self) -> str:
        """32 hexadecimal digits that no answer before had, the same in every run."""
        self.answers += 1
        return hashlib.sha256(f"{self.spec.provider} {self.answers}".encode()).hexdigest()[:32]
