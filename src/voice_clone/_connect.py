"""Make a client by the name of its provider."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, TypedDict, TypeVar, Unpack, cast, overload

import httpx

from voice_clone import providers
from voice_clone._client.base import AsyncClient, SyncClient, TransportT
from voice_clone._http.environment import ProxySource, Verify
from voice_clone._provider.specs import unknown_provider

if TYPE_CHECKING:
    from voice_clone.providers.cartesia import AsyncCartesia, Cartesia
    from voice_clone.providers.heygen import AsyncHeyGen, HeyGen
    from voice_clone.providers.minimax import AsyncMiniMax, MiniMax
    from voice_clone.providers.retell import AsyncRetell, Retell

K = TypeVar("K")


class Options(TypedDict, Generic[TransportT], total=False):
    """The options of the client classes."""

    api_key: str | None
    base_url: str | None
    timeout: float | httpx.Timeout | None
    transport: TransportT | None
    max_retries: int
    max_response_bytes: int
    max_audio_bytes: int
    allow_http: bool
    headers: Mapping[str, str] | None
    verify: Verify | None
    proxy: ProxySource | None


Sync = Options[httpx.BaseTransport]
Async = Options[httpx.AsyncBaseTransport]


def find(provider: str, kind: type[K]) -> type[K]:
    """The class of a provider's client, sync or async; raises InvalidRequestError for an unknown provider."""
    path = f"{providers.__name__}.{provider}"
    try:  # not by `provider_names()`, which may be empty where the file system is faked or packed
        module = importlib.import_module(path) if str(provider).isidentifier() else None
    except ModuleNotFoundError as error:
        if error.name != path:
            raise
        module = None
    if module is None:
        raise unknown_provider(provider)
    return next(item for item in vars(module).values() if isinstance(item, type) and kind in item.__mro__[1:])


def _client(provider: str, kind: type[Any], options: Any) -> Any:
    try:
        return find(provider, kind)(**options)
    except BaseException:
        options.clear()  # a traceback may show local variables
        raise


@overload
def connect(provider: Literal["heygen"], **options: Unpack[Sync]) -> HeyGen: ...
@overload
def connect(provider: Literal["retell"], **options: Unpack[Sync]) -> Retell: ...
@overload
def connect(provider: Literal["cartesia"], **options: Unpack[Sync]) -> Cartesia: ...
@overload
def connect(provider: Literal["minimax"], **options: Unpack[Sync]) -> MiniMax: ...
@overload
def connect(provider: str, **options: Unpack[Sync]) -> SyncClient[Any]: ...
def connect(provider: str, **options: Unpack[Sync]) -> SyncClient[Any]:
    """Make the client of a provider.

    `provider` is its name, such as `heygen`. The options are those of its class, such as HeyGen, by keyword.
    Raises InvalidRequestError for an unknown provider, and what the class raises.
    """
    return cast("SyncClient[Any]", _client(provider, SyncClient, options))


@overload
def connect_async(provider: Literal["heygen"], **options: Unpack[Async]) -> AsyncHeyGen: ...
@overload
def connect_async(provider: Literal["retell"], **options: Unpack[Async]) -> AsyncRetell: ...
@overload
def connect_async(provider: Literal["cartesia"], **options: Unpack[Async]) -> AsyncCartesia: ...
@overload
def connect_async(provider: Literal["minimax"], **options: Unpack[Async]) -> AsyncMiniMax: ...
@overload
def connect_async(provider: str, **options: Unpack[Async]) -> AsyncClient[Any]: ...
def connect_async(provider: str, **options: Unpack[Async]) -> AsyncClient[Any]:
    """Make the async client of a provider.

    `provider` is its name, such as `heygen`. The options are those of its class, such as AsyncHeyGen, by keyword.
    Raises InvalidRequestError for an unknown provider, and what the class raises.
    """
    return cast("AsyncClient[Any]", _client(provider, AsyncClient, options))
