"""The judge of the corpus finds what is wrong."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from tests.audio.corpus import SAMPLES
from tests.audio.recipes import Decoded
from tests.audio.results import PROVIDERS, Result
from voice_clone.audio import AudioInfo, Report

DECODED = Decoded(12.5, "mp3")
INFO = AudioInfo("44100.mp3", "mp3", 100_000, duration=12.5, codec="mp3")
NAMES = {"no-moov.m4a": Decoded(0, ""), "44100.mp3": DECODED, "memo.aac": Decoded(12.5, "aac")}


def result(name: str = "44100.mp3", problems: dict[str, str] | None = None, **changes: Any) -> Result:
    """A result whose verdicts are right, except for some problems."""
    info = attrs.evolve(INFO, **changes)
    wrong = problems or {}
    reports = {
        provider: Report(provider, info, [wrong[provider]] if provider in wrong else [], [], "convert it")
        for provider in PROVIDERS
    }
    return Result(SAMPLES[name], 100_000, NAMES[name], info, reports)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"format": "aac"}, "the format is mp3, not aac"),
        ({"codec": "aac"}, "the codec is mp3, not aac"),
        ({"has_video": True}, "the file has no video"),
        ({"is_truncated": True}, "the file is not cut off"),
        ({"duration": 12.3}, "the length is 12.500 s, not 12.300 s"),
        ({"problems": {"retell": "is too loud"}}, "false refusal at retell: ['is too loud']"),
        ({"name": "no-moov.m4a"}, "false good: mp3, 12.5 s"),
    ],
)
def test_wrong_answer_is_an_error(changes: dict[str, Any], error: str) -> None:
    """Each wrong property is one error, and a right answer is none."""
    assert not list(result().errors())
    assert list(result(**changes).errors()) == [error]


def test_refusal_of_sound_is_an_error() -> None:
    """A refused file with sound is a false refusal, and a refused file without sound is right."""
    refused = Result(SAMPLES["44100.mp3"], 100_000, DECODED, refusal="44100.mp3 is no audio")
    assert list(refused.errors()) == ["false refusal: 44100.mp3 is no audio"]
    assert not list(Result(SAMPLES["no-moov.m4a"], 10, None, refusal="no-moov.m4a has no index").errors())


def test_acceptance_by_a_provider_is_an_error() -> None:
    """A provider that takes a format which it does not list is a false good, and a recommendation needs a note."""
    accepted = result("memo.aac", format="aac", codec="aac")
    assert list(accepted.errors()) == [
        "no note at heygen, which recommends other formats",
        "false good at retell: []",
        "false good at cartesia: []",
        "false good at minimax: []",
    ]


def test_unknown_length_is_accepted() -> None:
    """An unknown length is no error, and a short one is accepted at MiniMax only if it is unknown."""
    short = attrs.evolve(result(duration=None), decoded=Decoded(3.0, "mp3"))
    assert not list(short.errors())
    assert short.info
    assert list(attrs.evolve(short, info=attrs.evolve(short.info, duration=3.0)).errors()) == [
        "false good at minimax: []"
    ]


@pytest.mark.parametrize(
    ("name", "decoded", "error"),
    [
        ("no-moov.m4a", Decoded(1.0, ""), "ffmpeg decodes 1.0 s"),
        ("44100.mp3", Decoded(12.5, "aac"), "ffmpeg decodes aac, not mp3"),
        ("frames.mp3", Decoded(12.0, "mp3"), "ffmpeg decodes 12.0 s, not 12.504 s"),
    ],
)
def test_error_of_the_corpus_is_found(name: str, decoded: Decoded, error: str) -> None:
    """A statement of the corpus is untrue if ffmpeg decodes something else."""
    assert list(Result(SAMPLES[name], 100, decoded).untrue()) == [f"{name}: {error}"]
