"""Options and environment variables for reaching a server: base URL, headers, certificates, proxies."""

from __future__ import annotations

import ssl
import traceback
import unittest.mock
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from tests.conftest import OPTIONS, PROVIDERS, Caller
from tests.leaks import texts
from voice_clone import HeyGen, InvalidRequestError, MiniMax, VoiceCloneError, connect, connect_async
from voice_clone._http.environment import environment_proxies, ssl_context

KEY = "sk-0123456789abcdef"
PROXIES = ("http", "https", "all", "no")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_proxy".upper(), raising=False)


# Base URLs


@pytest.mark.parametrize("provider", PROVIDERS)
def test_base_url_comes_from_the_environment(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`<PROVIDER>_BASE_URL` is read if `base_url` is omitted, before MiniMax's MINIMAX_API_HOST."""
    monkeypatch.setenv("MINIMAX_API_HOST", "https://host.example")
    monkeypatch.setenv(f"{provider.upper()}_BASE_URL", "https://env.example")
    assert connect(provider, api_key=KEY).base_url == "https://env.example"
    assert connect_async(provider, api_key=KEY).base_url == "https://env.example"
    assert connect(provider, api_key=KEY, base_url="https://own.example").base_url == "https://own.example"
    monkeypatch.delenv(f"{provider.upper()}_BASE_URL")
    assert MiniMax(KEY).base_url == "https://host.example"


def test_invalid_base_url_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the environment holds an invalid base URL, the error names the variable."""
    for name, url in (("HEYGEN_BASE_URL", "garbage"), ("HEYGEN_BASE_URL", "http://api.example.com")):
        monkeypatch.setenv(name, url)
        with pytest.raises(InvalidRequestError, match=f"^heygen: {name} (is|must be) "):
            connect("heygen", api_key=KEY)


@pytest.mark.parametrize(
    "url", ["https://a.example?key=1", "https://a.example/x#y", "https://a.example/?", "https://a.example#"]
)
def test_base_url_with_a_query_is_refused(url: str) -> None:
    """A `?` or `#` would become part of a request's path."""
    with pytest.raises(InvalidRequestError, match=r"must not have a query or a fragment"):
        HeyGen(KEY, base_url=url)


@pytest.mark.parametrize(
    ("provider", "path"), [("minimax", "/v1"), ("minimax", "/v1/"), ("heygen", "/v3"), ("heygen", "/v3/voices")]
)
def test_base_url_with_a_path_version_is_refused(provider: str, path: str) -> None:
    """A version that every path starts with is refused, and the error says what to leave out."""
    with pytest.raises(
        InvalidRequestError, match=f"must not end in {path.rstrip('/')}, with which paths of {provider}"
    ):
        connect(provider, api_key=KEY, base_url=f"https://api.example.com{path}")
    url = "https://api.example.com/gateway"
    assert connect(provider, api_key=KEY, base_url=url).base_url == url


def test_port_above_65535_is_refused() -> None:
    """A port above 65535 is refused before a socket refuses it."""
    with pytest.raises(InvalidRequestError, match="must be a URL like"):
        HeyGen(KEY, base_url="https://a.example:99999")


# Headers


@pytest.mark.parametrize("provider", PROVIDERS)
def test_headers_are_sent_with_every_request(provider: str, call: Caller, wav: bytes) -> None:
    """Each request has the caller's headers, also one that replaces a default header."""
    client = {"headers": {"X-Team": "voices", "user-agent": "mine/1"}}
    call(provider, "clone", wav, client=client, **OPTIONS[provider])
    assert call.mock.requests
    for seen in call.mock.requests:
        assert (seen.request.headers["x-team"], seen.request.headers["User-Agent"]) == ("voices", "mine/1")
        assert seen.request.headers.get_list("user-agent") == ["mine/1"]


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({"X-Api-Key": "other"}, "pass the key as api_key="),
        ({"content-type": "text/plain"}, "each request sets"),
        ({"Transfer-Encoding": "chunked"}, "each request sets"),
        ({"X Team": "a"}, "not a header name"),
        ({3: "a"}, "not a header name"),
        (["X-Team"], "must be a mapping"),
        ({"X-Team": "a\r\nX-Evil: b"}, "not printable ASCII text"),
        ({"X-Team": "ä"}, "not printable ASCII text"),
        ({"X-Team": 3}, "not printable ASCII text"),
    ],
)
def test_headers_that_would_break_a_request_are_refused(headers: Any, text: str) -> None:
    """The API key's header, body headers and invalid headers are refused on construction."""
    with pytest.raises(InvalidRequestError, match=text) as caught:
        HeyGen(KEY, headers=headers)
    assert not [each for each in texts(caught.value) if KEY in each]


# Certificates


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A file with the certificate of a certificate authority."""
    path = tmp_path / "authority.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    return path


def test_verify_is_a_context_or_a_path(authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A context is used unchanged, a path is read once; otherwise SSL_CERT_FILE and SSL_CERT_DIR apply as in httpx."""
    own = ssl.create_default_context()
    assert ssl_context(own) is own
    assert ssl_context(authority) is ssl_context(str(authority))
    assert len(ssl_context(authority).get_ca_certs()) == 1
    assert ssl_context(authority.parent) is not ssl_context(authority)  # a folder of hashed names
    default = ssl_context()
    assert default is ssl_context()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    assert ssl_context().get_ca_certs() == ssl_context(authority).get_ca_certs()
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv("SSL_CERT_DIR", str(authority.parent))
    assert ssl_context() not in (default, ssl_context(authority))


def test_certificates_of_httpx_are_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an option or a variable, httpx's certificate authorities are used."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert ssl_context().get_ca_certs() == httpx.create_ssl_context(trust_env=False).get_ca_certs() != []


@pytest.mark.parametrize("verify", [True, False, 3, b"ca.pem"])
def test_verify_cannot_be_switched_off(verify: Any) -> None:
    """Unverified certificates would expose the API key."""
    with pytest.raises(InvalidRequestError, match=r"must be an ssl\.SSLContext or the path to a CA bundle"):
        HeyGen(KEY, verify=verify)


@pytest.mark.parametrize("content", [None, b"garbage", b""])
def test_unreadable_certificates_are_an_error(content: bytes | None, tmp_path: Path, monkeypatch: Any) -> None:
    """A missing or invalid certificate file is an error that names the option or the variable."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidRequestError, match=r"heygen: cannot read certificates from verify=.*ca\.pem"):
        HeyGen(KEY, verify=path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(InvalidRequestError, match="cannot read certificates from SSL_CERT_FILE=") as caught:
        connect("heygen", api_key=KEY)
    assert "unset" in caught.value.advice
    assert not [text for text in texts(caught.value) if KEY in text]


# Proxies


def test_proxies_of_the_environment_are_read_as_by_httpx(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies and exceptions have the patterns that httpx derives from the environment."""
    monkeypatch.setenv("HTTP_PROXY", "http://a.example:1")
    monkeypatch.setenv("https_proxy", "b.example:2")
    monkeypatch.setenv("ALL_PROXY", "http://me:pass@c.example:3")
    monkeypatch.setenv("NO_PROXY", "d.example, .e.example,LocalHost,127.0.0.1,192.168.0.0/16,::1,http://f.example:4,")
    ours = {pattern: proxy and (str(proxy.url), proxy.auth) for pattern, proxy in environment_proxies().items()}
    by_httpx = httpx.Client()._get_proxy_map(None, allow_env_proxies=True)
    assert ours == {pattern: proxy and (str(proxy.url), proxy.auth) for pattern, proxy in by_httpx.items()}
    monkeypatch.setenv("NO_PROXY", "a.example,*")
    assert environment_proxies() == {}


@pytest.mark.parametrize(
    ("variable", "address", "text"),
    [
        ("HTTPS_PROXY", "garbage://", "is not the address of a proxy"),
        ("HTTP_PROXY", "http://", "is not the address of a proxy"),
        ("ALL_PROXY", "http://[::]:99999", "is not the address of a proxy"),
        ("ALL_PROXY", "http://me:pa#ss-word@127.0.0.1:1", "is not the address of a proxy"),
        ("https_proxy", "http://127.0.0.1:1#pa@ss-word", "is not the address of a proxy"),
        ("HTTPS_PROXY", "socks4://me:pass-word@127.0.0.1:1", "scheme 'socks4'"),
        ("NO_PROXY", "[::1]", "not a host"),
        ("NO_PROXY", "a.example,[::]:99999", "not a host"),
    ],
)
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("make", [connect, connect_async])
def test_invalid_proxy_variable_is_named(
    make: Any, provider: str, variable: str, address: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the variable; no text or frame holds the key or a password."""
    monkeypatch.setenv(variable, address)
    with pytest.raises(VoiceCloneError, match=f"{variable} .*{text}") as caught:
        make(provider, api_key=KEY)
    assert not [each for each in texts(caught.value) if KEY in each or "ss-word" in each]


def test_proxy_option_overrides_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`proxy=` is a URL or an httpx.Proxy; with it no variable applies."""
    monkeypatch.setenv("HTTPS_PROXY", "garbage://")
    for proxy in ("http://127.0.0.1:1", httpx.URL("http://127.0.0.1:1"), httpx.Proxy("http://127.0.0.1:1")):
        assert HeyGen(KEY, proxy=proxy).base_url
    odd: list[Any] = ["socks4://127.0.0.1:1", "ftp://a", 3]
    for each in odd:
        with pytest.raises(InvalidRequestError, match="heygen: proxy "):
            HeyGen(KEY, proxy=each)


def test_socks_proxy_needs_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """A SOCKS proxy without its package is an error that says what to install."""
    monkeypatch.setattr("voice_clone._http.environment.find_spec", dict[str, Any]().get)
    with pytest.raises(InvalidRequestError, match="needs the package socksio") as caught:
        HeyGen(KEY, proxy="socks5://127.0.0.1:1")
    assert caught.value.advice == "pip install 'httpx[socks]'"


def test_connection_options_with_a_transport_are_refused() -> None:
    """A caller's transport would ignore verify= and proxy=, so they are refused."""
    with pytest.raises(InvalidRequestError, match="verify and proxy cannot be combined with transport"):
        HeyGen(KEY, transport=httpx.HTTPTransport(verify=False), verify="ca.pem", proxy="http://127.0.0.1:1")


# Attributes


@pytest.mark.parametrize("name", ["base_url", "client", "timeout", "max_retries", "api_key"])
def test_attributes_cannot_be_assigned(name: str) -> None:
    """Assigning an option is an error that says what to do."""
    for client in (HeyGen(KEY), connect_async("minimax", api_key=KEY)):
        with pytest.raises(AttributeError, match=f"{name} cannot be assigned: pass options when you"):
            setattr(client, name, 5)


def test_interrupted_construction_leaves_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C during construction leaves the key in no local variable of this package."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("voice_clone._client.base.ssl_context", interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:
        connect("heygen", api_key=KEY)
    trace = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in trace.stack if "/tests/" not in frame.filename]
    assert ours
    assert not [frame for frame in ours if KEY in str(frame.locals)]


def test_methods_can_be_patched_and_subclasses_have_attributes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test may replace a method and a subclass may add attributes, but not assign an option."""

    class Mine(HeyGen):
        def __init__(self) -> None:
            super().__init__(KEY)
            self.log = ["made"]

    mine, plain = Mine(), HeyGen(KEY)
    assert mine.log == ["made"]
    with pytest.raises(AttributeError, match="timeout cannot be assigned"):
        setattr(mine, "timeout", 5)  # noqa: B010
    with pytest.raises(AttributeError, match="HeyGen has no attribute 'log'"):
        setattr(plain, "log", [])  # noqa: B010
    monkeypatch.setattr(plain, "clone", "patched-{}".format)
    assert getattr(plain, "clone")("me.wav") == "patched-me.wav"  # noqa: B009
    with unittest.mock.patch.object(mine, "wait", return_value="patched"):
        assert getattr(mine, "wait")() == "patched"  # noqa: B009


SECRET = "hunter2-pass-word"


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"X-Api-Key": SECRET}},
        {"proxy": f"socks4://me:{SECRET}@a.example"},
        {"proxy": f"http://me:{SECRET}@a.example:99999"},
        {"proxy": f"http://me:{SECRET}@a.example", "transport": httpx.MockTransport(lambda _: httpx.Response(200))},
        {"base_url": f"https://me:{SECRET}@a.example"},
    ],
    ids=["headers", "scheme", "port", "transport", "base_url"],
)
def test_refused_option_leaves_no_secret_in_a_frame(options: dict[str, Any]) -> None:
    """A refused option's secret and the key are in no local variable of this package."""
    for make in (connect, connect_async):
        with pytest.raises(InvalidRequestError) as caught:
            make("heygen", api_key=KEY, **options)
        assert not [text for text in texts(caught.value) if SECRET in text or KEY in text]


def test_unknown_provider_leaves_no_key_in_a_frame() -> None:
    """A mistyped provider name leaves the key in no frame."""
    with pytest.raises(InvalidRequestError, match="heygn") as caught:
        connect("heygn", api_key=KEY)
    assert not [text for text in texts(caught.value) if KEY in text]
