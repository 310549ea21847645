"""A voice's whole life: each operation of a spec has its method, whose requests are valid and whose result is read."""

from __future__ import annotations

import functools
from typing import Any

import anyio
import httpx
import pytest

from tests.contract.cases import each_document, for_each, operations
from tests.contract.documents import Document
from tests.contract.failures import breach
from tests.contract.test_mock import Judged, clip_for
from tests.contract.test_responses import provider_of
from tests.contract.wire import KEY, WAYS, methods
from voice_clone import CloneJob, Speech, Voice, connect, connect_async
from voice_clone.errors import NotFoundError
from voice_clone.testing import Mock
from voice_clone.testing._behaviour import Behaviour

LIFE = ("list_voices", "get_voice", "update_voice", "delete_voice", "speak")
"""Operations with a method of the same name, at each provider that has them."""
DO = "write the method in the provider's module, or name the operation otherwise by its overlay"

each_way = pytest.mark.parametrize("way", WAYS)


def keeps_voices(document: Document) -> bool:
    """Whether a provider's mock keeps voices."""
    return type(Mock()._behaviours[document.name]) is not Behaviour


each_written = for_each("document", lambda document: [document] if keeps_voices(document) else [])


class Client:
    """A client of a mock that validates each request and each response; its methods are called in one way."""

    def __init__(self, document: Document, way: str) -> None:
        self.document, self.way = document, way
        self.judged = Judged(document, Mock(polls_until_done=1))

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Respond; a download is no operation of the spec."""
        is_own = request.url.host == httpx.URL(self.judged.mock.base_urls[self.document.name]).host
        return self.judged.handle(request) if is_own else self.judged.mock.handle(request)

    def __call__(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call a method; an iterator becomes a list."""
        options: dict[str, Any] = {"api_key": KEY, "transport": httpx.MockTransport(self.handle), "max_retries": 0}
        if self.way == "sync":
            with connect(self.document.name, **options) as client:
                result: Any = getattr(client, method)(*args, **kwargs)
                return list(result) if hasattr(result, "__next__") else result

        async def main() -> Any:
            async with connect_async(self.document.name, **options) as client:
                result: Any = getattr(client, method)(*args, **kwargs)
                if hasattr(result, "__anext__"):
                    return [item async for item in result]
                return await result

        return anyio.run(main, backend=self.way)

    @property
    def last(self) -> str:
        """The operation of the last request."""
        return self.judged.mock.requests[-1].operation


def has(document: Document, operation: str) -> bool:
    """Whether a spec has an operation."""
    return operation in [each.id for each in document.operations()]


@each_document
def test_each_operation_has_its_method(document: Document) -> None:
    """A client has a method for an operation of its spec, and none for what the spec lacks."""
    client = connect(document.name, api_key=KEY, transport=httpx.MockTransport(lambda _: httpx.Response(500)))
    for name in LIFE:
        if has(document, name) and not hasattr(client, name) and keeps_voices(document):
            breach(document.operation(name).place, f"{document.name}: no method {name}", do=DO)
        assert not hasattr(client, name) or has(document, name)


@each_way
@each_written
def test_whole_life_is_valid(document: Document, way: str) -> None:
    """Each request and each response from the clone to the deletion is valid, and each result is the voice."""
    client = Client(document, way)
    (start,) = [each for each in methods(document) if each.name == "start_clone"]
    audio, keywords = clip_for(start)
    job: CloneJob = client("start_clone", audio, **keywords)
    voice: Voice = client("poll", job) or client("wait", job)
    can = functools.partial(has, document)
    if can("speak"):
        speech: Speech = client("speak", "Hello.", voice)
        assert speech.audio
        assert any(seen.operation == "speak" for seen in client.judged.mock.requests)
    if can("list_voices"):
        (listed,) = [each for each in client("list_voices") if each.id == voice.id]
        assert client.last == "list_voices"
        assert listed.raw
        assert {each.id for each in client("list_voices")} < {each.id for each in client("list_voices", mine=False)}
    if can("get_voice"):
        assert client("get_voice", voice).name == voice.name
        assert client.last == "get_voice"
        assert [each.id for each in client("find_voices", voice.name)] == [voice.id]
    if can("update_voice"):
        assert client("update_voice", voice, name="Another").name == "Another"
        assert client.last == "update_voice"
    if can("delete_voice"):
        assert client("delete_voice", voice) is None
        assert client.last == "delete_voice"
        with pytest.raises(NotFoundError):
            client("delete_voice", voice)
        client("delete_voice", voice, missing_ok=True)
        assert voice.id not in [each.id for each in client("list_voices")]
    assert provider_of(document).name == voice.provider


def test_every_operation_of_a_voices_life_is_somewhere() -> None:
    """Each of these operations is in some spec, so that no case above is empty."""
    assert set(LIFE) <= {operation.id for operation in operations()}
