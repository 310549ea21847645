"""A check of a large file reads and holds little of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.audio.costs import WRITTEN, CountedFile, Large, resources
from voice_clone.audio import probe

MIB = 1024 * 1024
FORMATS = {".wav": "wav", ".mp3": "mp3", ".amr": "amr"}


@pytest.mark.parametrize("large", WRITTEN, ids=str)
def test_check_of_a_large_file_is_cheap(large: Large, tmp_path: Path) -> None:
    """A check holds at most 5 MiB, reads no more or each frame once, and finds the format and no wrong length."""
    path = tmp_path / large.name
    large.recipe.make(path, [])
    memory, read = resources(path)
    assert memory <= 5 * MIB
    assert 0 < read <= (1.1 * path.stat().st_size if large.whole else 5 * MIB)
    info = probe(path)
    assert info.format == FORMATS[path.suffix]
    assert info.duration is None or info.duration == pytest.approx(large.seconds, rel=0.01)
    path.unlink()


def test_bytes_read_are_counted(tmp_path: Path) -> None:
    """The count has each byte that is read, as often as it is read."""
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(100))
    with CountedFile(path) as file:
        file.read(10)
        file.seek(0)
        file.read()
        file.seek(90)
        file.readinto(bytearray(50))
    assert file.count == 10 + 100 + 10
