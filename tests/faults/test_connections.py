"""The route to the server: addresses, connect timeouts, proxies, certificates, and connections of paid requests."""

from __future__ import annotations

import gc
import itertools
import json
import socket
import ssl
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import trustme

import voice_clone
from tests.clips import MP3
from tests.conftest import OPTIONS, PROVIDERS, Caller, Clock
from tests.faults.faults import KEY
from tests.faults.server import TIMEOUT, Conversation, Gone, Listener, Talk, head, listening, tls_context, whole
from tests.leaks import texts
from voice_clone import (
    CloneJob,
    OutcomeUnknownError,
    RequestTimeoutError,
    TransportError,
    VoiceCloneError,
    connect,
    connect_async,
)
from voice_clone.testing import Mock

CLIP = MP3
HOST = "voices.invalid"
"""A host that no name server knows; tests that connect to it without a proxy give it an address."""
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
each_way = pytest.mark.parametrize("way", ["sync", "asyncio", "trio"])
sync_and_async = pytest.mark.parametrize("way", ["sync", "asyncio"])
getaddrinfo = socket.getaddrinfo


@pytest.fixture(autouse=True)
def _an_environment_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def at(mock: Mock, clock: Clock) -> Callable[..., Any]:
    """Clone at a base URL; returns the voice or the error."""

    def run(way: str, base_url: str, *, provider: str = "cartesia", **client: Any) -> Any:
        options = {"api_key": KEY, "base_url": base_url, "transport": None, "timeout": 5.0} | client
        try:
            return Caller(way, mock, clock)(provider, "clone", CLIP, client=options, **OPTIONS[provider])
        except VoiceCloneError as error:
            return error

    return run


def not_sent(error: Any, kind: type[TransportError] = TransportError) -> TransportError:
    """Fail unless this is an error of this class that leaves no unknown outcome."""
    assert type(error) is kind, repr(error)
    assert not isinstance(error, OutcomeUnknownError)
    assert not [text for text in texts(error) if KEY in text]
    return error


def everything(error: BaseException) -> str:
    """All texts of an error, and the local variables of its frames and its causes', except in tests."""
    shown: list[str] = []
    chain: list[BaseException | None] = [error]
    for each in chain:
        if each is None:
            continue
        chain += [each.__cause__, each.__context__]
        shown += [str(each), repr(each), repr(vars(each))]
        for frame, _ in traceback.walk_tb(each.__traceback__):
            if "/tests/" not in frame.f_code.co_filename:
                for value in frame.f_locals.values():
                    with suppress(Exception):  # a partly constructed object has no repr
                        shown.append(repr(value))
    return "\n".join(shown)


def answering(mock: Mock, provider: str = "cartesia") -> Talk:
    """A provider that responds correctly."""

    def talk(conversation: Conversation) -> None:
        conversation.send(whole(mock.handle(conversation.request(), provider)))

    return talk


def resolve(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Resolve the host to these addresses, in this order."""

    def lookup(host: Any, port: Any, *args: Any, **kwargs: Any) -> list[Any]:
        names = addresses if host in (HOST, HOST.encode()) else (host,)
        return [info for name in names for info in getaddrinfo(name, port, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)


@contextmanager
def hanging(host: str = "127.0.0.1", port: int = 0) -> Generator[int]:
    """A port that does not accept: its backlog is full. Yields its number."""
    with ExitStack() as opened:
        listener = opened.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            pytest.skip(f"the system has no {host}")
        listener.listen(0)
        for _ in range(8):
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


# Addresses and connect timeouts


@each_way
def test_dead_address_leaves_time_for_the_next(
    way: str, at: Callable[..., Any], mock: Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the first address does not respond, the second is reached within the timeout."""
    with listening(answering(mock)) as server, hanging("127.0.0.2", server.port):
        resolve(monkeypatch, "127.0.0.2", "127.0.0.1")
        began = time.monotonic()
        voice = at(way, f"http://{HOST}:{server.port}", timeout=2, max_retries=0, allow_http=True)
        assert time.monotonic() - began < 1.9
    assert voice.id in mock.voices("cartesia")
    assert server.connections == 1


@sync_and_async
def test_dead_addresses_share_the_connect_timeout(
    way: str, at: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If no address responds, the connect timeout is shared and nothing was sent."""
    with hanging("127.0.0.1") as port, hanging("127.0.0.2", port):
        resolve(monkeypatch, "127.0.0.1", "127.0.0.2")
        began = time.monotonic()
        error = at(way, f"http://{HOST}:{port}", timeout=0.4, max_retries=0, allow_http=True)
        assert time.monotonic() - began < 1.4
    not_sent(error, RequestTimeoutError)


@each_way
def test_connect_timeout_is_independent(way: str, at: Callable[..., Any]) -> None:
    """An unresponsive server ends the attempt after the connect timeout, even if the total timeout is longer."""
    with hanging() as port:
        began = time.monotonic()
        error = at(way, f"http://127.0.0.1:{port}", timeout=httpx.Timeout(120, connect=0.3), max_retries=0)
        assert time.monotonic() - began < 5
    assert not_sent(error, RequestTimeoutError).retryable


@pytest.mark.parametrize(("timeout", "longest"), [({}, 10), ({"timeout": 60}, 10), ({"timeout": 3}, 3)])
def test_connect_timeout_is_at_most_ten_seconds(timeout: dict[str, Any], longest: float, mock: Mock) -> None:
    """With a single number or the default as timeout, connecting gets at most 10 seconds."""
    seen: list[dict[str, float]] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request.extensions["timeout"])
        return mock.handle(request)

    with connect("cartesia", api_key=KEY, transport=httpx.MockTransport(handle), **timeout) as cartesia:
        cartesia.clone(CLIP, **OPTIONS["cartesia"])
    assert seen[0]["connect"] == longest
    assert seen[0]["read"] == timeout.get("timeout", 120)


# Proxies


def refusing(status: int) -> Talk:
    """A proxy that responds to CONNECT with a status."""

    def talk(conversation: Conversation) -> None:
        conversation.request()
        conversation.answer(status, b"no")

    return talk


def closing(conversation: Conversation) -> None:
    """A proxy that closes the connection after CONNECT."""
    conversation.request()
    raise Gone


def dripping(begin: bytes) -> Talk:
    """A server or proxy whose response starts like this, then arrives byte by byte."""

    def talk(conversation: Conversation) -> None:
        conversation.request()
        conversation.send(begin)
        conversation.drip(itertools.repeat(b"a", 150))

    return talk


def tunnel(port: int) -> Talk:
    """A proxy that connects to a loopback port for any host."""

    def talk(conversation: Conversation) -> None:
        asked = conversation.request()
        assert asked.method == "CONNECT"
        with socket.create_connection(("127.0.0.1", port), TIMEOUT) as upstream:
            conversation.send(b"HTTP/1.1 200 Connected\r\n\r\n")
            thread = threading.Thread(target=pump, args=(upstream, conversation.connection))
            thread.start()
            pump(conversation.connection, upstream)
            thread.join(TIMEOUT)
        raise Gone

    return talk


def pump(source: socket.socket, target: socket.socket) -> None:
    """Forward bytes, and their end."""
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.fixture(params=["variable", "option"])
def through(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """Options of a client behind a proxy, by the environment or by `proxy=`."""

    def options(address: str) -> dict[str, Any]:
        if request.param == "option":
            return {"proxy": address}
        monkeypatch.setenv("HTTPS_PROXY", address)
        return {}

    return options


REFUSALS = {"407": refusing(407), "403": refusing(403), "502": refusing(502), "close": closing}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
@sync_and_async
def test_refusing_proxy_sent_nothing(
    way: str, refusal: Talk, through: Callable[[str], dict[str, Any]], at: Callable[..., Any]
) -> None:
    """If a proxy refuses CONNECT, nothing was sent to the provider, and the advice is about the proxy."""
    with listening(refusal) as proxy:
        address = f"http://user:pr0xyw0rd@127.0.0.1:{proxy.port}"
        error = not_sent(at(way, f"https://{HOST}", **through(address)))
    assert "proxy" in error.advice.lower()
    assert proxy.requests[0].url.host == HOST
    assert {request.method for request in proxy.requests} == {"CONNECT"}
    assert not [text for text in [*texts(error), *map(repr, proxy.requests)] if "pr0xyw0rd" in text or KEY in text]


@sync_and_async
def test_missing_proxy_is_retried(
    way: str, through: Callable[[str], dict[str, Any]], at: Callable[..., Any], clock: Clock
) -> None:
    """If nothing listens at the proxy's address, the request is retried, and nothing was sent."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    assert not_sent(at(way, f"https://{HOST}", **through(address))).retryable
    assert len(clock.slept) == 2


SOCKS = {
    "closes": b"",
    "no method": b"\x05\xff",
    "refuses": b"\x05\x00\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00",
    "no SOCKS": b"HTTP/1.1 400 Bad Request\r\n\r\n",
}


@pytest.mark.parametrize("answer", SOCKS.values(), ids=SOCKS)
@sync_and_async
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # httpcore's own: it is closed when it is collected
def test_refusing_socks_proxy_sent_nothing(
    way: str, answer: bytes, at: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a SOCKS proxy closes or refuses the connection, nothing was sent to the provider."""
    pytest.importorskip("socksio", reason="httpx needs it for SOCKS proxies")

    def talk(conversation: Conversation) -> None:
        conversation.receive()
        conversation.send(answer[:2] if answer[:1] == b"\x05" else answer)
        if answer[2:] and answer[:1] == b"\x05":
            conversation.receive()
            conversation.send(answer[2:])
        raise Gone

    with listening(talk) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"socks5://127.0.0.1:{proxy.port}")
        not_sent(at(way, f"https://{HOST}"))
    gc.collect()


@each_way
def test_clone_through_a_proxy(
    way: str,
    through: Callable[[str], dict[str, Any]],
    at: Callable[..., Any],
    mock: Mock,
    trusted: str,
    certified: Callable[..., ssl.SSLContext],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A clone and its poll pass a proxy to a provider with TLS, and the proxy sees no plain text."""
    mock.polls_until_done = 1
    monkeypatch.setenv("SSL_CERT_FILE", trusted)
    with (
        listening(answering(mock, "heygen"), certified(HOST)) as server,
        listening(tunnel(server.port)) as proxy,
    ):
        options = through(f"http://127.0.0.1:{proxy.port}")
        voice = at(way, f"https://{HOST}", provider="heygen", **options)
    assert voice.id in mock.voices("heygen")
    assert {request.method for request in proxy.requests} == {"CONNECT"}
    assert "authorization" not in {name.lower() for request in proxy.requests for name in request.headers}
    assert [request.method for request in server.requests] == ["POST", "GET"]


NO_PROXY = {
    HOST: True,
    "invalid": True,
    ".invalid": True,
    f"other.example, {HOST}": True,
    f"https://{HOST}": True,
    "*": True,
    "": False,
    "other.example": False,
    f"http://{HOST}": False,
    "10.0.0.0/8, ::1, localhost": False,
}


@pytest.mark.parametrize(("no_proxy", "direct"), NO_PROXY.items())
def test_no_proxy_is_read_as_by_httpx(
    no_proxy: str,
    direct: bool,
    at: Callable[..., Any],
    mock: Mock,
    trusted: str,
    certified: Callable[..., ssl.SSLContext],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A host in NO_PROXY is reached directly, by httpx's rules, sync and async."""
    resolve(monkeypatch, "127.0.0.1")
    with (
        listening(answering(mock), certified(HOST)) as server,
        listening(tunnel(server.port)) as proxy,
    ):
        for name, value in {
            "SSL_CERT_FILE": trusted,
            "HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}",
            "NO_PROXY": no_proxy,
        }.items():
            monkeypatch.setenv(name, value)
        url = f"https://{HOST}:{server.port}"
        httpx.get(url)
        assert proxy.connections == (0 if direct else 1)
        for way in ("sync", "asyncio"):
            before = proxy.connections
            assert at(way, url).id in mock.voices("cartesia")
            assert (proxy.connections > before) != direct


@sync_and_async
def test_slow_proxy_does_not_extend_the_timeout(
    way: str, through: Callable[[str], dict[str, Any]], at: Callable[..., Any]
) -> None:
    """A CONNECT response that arrives byte by byte ends at the timeout, and nothing was sent."""
    with listening(dripping(b"HTTP/1.1 200 ")) as proxy:
        options = through(f"http://127.0.0.1:{proxy.port}")
        began = time.monotonic()
        error = at(way, f"https://{HOST}", timeout=0.3, max_retries=0, **options)
        assert time.monotonic() - began < 1.5
    not_sent(error, RequestTimeoutError)


@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 OK\r\nX: ", head(200, 5000)], ids=["head", "body"])
@sync_and_async
def test_slow_server_without_a_proxy_does_not_extend_the_timeout(
    way: str, begin: bytes, at: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The timeout also holds for a host in NO_PROXY, and with a proxy for other hosts."""
    resolve(monkeypatch, "127.0.0.1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", HOST)
    with listening(dripping(begin)) as server:
        began = time.monotonic()
        error = at(way, f"http://{HOST}:{server.port}", timeout=0.3, max_retries=0, allow_http=True)
        assert time.monotonic() - began < 1.5
    assert type(error) is OutcomeUnknownError
    assert server.connections == 1


@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 OK\r\nX: ", head(200, 5000)], ids=["head", "body"])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.filterwarnings("ignore:Async generator.*ByteStream:ResourceWarning")  # httpx's own, under trio
def test_timeout_holds_with_a_transport_of_the_caller(backend: str, begin: bytes, at: Callable[..., Any]) -> None:
    """In async clients the timeout holds with any transport."""
    with listening(dripping(begin)) as server:
        transport = httpx.AsyncHTTPTransport(verify=False)
        began = time.monotonic()
        error = at(backend, server.base_url, timeout=0.3, max_retries=0, transport=transport)
        assert time.monotonic() - began < 1.5
    assert type(error) is OutcomeUnknownError


# Certificates


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority that no system trusts."""
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path) -> str:
    """The path to the authority's certificate."""
    path = str(tmp_path / "authority.pem")
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def certified(authority: trustme.CA) -> Callable[..., ssl.SSLContext]:
    """An SSLContext for a server at some host."""
    return lambda *names, **options: tls_context(authority, *names, **options)


LONG_AGO = datetime.now(UTC) - timedelta(days=2)
CERTIFICATES: dict[str, tuple[str, dict[str, Any], bool]] = {
    "unknown authority": ("127.0.0.1", {}, False),
    "another host": ("other.example", {}, True),
    "expired": ("127.0.0.1", {"not_before": LONG_AGO, "not_after": LONG_AGO + timedelta(days=1)}, True),
}


@pytest.mark.parametrize(("name", "options", "known"), CERTIFICATES.values(), ids=CERTIFICATES)
@each_way
def test_invalid_certificate_is_not_retried(
    way: str,
    name: str,
    options: dict[str, Any],
    known: bool,
    at: Callable[..., Any],
    mock: Mock,
    trusted: str,
    certified: Callable[..., ssl.SSLContext],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An unverified certificate ends the call at once; the advice names the option and the variable."""
    if known:
        monkeypatch.setenv("SSL_CERT_FILE", trusted)
    with listening(answering(mock), certified(name, **options)) as server:
        error = not_sent(at(way, server.base_url))
    assert server.connections == 1
    assert not error.retryable
    assert "verify=" in error.advice
    assert "SSL_CERT_FILE" in error.advice
    assert isinstance(error.__cause__, httpx.ConnectError)
    assert mock.requests == []


@pytest.mark.parametrize("kind", ["text", "path", "context"])
@each_way
def test_verify_accepts_a_path_or_a_context(
    way: str, kind: str, at: Callable[..., Any], mock: Mock, trusted: str, certified: Callable[..., ssl.SSLContext]
) -> None:
    """`verify=` is a path to a CA bundle or an SSLContext."""
    verify = {"text": trusted, "path": Path(trusted), "context": ssl.create_default_context(cafile=trusted)}[kind]
    with listening(answering(mock), certified("127.0.0.1")) as server:
        assert at(way, server.base_url, verify=verify).id in mock.voices("cartesia")


# A broken environment

SECRET = "s3cr#etpassw0rd"
BROKEN: dict[str, tuple[str, dict[str, str]]] = {
    "no such file": ("SSL_CERT_FILE", {"SSL_CERT_FILE": "/no/such/file"}),
    "garbage in the file": ("SSL_CERT_FILE", {"SSL_CERT_FILE": __file__}),
    "socks5 without socksio": ("HTTPS_PROXY", {"HTTPS_PROXY": "socks5://127.0.0.1:1"}),
    "socks4": ("HTTPS_PROXY", {"HTTPS_PROXY": "socks4://127.0.0.1:1"}),
    "garbage": ("ALL_PROXY", {"ALL_PROXY": "garbage://127.0.0.1:1"}),
    "brackets": ("NO_PROXY", {"HTTPS_PROXY": "http://127.0.0.1:1", "NO_PROXY": "[::1]"}),
    "port too large": ("HTTPS_PROXY", {"HTTPS_PROXY": "http://[::]:99999"}),
    "port too large for all": ("ALL_PROXY", {"ALL_PROXY": "http://[::]:99999"}),
    "lower case": ("https_proxy", {"https_proxy": "socks4://127.0.0.1:1"}),
    "number sign in the password": ("HTTPS_PROXY", {"HTTPS_PROXY": f"http://user:{SECRET}@127.0.0.1:1"}),
}
CLIENTS = ("HeyGen", "Retell", "Cartesia", "MiniMax")


@pytest.mark.parametrize(("variable", "environment"), BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("kind", ["class", "async class", "connect", "connect_async"])
def test_invalid_environment_is_a_typed_error(
    kind: str, variable: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An invalid proxy or certificate variable is named in the error, which shows no secret."""
    monkeypatch.setitem(sys.modules, "socksio", None)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for provider, client in zip(PROVIDERS, CLIENTS, strict=True):
        make: Callable[[], Any] = {
            "class": lambda client=client: getattr(voice_clone, client)(KEY),
            "async class": lambda client=client: getattr(voice_clone, f"Async{client}")(KEY),
            "connect": lambda provider=provider: connect(provider, api_key=KEY),
            "connect_async": lambda provider=provider: connect_async(provider, api_key=KEY),
        }[kind]
        with pytest.raises(VoiceCloneError) as caught:
            make()
        error = caught.value
        assert variable in error.message
        assert error.provider == provider
        shown = everything(error)
        assert not [secret for secret in (KEY, *SECRET.split("#")) if secret in shown]


@pytest.mark.parametrize(
    "address",
    ["garbage://x", "http://", "http://[::]:99999", f"http://user:{SECRET}@x", 3],
    ids=["scheme", "host", "port", "password", "number"],
)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_invalid_proxy_option_is_a_typed_error(provider: str, address: Any) -> None:
    """An invalid `proxy=` is refused, and the error shows no secret."""
    for make in (connect, connect_async):
        with pytest.raises(VoiceCloneError, match="proxy") as caught:
            make(provider, api_key=KEY, proxy=address)
        shown = everything(caught.value)
        assert not [secret for secret in (KEY, *SECRET.split("#")) if secret in shown]


@pytest.mark.parametrize("verify", ["/no/such/file", __file__, 3], ids=["missing", "garbage", "number"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_invalid_verify_option_is_a_typed_error(provider: str, verify: Any) -> None:
    """An invalid `verify=` is refused, and the error shows no key."""
    for make in (connect, connect_async):
        with pytest.raises(VoiceCloneError, match="verify") as caught:
            make(provider, api_key=KEY, verify=verify)
        assert KEY not in everything(caught.value)


# A connection of its own

CLONES = 24


def once(mock: Mock, provider: str) -> Talk:
    """A provider that closes an idle connection when the next request arrives on it."""

    def talk(conversation: Conversation) -> None:
        conversation.send(whole(mock.handle(conversation.request(), provider)))
        conversation.request()
        conversation.reset()

    return talk


@pytest.mark.parametrize("provider", PROVIDERS)
@sync_and_async
def test_paid_request_opens_its_own_connection(provider: str, way: str, mock: Mock, clock: Clock) -> None:
    """No clone has an unknown outcome because the provider closed an idle connection."""
    mock.polls_until_done = 1
    with listening(once(mock, provider)) as server:
        assert len(clones(way, server, provider, clock, CLONES)) == CLONES
    posts = [request for request in server.requests if request.method == "POST"]
    assert len(posts) == CLONES * (2 if provider == "minimax" else 1)
    own = [request.extensions["connection"] for request in posts]
    assert len(set(own)) == len(own)
    polled = {request.extensions["connection"] for request in server.requests if request.method == "GET"}
    assert not polled & set(own)


def clones(way: str, server: Listener, provider: str, clock: Clock, count: int) -> list[Any]:
    """Clone this many times with one client, one after the other."""
    options: dict[str, Any] = {"api_key": KEY, "base_url": server.base_url, "timeout": 5}
    names = [OPTIONS[provider] | {"name": f"Voice {number}"} for number in range(count)]
    client: Any = connect(provider, **options) if way == "sync" else connect_async(provider, **options)
    client._runtime = clock.runtime()
    if way == "sync":
        with client:
            return [client.clone(CLIP, **name) for name in names]

    async def main() -> list[Any]:
        async with client:
            return [await client.clone(CLIP, **name) for name in names]

    return anyio.run(main, backend=way)


EVIL = {
    "heygen": {"data": {"voice_clone_id": "EVIL", "voice_id": "EVIL", "name": "EVIL", "status": "complete"}},
    "retell": {"voice_id": "EVIL", "voice_name": "EVIL", "provider": "elevenlabs"},
    "cartesia": {"id": "EVIL", "name": "EVIL", "is_owner": True},
    "minimax": {"file": {"file_id": 666}, "base_resp": {"status_code": 2039, "status_msg": "EVIL"}},
}


def leaving(mock: Mock, provider: str) -> Talk:
    """A provider that sends a second response after each one, in the same segment."""
    more = json.dumps(EVIL[provider]).encode()

    def talk(conversation: Conversation) -> None:
        good = whole(mock.handle(conversation.request(), provider))
        conversation.send(good + head(200, len(more), Content_Type="application/json") + more)

    return talk


@pytest.mark.parametrize("provider", PROVIDERS)
@each_way
def test_extra_response_is_not_the_next_one(provider: str, way: str, mock: Mock, clock: Clock) -> None:
    """After extra bytes from a server three clones get their own voices, each from one paid request."""
    mock.polls_until_done = 1
    with listening(leaving(mock, provider)) as server:
        voices = clones(way, server, provider, clock, 3)
    assert [voice.id for voice in voices] == list(mock.voices(provider))
    assert [voice.name for voice in voices] == ["Voice 0", "Voice 1", "Voice 2"]
    assert len(mock.voices(provider)) == 3
    paid = [request for request in server.requests if request.method == "POST" and "upload" not in request.url.path]
    assert len(paid) == 3
    if provider == "minimax":
        uploads = [seen for seen in mock.requests if seen.operation == "upload_file"]
        used = [seen.body["file_id"] for seen in mock.requests if seen.operation == "clone_voice"]
        assert len(uploads) == len(set(used)) == 3


@each_way
def test_poll_with_another_voice_is_retried(way: str, mock: Mock, clock: Clock) -> None:
    """A poll response with another voice is retried on a new connection."""
    ids = ["v1", "v2", "v3"]

    def talk(conversation: Conversation) -> None:
        asked = conversation.request().url.path.rpartition("/")[2]
        answers = [
            {"data": {"voice_id": name, "name": f"name of {name}", "status": "complete"}} for name in (asked, "x")
        ]
        contents = [json.dumps(answer).encode() for answer in answers]
        conversation.send(b"".join(head(200, len(content)) + content for content in contents))

    with listening(talk) as server:
        options: dict[str, Any] = {"api_key": KEY, "base_url": server.base_url, "timeout": 5}

        async def main() -> list[Any]:
            async with connect_async("heygen", **options) as client:
                client._runtime = clock.runtime()
                return [await client.wait(CloneJob("heygen", voice_id)) for voice_id in ids]

        if way == "sync":
            with connect("heygen", **options) as client:
                client._runtime = clock.runtime()
                voices = [client.wait(CloneJob("heygen", voice_id)) for voice_id in ids]
        else:
            voices = anyio.run(main, backend=way)
    assert [(voice.id, voice.name) for voice in voices] == [(each, f"name of {each}") for each in ids]


@each_way
def test_responses_about_another_voice_only_are_an_error(way: str, mock: Mock, clock: Clock) -> None:
    """If every response has another voice, the poll raises an error with the job."""

    def talk(conversation: Conversation) -> None:
        conversation.request()
        conversation.answer(200, json.dumps(EVIL["heygen"]).encode())

    with listening(talk) as server:
        options: dict[str, Any] = {"api_key": KEY, "base_url": server.base_url, "transport": None, "timeout": 5}
        job = CloneJob("heygen", "v1")
        with pytest.raises(VoiceCloneError) as caught:
            Caller(way, mock, clock)("heygen", "wait", job, client=options)
    assert caught.value.job == job
    assert len(server.requests) == 3
