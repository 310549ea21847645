"""Every async method, over real sockets, under asyncio and under trio."""

from __future__ import annotations

import inspect
from typing import Any

import anyio
import pytest

import voice_clone
from tests.conftest import OPTIONS, PROVIDERS
from voice_clone import CloneJob, ConflictError, Voice, connect_async
from voice_clone.testing import Mock, serve

LACKING = {"upload_file", "upload_asset", "find_voices", "get_voice", "update_voice", "delete_voice", "speak"}
"""Methods that a provider may lack."""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_async_method_works(provider: str, backend: str, mock: Mock, wav: bytes) -> None:
    """Each public method of each async client works; a new method must be added to this test."""
    mock.polls_until_done = 1

    async def main() -> None:
        client: Any = connect_async(provider, api_key="any-key", base_url=mock.base_urls[provider])
        methods = {name for name, _ in inspect.getmembers(client, inspect.ismethod) if name[0] != "_"}
        async with client as entered:
            assert entered is client
            job = await client.start_clone(wav, **OPTIONS[provider])
            voices = [await client.wait(job), await client.clone(wav, **OPTIONS[provider])]
            assert [type(job), *map(type, voices)] == [CloneJob, Voice, Voice]
            assert {voice.id for voice in voices} == {*mock.voices(provider)}
            if "upload_file" in methods:
                assert await client.upload_file(wav, purpose="prompt_audio") > 0
            if "upload_asset" in methods:
                assert (await client.upload_asset(wav)).asset_id
            assert await client.poll(job) == voices[0]
            if "speak" in methods:
                assert (await client.speak("Hello.", voices[0])).audio
                await client.speak("Hello.", voices[1])
            assert {voice.id async for voice in client.list_voices()} == {voice.id for voice in voices}
            if "find_voices" in methods:
                assert len(await client.find_voices("Me")) == 2
                assert (await client.get_voice(voices[0])).id == voices[0].id
            if "update_voice" in methods:
                assert (await client.update_voice(voices[0], name="You")).name == "You"
            own = {"voice_id": voices[1].id} if provider == "minimax" else {}
            if "delete_voice" in methods:
                assert await client.delete_voice(voices[0]) is None
                assert (await client.get_or_clone(wav, **OPTIONS[provider], **own)).id == voices[1].id
            else:
                with pytest.raises(ConflictError):
                    await client.get_or_clone(wav, **OPTIONS[provider])
        await client.aclose()  # once more does no harm
        everywhere = {"start_clone", "wait", "clone", "poll", "get_or_clone", "list_voices", "aclose"}
        assert methods - LACKING == everywhere

    with serve(mock):
        anyio.run(main, backend=backend)


@pytest.mark.parametrize("name", ["HeyGen", "Retell", "Cartesia", "MiniMax"])
def test_only_async_methods_are_coroutine_functions(name: str) -> None:
    """`iscoroutinefunction` is true for async methods and false for sync ones."""
    for kind, awaited in ((f"Async{name}", True), (name, False)):
        client_class = getattr(voice_clone, kind)
        for method in ("start_clone", "wait", "clone", "poll", "get_or_clone"):
            assert inspect.iscoroutinefunction(getattr(client_class, method)) is awaited
            assert inspect.iscoroutinefunction(getattr(client_class("k"), method)) is awaited
