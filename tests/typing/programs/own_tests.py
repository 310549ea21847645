"""A user's tests of their own code, with the mock."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from voice_clone import Cartesia, HeyGen, NotFoundError, RateLimitError
from voice_clone.testing import Mock, Part, Recorded, serve
from voice_clone_api.heygen.api.voices import get_voice
from voice_clone_api.heygen.models import CloneStatus, GetVoiceResponse
from voice_clone_api.heygen.types import Unset


@contextmanager
def heygen(mock: Mock) -> Generator[HeyGen]:
    """A client of the mock."""
    with HeyGen("any-key", transport=mock.transport, max_retries=0) as client:
        yield client


def status(client: HeyGen, voice_id: str) -> CloneStatus | str | None:
    """A generated function, with the client's key and errors."""
    result = get_voice.sync(voice_id, client=client.client)
    if not isinstance(result, GetVoiceResponse) or isinstance(result.data.status, Unset):
        return None
    return result.data.status


def sent(request: Recorded) -> list[str]:
    """The names of a form's parts."""
    parts: list[Part] = request.body
    return [part.name for part in parts]


def main(audio: Path) -> str:
    """Run the program."""
    mock = Mock(polls_until_done=1)
    with heygen(mock) as client:
        voice = client.clone(audio, name="Me")
        assert status(client, voice.id) is CloneStatus.COMPLETE
        mock.fail("heygen", "rate_limit", retry_after=2)
        with pytest.raises(RateLimitError) as limited:
            client.clone(audio, name="Me")
        assert limited.value.retry_after == 2
        mock.fail("heygen", httpx.Response(404, json={"error": {"code": "voice_not_found", "message": "gone"}}))
        with pytest.raises(NotFoundError) as gone:
            get_voice.sync("gone", client=client.client)
        assert gone.value.response is not None
        assert gone.value.response.at("error.code") == gone.value.code
    with serve(mock) as served, Cartesia("any-key", base_url=served.base_urls["cartesia"]) as cartesia:
        cartesia.clone(audio, name="Me", language="en")
    return " ".join(sorted(sent(mock.requests[-1])))
