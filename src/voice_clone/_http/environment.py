"""Certificates and proxies, from options or from the environment; each mistake there is an InvalidRequestError."""

from __future__ import annotations

import functools
import os
import ssl
from collections.abc import Mapping
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import TypeAlias
from urllib.request import getproxies

import httpx

from voice_clone.errors import InvalidRequestError

Verify: TypeAlias = ssl.SSLContext | str | os.PathLike[str]
ProxySource: TypeAlias = str | httpx.URL | httpx.Proxy
MAX_PORT = 65535
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def ssl_context(verify: Verify | None = None) -> ssl.SSLContext:
    """The TLS context for `verify=`; by default httpx's own, shared by all clients of the same environment.

    Raises InvalidRequestError if the certificates cannot be read.
    """
    if isinstance(verify, ssl.SSLContext):
        return verify
    if isinstance(verify, str | os.PathLike):
        return _context(ssl.SSLContext, "verify", os.fspath(verify))
    if verify is not None:
        message = f"verify must be an ssl.SSLContext or the path to a CA bundle, not {type(verify).__name__}"
        raise InvalidRequestError(message)
    name = next((variable for variable in _CERTIFICATES if os.environ.get(variable)), "")
    return _context(ssl.SSLContext, name, os.environ.get(name, ""))


@functools.cache  # making a context costs more than making a client
def _context(_kind: type, source: str, path: str) -> ssl.SSLContext:
    """The context with the certificates at a path, or httpx's; `_kind` is its class, which truststore replaces."""
    if not path:
        return httpx.create_ssl_context(trust_env=False)
    folder = source == "SSL_CERT_DIR" or (source == "verify" and Path(path).is_dir())
    what = "a folder of certificates, as `openssl rehash` leaves it" if folder else "a file of certificates in PEM form"
    try:
        return ssl.create_default_context(cafile=None if folder else path, capath=path if folder else None)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        problem = getattr(error, "strerror", None) or error.args[-1]
        message = f"cannot read certificates from {source}={path!r} ({problem})"
        advice = f"set {source} to {what}" + ("" if source == "verify" else ", or unset it")
        raise InvalidRequestError(message, advice=advice) from error


def checked_proxy(source: str, address: ProxySource) -> httpx.Proxy:
    """The proxy at an address. Raises InvalidRequestError without the address, which may hold a password."""
    url, problem, advice = address.url if isinstance(address, httpx.Proxy) else _parsed(address), "", ""
    if url is None or not url.host or url.fragment or (url.port or 1) > MAX_PORT:
        problem = "is not the address of a proxy, such as http://user:password@host:3128"
        advice = "write it like that; percent-encode special characters in the password"
    elif url.scheme not in ("http", "https", "socks5", "socks5h"):
        problem = f"has the scheme {url.scheme!r}, which is not supported"
        advice = "use http, https, socks5 or socks5h"
    elif url.scheme.startswith("socks5") and not find_spec("socksio"):
        problem, advice = "is a SOCKS proxy, which needs the package socksio", "pip install 'httpx[socks]'"
    if problem or url is None:
        del address, url  # a traceback may show local variables
        raise InvalidRequestError(f"{source} {problem}", advice=advice)
    return address if isinstance(address, httpx.Proxy) else httpx.Proxy(url)


def _parsed(address: str | httpx.URL) -> httpx.URL | None:
    try:
        return httpx.URL(f"http://{address}" if isinstance(address, str) and "://" not in address else address)
    except (httpx.InvalidURL, TypeError):
        return None


def proxies_for(base_url: httpx.URL, proxy: ProxySource | None) -> Mapping[str, httpx.Proxy | None]:
    """The proxies by URL pattern: `proxy` for all URLs, or those of the environment."""
    if proxy:
        return {"all://": checked_proxy("proxy", proxy)}
    proxies = environment_proxies()
    if is_loopback(base_url.host):  # no proxy for requests to this machine
        return {**proxies, f"all://{base_url.netloc.decode()}": None}
    return proxies


def environment_proxies() -> Mapping[str, httpx.Proxy | None]:
    """The proxies of the environment by URL pattern, as httpx reads them; None for URLs without a proxy.

    Raises InvalidRequestError, which names the variable.
    """
    direct = [host.strip() for host in getproxies().get("no", "").split(",") if host.strip()]
    if "*" in direct:
        return {}
    exceptions: dict[str, httpx.Proxy | None] = {_pattern(host): None for host in direct}
    proxies = {
        # Read again for each scheme: no local variable may hold a password.
        f"{scheme}://": checked_proxy(_variable(f"{scheme}_proxy"), getproxies()[scheme])
        for scheme in ("http", "https", "all")
        if getproxies().get(scheme)
    }
    return proxies | exceptions if proxies else {}


def _variable(name: str) -> str:
    """The name of the environment variable that is set, or of the system's setting."""
    return next((variable for variable in (name, name.upper()) if os.environ.get(variable)), f"the system's {name}")


def _pattern(host: str) -> str:
    """The URL pattern, in httpx's form, of an entry of NO_PROXY."""
    if "://" in host:
        pattern = host
    elif host.lower() == "localhost":
        pattern = f"all://{host}"
    else:
        try:
            address = ip_address(host.partition("/")[0])
            pattern = f"all://{host}" if address.version == 4 else f"all://[{host}]"
        except ValueError:
            pattern = f"all://*{host}"
    if _is_url(pattern):
        return pattern
    problem = f"{_variable('no_proxy')} holds {host!r}, which is not a host"
    advice = "write hosts and addresses, separated by commas; an IPv6 address without brackets"
    raise InvalidRequestError(problem, advice=advice)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_url(text: str) -> bool:
    try:
        return (httpx.URL(text).port or 1) <= MAX_PORT
    except httpx.InvalidURL:
        return False
