"""The ffmpeg commands in the advice do what they promise."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.audio.corpus import SAMPLES, Sample
from tests.audio.recipes import UnsupportedError, Workshop, missing
from voice_clone.audio import check_all

# One sample of each format, with and without video.
CHOSEN = {(sample.format, sample.video): sample for sample in reversed(SAMPLES.values()) if sample.format}


@pytest.mark.parametrize("sample", CHOSEN.values(), ids=str)
def test_command_mends_the_file(sample: Sample, workshop: Workshop, tmp_path: Path) -> None:
    """A printed command makes a new file that the provider accepts, unless it is too short."""
    if reason := missing([*workshop.needs(sample.name), "ffmpeg"]):
        pytest.skip(reason)
    try:
        made, _ = workshop.get(sample.name)
    except UnsupportedError as error:
        pytest.skip(str(error))
    path = tmp_path / f"a 'clip' {sample.name}"
    shutil.copy(made, path)
    for report in check_all(path):
        command = re.search(r"ffmpeg .*?(?=; or send it|$)", report.advice or "")
        too_short = [problem for problem in report.problems if "must last at least" in problem]
        if report.problems == too_short:
            assert not command
            continue
        assert command
        before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
        done = subprocess.run(
            shlex.split(command[0]), timeout=60, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr[-500:]
        (new,) = [each for each in tmp_path.iterdir() if each.name not in before]
        assert all((tmp_path / name).read_bytes() == content for name, content in before.items())
        (again,) = check_all(new, [report.provider])
        assert [problem for problem in again.problems if "must last at least" not in problem] == []
        new.unlink()
