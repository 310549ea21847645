"""The mock: all providers behind one handler, from httpx.Request to httpx.Response."""

from __future__ import annotations

import importlib
import pkgutil
import threading
from collections.abc import Callable, Mapping
from typing import Any, Literal

import attrs
import httpx

import voice_clone_api
from voice_clone._http.environment import is_loopback
from voice_clone._provider.specs import Json, Operation
from voice_clone.testing import providers
from voice_clone.testing._behaviour import Behaviour, file_host
from voice_clone.testing._spec import Refusal, Spec

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
"""A kind of error, named the same for all providers; each has its own response for it."""

_DOWNLOAD = Operation("download", "GET", "/{name}", {})
"""A request for a file: a preview, speech or an asset. No spec has it, and no API key belongs in it."""


@attrs.frozen
class Recorded:
    """A request to the mock."""

    provider: str
    """Name of the provider."""
    operation: str
    """The operation ID; `download` for a file; empty for an unknown path."""
    request: httpx.Request
    """The request as the client sent it."""
    body: Any
    """A dict for JSON, a list of Part for a form, None without a body or if it breaks the spec."""
    status: int
    """The HTTP status of the response; 0 if there was none."""


@attrs.define
class _Fault:
    outcome: Kind | httpx.Response | BaseException
    operation: str | None
    times: int
    retry_after: float | None
    after_work: bool


class _Behaviours(dict[str, Behaviour]):
    """The behaviour of each provider, made on first use: one that cannot be made stops no other provider's tests."""

    def __init__(self, make: Callable[[str], Behaviour]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: str) -> Behaviour:
        self[name] = behaviour = self._make(name)
        return behaviour


class Mock:
    """A mock of all providers. `transport` serves clients in memory; `serve` serves them over HTTP."""

    transport: httpx.MockTransport
    """For the `transport=` of any client, sync or async; finds the provider by host, or else by path."""
    base_urls: Mapping[str, str]
    """For the `base_url=` of clients, by provider: the providers' own base URLs, or those of `serve`."""
    requests: list[Recorded]
    """All requests so far, in the order of their responses."""
    api_keys: frozenset[str] | None
    """Valid API keys; None accepts any."""
    polls_until_done: int
    """Number of polls after which a clone is done, at providers that are polled."""
    clone_failure: str | None
    """Failure message of clones at providers that are polled; None lets them succeed."""
    clone_limit: int | None
    """Number of clones that an account may have at a provider; None for no limit. A deletion frees a slot."""
    list_lag: int
    """Number of list requests from which a new clone is missing."""
    voices_in_use: set[str]
    """IDs of voices that HeyGen does not delete, as templates use them."""

    def __init__(
        self,
        *,
        api_keys: frozenset[str] | None = None,
        polls_until_done: int = 2,
        clone_failure: str | None = None,
        clone_limit: int | None = None,
        list_lag: int = 0,
    ) -> None:
        """Create a mock without voices; raises TypeError if `api_keys` is a string."""
        if isinstance(api_keys, str):
            raise TypeError(f"api_keys must be a set of strings: {{{api_keys!r}}}")
        self.api_keys = api_keys
        self.polls_until_done = polls_until_done
        self.clone_failure = clone_failure
        self.clone_limit = clone_limit
        self.list_lag = list_lag
        self.voices_in_use = set()
        self.requests = []
        self.transport = httpx.MockTransport(self.handle)
        self._faults: dict[str, list[_Fault]] = {}
        self._idempotent: dict[tuple[str, str, str], httpx.Response] = {}
        self._lock = threading.Lock()
        names = sorted(module.name for module in pkgutil.iter_modules(voice_clone_api.__path__))
        self._specs = {name: Spec.of(name) for name in names}
        self._behaviours = _Behaviours(lambda name: _behaviour_of(name)(self._specs[name], self))
        self.base_urls = {name: spec.base_url for name, spec in self._specs.items()}

    def voices(self, provider: str) -> Mapping[str, Json]:
        """A provider's cloned voices, by ID; raises KeyError for an unknown provider."""
        if provider not in self._specs:
            raise KeyError(provider)
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
        """Make the next `times` requests to a provider fail.

        `what` is a kind of error, for the provider's own response to it; a whole response; or an exception that the
        transport raises, for which `serve` closes the connection. `operation` is an operation ID or `download`, None
        for any. `retry_after` is in seconds. With `after_work` the provider handles the request before it fails.
        Raises ValueError for an unknown provider or operation, and for an error that the provider does not document.
        """
        if provider not in self._specs:
            raise ValueError(f"unknown provider {provider!r} (choose from {', '.join(self._specs)})")
        operations = [known.id for known in [*self._specs[provider].operations(), _DOWNLOAD]]
        if operation not in (None, *operations):
            raise ValueError(f"{provider} has no operation {operation!r} (choose from {', '.join(operations)})")
        if isinstance(what, str):
            self._behaviours[provider].error(what, "")
        self._faults.setdefault(provider, []).append(_Fault(what, operation, times, retry_after, after_work))

    def handle(self, request: httpx.Request, provider: str | None = None) -> httpx.Response:
        """Respond to a request."""
        request.read()
        with self._lock:
            route = self._route(request, provider)
            if route is None:
                return httpx.Response(404, text="no provider has this path")
            name, operation, parameters = route
            body: Any = None
            status = 0
            try:
                response, body = self._respond(name, operation, parameters, request)
                status = response.status_code
            finally:
                self.requests.append(Recorded(name, operation.id if operation else "", request, body, status))
        return response

    def _route(
        self, request: httpx.Request, provider: str | None
    ) -> tuple[str, Operation | None, dict[str, str]] | None:
        host = request.url.host
        by_host = [name for name, spec in self._specs.items() if host in (spec.host, file_host(name))]
        names = [provider] if provider else by_host or list(self._specs)
        path = request.url.raw_path.decode().partition("?")[0]
        for name in names:
            if request.method == "GET" and (host == file_host(name) or path[1:] in self._behaviours[name].files):
                return name, _DOWNLOAD, {}
            for operation in self._specs[name].operations():
                parameters = operation.match(path)
                if parameters is not None and operation.method == request.method:
                    return name, operation, parameters
        return (names[0], None, {}) if len(names) == 1 else None

    def _respond(
        self, name: str, operation: Operation | None, parameters: dict[str, str], request: httpx.Request
    ) -> tuple[httpx.Response, Any]:
        behaviour = self._behaviours[name]
        if operation is None:
            return httpx.Response(404, text=f"no operation {request.method} {request.url.path}"), None
        fault = self._next_fault(name, operation)
        if fault and not fault.after_work:
            return self._fail(behaviour, fault), None
        body: Any = None
        served = is_loopback(request.url.host)
        behaviour.files_url = str(request.url.join("/"))[:-1] if served else f"https://{file_host(name)}"
        try:
            if operation is _DOWNLOAD:
                response = behaviour.download(request)
            else:
                spec = self._specs[name]
                body = spec.validate(operation, request, self.api_keys)
                parameters |= spec.query(operation, request)
                response = self._once(name, operation, request, lambda: behaviour.respond(operation, parameters, body))
        except Refusal as refusal:
            return behaviour.error(refusal.kind, refusal.message), body
        return (self._fail(behaviour, fault) if fault else response), body

    def _once(
        self, name: str, operation: Operation, request: httpx.Request, work: Callable[[], httpx.Response]
    ) -> httpx.Response:
        """Respond to a request with a repeated Idempotency-Key as to the first one, where the spec has that header."""
        key = request.headers.get("Idempotency-Key")
        if key is None or "Idempotency-Key" not in self._specs[name].parameters(operation, "header"):
            return work()
        first = (name, operation.id, key)
        if first not in self._idempotent:
            self._idempotent[first] = work()
        known = self._idempotent[first]
        return httpx.Response(known.status_code, headers=known.headers, content=known.content)

    def _next_fault(self, name: str, operation: Operation) -> _Fault | None:
        for fault in self._faults.get(name, []):
            if fault.times > 0 and fault.operation in (None, operation.id):
                fault.times -= 1
                return fault
        return None

    @staticmethod
    def _fail(behaviour: Behaviour, fault: _Fault) -> httpx.Response:
        if isinstance(fault.outcome, BaseException):
            raise fault.outcome
        if isinstance(fault.outcome, httpx.Response):
            # Its content is already decoded, so these headers no longer apply.
            headers = [
                (name, value)
                for name, value in fault.outcome.headers.multi_items()
                if name not in ("content-encoding", "content-length", "transfer-encoding")
            ]
            response = httpx.Response(fault.outcome.status_code, headers=headers, content=fault.outcome.content)
        else:
            response = behaviour.error(fault.outcome, f"simulated error: {fault.outcome.replace('_', ' ')}")
        if fault.retry_after is not None:
            response.headers["Retry-After"] = f"{fault.retry_after:.3f}".rstrip("0").rstrip(".")
        return response


@attrs.frozen
class MockedProvider:
    """One provider of a mock."""

    mock: Mock
    """The whole mock, with its settings."""
    name: str
    """Name of the provider."""

    @property
    def requests(self) -> list[Recorded]:
        """All requests to the provider so far, in the order of their responses."""
        return [request for request in self.mock.requests if request.provider == self.name]

    @property
    def voices(self) -> Mapping[str, Json]:
        """The provider's cloned voices, by ID."""
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
        """Make the next requests to the provider fail; takes the arguments of `Mock.fail`."""
        self.mock.fail(
            self.name, what, operation=operation, times=times, retry_after=retry_after, after_work=after_work
        )


def _behaviour_of(provider: str) -> type[Behaviour]:
    """A provider's behaviour, from its module in `providers`; without a module, samples from its spec."""
    if provider not in {module.name for module in pkgutil.iter_modules(providers.__path__)}:
        return Behaviour
    behaviour: type[Behaviour] = importlib.import_module(f"{providers.__name__}.{provider}").Mocked
    return behaviour
