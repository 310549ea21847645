"""A client by its provider's name."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, overload

import httpx

from voice_clone import providers
from voice_clone._clients import AsyncClient, SyncClient
from voice_clone.errors import InvalidRequestError

if TYPE_CHECKING:
    from voice_clone.providers.cartesia import AsyncCartesia, Cartesia
    from voice_clone.providers.heygen import AsyncHeyGen, HeyGen
    from voice_clone.providers.minimax import AsyncMiniMax, MiniMax
    from voice_clone.providers.retell import AsyncRetell, Retell

Timeout = float | httpx.Timeout | None


class _Options(TypedDict, total=False):
    api_key: str | None
    base_url: str | None
    timeout: Timeout
    max_retries: int


class _SyncOptions(_Options, total=False):
    transport: httpx.BaseTransport | None


class _AsyncOptions(_Options, total=False):
    transport: httpx.AsyncBaseTransport | None


def provider_names() -> list[str]:
    """The names of all providers, found by looking."""
    return sorted(module.name for module in pkgutil.iter_modules(providers.__path__))


def _client(provider: str, kind: type[Any], options: dict[str, Any]) -> Any:
    if provider not in provider_names():
        raise InvalidRequestError(f"there is no provider {provider!r}; there are {', '.join(provider_names())}")
    module = importlib.import_module(f"{providers.__name__}.{provider}")
    (found,) = (
        item
        for item in vars(module).values()
        if isinstance(item, type) and issubclass(item, kind) and item.__module__ == module.__name__
    )
    return found(**options)


@overload
def connect(provider: Literal["heygen"], **options: Unpack[_SyncOptions]) -> HeyGen: ...
@overload
def connect(provider: Literal["retell"], **options: Unpack[_SyncOptions]) -> Retell: ...
@overload
def connect(provider: Literal["cartesia"], **options: Unpack[_SyncOptions]) -> Cartesia: ...
@overload
def connect(provider: Literal["minimax"], **options: Unpack[_SyncOptions]) -> MiniMax: ...
@overload
def connect(provider: str, **options: Unpack[_SyncOptions]) -> SyncClient[Any]: ...
def connect(
    provider: str,
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    timeout: Timeout = 60.0,
    transport: httpx.BaseTransport | None = None,
    max_retries: int = 2,
) -> SyncClient[Any]:
    """Make the client of a provider by its name; the arguments are those of its class.

    Raises InvalidRequestError for a name that is no provider's.
    """
    options = {
        "api_key": api_key,
        "base_url": base_url,
        "timeout": timeout,
        "transport": transport,
        "max_retries": max_retries,
    }
    client: SyncClient[Any] = _client(provider, SyncClient, options)
    return client


@overload
def connect_async(provider: Literal["heygen"], **options: Unpack[_AsyncOptions]) -> AsyncHeyGen: ...
@overload
def connect_async(provider: Literal["retell"], **options: Unpack[_AsyncOptions]) -> AsyncRetell: ...
@overload
def connect_async(provider: Literal["cartesia"], **options: Unpack[_AsyncOptions]) -> AsyncCartesia: ...
@overload
def connect_async(provider: Literal["minimax"], **options: Unpack[_AsyncOptions]) -> AsyncMiniMax: ...
@overload
def connect_async(provider: str, **options: Unpack[_AsyncOptions]) -> AsyncClient[Any]: ...
def connect_async(
    provider: str,
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    timeout: Timeout = 60.0,
    transport: httpx.AsyncBaseTransport | None = None,
    max_retries: int = 2,
) -> AsyncClient[Any]:
    """Make the async client of a provider by its name; the arguments are those of its class.

    Raises InvalidRequestError for a name that is no provider's.
    """
    options = {
        "api_key": api_key,
        "base_url": base_url,
        "timeout": timeout,
        "transport": transport,
        "max_retries": max_retries,
    }
    client: AsyncClient[Any] = _client(provider, AsyncClient, options)
    return client
