"""The 22 kinds of files that the check once judged wrong, each with its right answer."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from tests.audio.conftest import Check
from tests.audio.corpus import CASES, SAMPLES, Sample


@attrs.frozen
class Heard:
    """A file with sound."""

    format: str
    seconds: float | None
    """None for what ffmpeg decodes."""
    media_type: str
    refused_by: tuple[str, ...] = ()
    """The providers that do not take it."""
    known: bool = True
    """Whether the length must be known."""


HEARD = {
    "adts-named.m4a": Heard("aac", 12.5, "audio/aac", ("retell", "cartesia", "minimax"), known=False),
    "voice.aac": Heard("aac", 12.5, "audio/aac", ("retell", "cartesia", "minimax"), known=False),
    "flac-behind-id3.flac": Heard("flac", 4, "audio/flac", ("retell", "minimax")),
    "joined-4x3s.mp3": Heard("mp3", 12.07, "audio/mpeg", known=False),
    "cut-half.mp3": Heard("mp3", 6.29, "audio/mpeg", known=False),
    "cut-faststart.m4a": Heard("m4a", None, "audio/mp4", ("cartesia",), known=False),
    "data-size-0-3s.wav": Heard("wav", 3, "audio/x-wav", ("minimax",)),
    "screen.mkv": Heard("matroska", 12.54, "video/x-matroska", ("retell", "cartesia", "minimax")),
    "video.webm": Heard("webm", 12.5, "audio/webm", ("retell", "cartesia", "minimax")),
    "rf64-mulaw.wav": Heard("wav", 12.5, "audio/x-wav"),
    "zeros-in-front.mp3": Heard("mp3", 12.6, "audio/mpeg"),
    "voice.aiff": Heard("aiff", 4, "audio/aiff", ("retell", "cartesia", "minimax")),
    "voice.caf": Heard("caf", 4, "audio/x-caf", ("retell", "cartesia", "minimax")),
    "voice.amr": Heard("amr", 12.44, "audio/amr", ("retell", "cartesia", "minimax")),
    "voice.wma": Heard("wma", 5.98, "audio/x-ms-wma", ("retell", "cartesia", "minimax")),
}
REFUSED = {
    "no-moov.m4a": "index",
    "header-only.wav": "no audio",
    "header-claims-12s.wav": "no audio",
    "id3-only.mp3": "tag",
    "ff-bytes.mp3": "all its bytes are equal",
    "picture.mp3": "JPEG",
    "video-only.mp4": "no sound",
}
"""Files with nothing to hear, and a word of the reason."""


def test_all_cases_are_here() -> None:
    """Each of the 22 cases has its answer."""
    assert {*HEARD, *REFUSED} == {sample.name for sample in CASES}
    assert len(CASES) == 22


@pytest.mark.parametrize("sample", [SAMPLES[name] for name in HEARD], ids=str)
def test_sound_is_named_and_measured(sample: Sample, check: Check) -> None:
    """A file with sound has its format, the media type under which it is sent, and its length or none."""
    heard, result = HEARD[sample.name], check(sample)
    info = result.info
    assert info
    assert (info.format, info.media_type) == (heard.format, heard.media_type)
    if info.duration is not None or heard.known:
        assert info.duration == pytest.approx(heard.seconds or result.seconds, rel=0.01)


@pytest.mark.parametrize("sample", [SAMPLES[name] for name in HEARD], ids=str)
def test_verdict_is_that_of_the_provider(sample: Sample, check: Check) -> None:
    """A file is refused where the provider's list binds, or MiniMax's limits of 10 s and 5 min."""
    heard, result = HEARD[sample.name], check(sample)
    assert result.info
    expected = set(heard.refused_by)
    if result.info.duration is not None and result.info.duration < 10:
        expected.add("minimax")
    assert {name for name, report in result.reports.items() if not report.ok} == expected


@pytest.mark.parametrize("sample", [SAMPLES[name] for name in HEARD], ids=str)
def test_refused_format_has_the_command_that_mends_it(sample: Sample, check: Check) -> None:
    """The advice on a format ends in an ffmpeg command, whose target does not exist."""
    for name, report in check(sample).reports.items():
        formats = [problem for problem in report.problems if "lasts" not in problem]
        if formats and report.problems == formats:
            assert report.advice, name
            assert "ffmpeg -i" in report.advice
            target = report.advice.partition("; ")[0].split()[-1]
            assert not Path(target).exists()


@pytest.mark.parametrize("sample", [SAMPLES[name] for name in REFUSED], ids=str)
def test_nothing_to_hear_is_refused_everywhere(sample: Sample, check: Check) -> None:
    """A file with nothing to hear is refused at each provider, with the reason."""
    result = check(sample)
    assert result.info is None
    assert REFUSED[sample.name] in result.refusal


@pytest.mark.parametrize("sample", [SAMPLES["cut-half.mp3"], SAMPLES["cut-faststart.m4a"]], ids=str)
def test_cut_file_is_never_as_long_as_its_header_says(sample: Sample, check: Check) -> None:
    """A file that is cut off is said to be so, or its length is unknown."""
    info = check(sample).info
    assert info
    assert info.is_truncated or info.duration is None
