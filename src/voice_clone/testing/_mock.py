"""The mock: one handler for all providers, from httpx.Request to httpx.Response."""

from __future__ import annotations

import importlib
import pkgutil
import threading
from collections.abc import Mapping
from typing import Any, Literal

import attrs
import httpx

import voice_clone_api
from voice_clone.testing import _behaviour, providers
from voice_clone.testing._spec import Json, Operation, Refusal, Spec

Kind = Literal[
    "invalid_request",
    "unauthorized",
    "payment_required",
    "forbidden",
    "not_found",
    "conflict",
    "quota",
    "rate_limit",
    "content_rejected",
    "server_error",
]
"""What can be wrong, in words that are the same at all providers; each answers it in its own way."""


@attrs.frozen
class Recorded:
    """A request that the mock saw."""

    provider: str
    operation: str
    """The operation id; empty for a path that the provider does not have."""
    request: httpx.Request
    body: Any
    """A dict for JSON, a list of Part for a form, None where there is none or the spec forbids it."""
    status: int
    """The HTTP status of the answer; 0 where none was given."""


@attrs.define
class _Fault:
    what: Kind | httpx.Response | BaseException
    operation: str | None
    times: int
    retry_after: float | None
    after_work: bool


class Mock:
    """All providers in one. `transport` serves clients in memory; `serve` puts it behind real HTTP."""

    transport: httpx.MockTransport
    """For the `transport=` of any client, sync or async; the provider is known by its host, or else by the path."""
    base_urls: Mapping[str, str]
    """For the `base_url=` of clients, by provider: the providers' own addresses, or those of `serve`."""
    requests: list[Recorded]
    """All requests so far, in the order of their answers."""
    api_keys: frozenset[str] | None
    """The keys that are accepted; None for any."""
    polls_until_done: int
    """At which look a clone that is polled is done."""
    clone_failure: str | None
    """Why a clone that is polled fails in the end; None where it succeeds."""

    def __init__(
        self,
        *,
        api_keys: frozenset[str] | None = None,
        polls_until_done: int = 2,
        clone_failure: str | None = None,
    ) -> None:
        """Make a mock that has no voices yet; raises TypeError where `api_keys` is one text, not a set of them."""
        if isinstance(api_keys, str):
            raise TypeError(f"api_keys is one text; give a set: {{{api_keys!r}}}")
        self.api_keys = api_keys
        self.polls_until_done = polls_until_done
        self.clone_failure = clone_failure
        self.requests = []
        self.transport = httpx.MockTransport(self.handle)
        self._faults: dict[str, list[_Fault]] = {}
        self._lock = threading.Lock()
        names = sorted(module.name for module in pkgutil.iter_modules(voice_clone_api.__path__))
        self._specs = {name: Spec.of(name) for name in names}
        self._behaviours = {name: _find(name)(self._specs[name], self) for name in names}
        self.base_urls = {name: str(spec.document["servers"][0]["url"]) for name, spec in self._specs.items()}

    def voices(self, provider: str) -> Mapping[str, Json]:
        """The voices that a provider has made, by id; raises KeyError for a provider that is not there."""
        return self._behaviours[provider].voices

    def fail(
        self,
        provider: str,
        what: Kind | httpx.Response | BaseException,
        *,
        operation: str | None = None,
        times: int = 1,
        retry_after: float | None = None,
        after_work: bool = False,
    ) -> None:
        """Let the next requests fail.

        `what` is the kind of an error, which the provider answers in its own way; a whole response; or an exception,
        which the transport raises, and for which `serve` closes the connection. `operation` is an operation id, None
        for any. `retry_after` is in seconds. With `after_work` the provider does what was asked, and then fails.
        Raises ValueError for a kind of error that the provider does not document, and for a provider or an operation
        that is not there.
        """
        if provider not in self._specs:
            raise ValueError(f"there is no provider {provider!r}; there are {', '.join(self._specs)}")
        known = [each.id for each in self._specs[provider].operations()]
        if operation not in (None, *known):
            raise ValueError(f"{provider} has no operation {operation!r}; it has {', '.join(known)}")
        if isinstance(what, str):
            self._behaviours[provider].error(what, "")
        self._faults.setdefault(provider, []).append(_Fault(what, operation, times, retry_after, after_work))

    def handle(self, request: httpx.Request, provider: str | None = None) -> httpx.Response:
        """Answer a request."""
        request.read()
        with self._lock:
            found = self._route(request, provider)
            if found is None:
                return httpx.Response(404, text="no provider has this path")
            name, operation, parameters = found
            body: Any = None
            status = 0
            try:
                response, body = self._answer(name, operation, parameters, request)
                status = response.status_code
            finally:
                seen = Recorded(name, operation.id if operation else "", request, body, status)
                self.requests.append(seen)
        return response

    def _route(
        self, request: httpx.Request, provider: str | None
    ) -> tuple[str, Operation | None, dict[str, str]] | None:
        by_host = [name for name, spec in self._specs.items() if spec.host == request.url.host]
        names = [provider] if provider else by_host or list(self._specs)
        path = request.url.raw_path.decode().partition("?")[0]
        for name in names:
            for operation in self._specs[name].operations():
                parameters = operation.match(path)
                if parameters is not None and operation.method == request.method:
                    return name, operation, parameters
        return (names[0], None, {}) if len(names) == 1 else None

    def _answer(
        self, name: str, operation: Operation | None, parameters: dict[str, str], request: httpx.Request
    ) -> tuple[httpx.Response, Any]:
        behaviour = self._behaviours[name]
        if operation is None:
            return httpx.Response(404, text=f"no operation {request.method} {request.url.path}"), None
        fault = self._next_fault(name, operation)
        if fault and not fault.after_work:
            return self._fail(behaviour, fault), None
        body: Any = None
        try:
            body = self._specs[name].judge(operation, request, self.api_keys)
            response = behaviour.respond(operation, parameters, body)
        except Refusal as refusal:
            return behaviour.error(refusal.kind, refusal.message), body
        return (self._fail(behaviour, fault) if fault else response), body

    def _next_fault(self, name: str, operation: Operation) -> _Fault | None:
        for fault in self._faults.get(name, []):
            if fault.times > 0 and fault.operation in (None, operation.id):
                fault.times -= 1
                return fault
        return None

    @staticmethod
    def _fail(behaviour: _behaviour.Behaviour, fault: _Fault) -> httpx.Response:
        if isinstance(fault.what, BaseException):
            raise fault.what
        if isinstance(fault.what, httpx.Response):
            # What it holds is decoded, and its length is known anew.
            headers = [
                (name, value)
                for name, value in fault.what.headers.multi_items()
                if name not in ("content-encoding", "content-length", "transfer-encoding")
            ]
            response = httpx.Response(fault.what.status_code, headers=headers, content=fault.what.content)
        else:
            response = behaviour.error(fault.what, f"{fault.what.replace('_', ' ')}, as the test asked for")
        if fault.retry_after is not None:
            response.headers["Retry-After"] = f"{fault.retry_after:.3f}".rstrip("0").rstrip(".")
        return response


@attrs.frozen
class MockedProvider:
    """One provider of a mock."""

    mock: Mock
    """The whole mock: `api_keys`, `polls_until_done` and `clone_failure` are there."""
    name: str

    @property
    def requests(self) -> list[Recorded]:
        """All requests to the provider so far, in the order of their answers."""
        return [seen for seen in self.mock.requests if seen.provider == self.name]

    @property
    def voices(self) -> Mapping[str, Json]:
        """The voices that the provider has made, by id."""
        return self.mock.voices(self.name)

    def fail(
        self,
        what: Kind | httpx.Response | BaseException,
        *,
        operation: str | None = None,
        times: int = 1,
        retry_after: float | None = None,
        after_work: bool = False,
    ) -> None:
        """Let the next requests to the provider fail; the arguments are those of `Mock.fail`."""
        self.mock.fail(
            self.name, what, operation=operation, times=times, retry_after=retry_after, after_work=after_work
        )


def _find(name: str) -> type[_behaviour.Behaviour]:
    """The behaviour of a provider, from its own module; one that has none answers with samples from its spec."""
    known = {module.name for module in pkgutil.iter_modules(providers.__path__)}
    if name not in known:
        return _behaviour.Behaviour
    module = importlib.import_module(f"{providers.__name__}.{name}")
    kind: type[_behaviour.Behaviour] = module.Mocked
    return kind
