"""The pictures of docs/images: a missing tool is named, and the pictures load nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.docs import screenshots, sphinx_extension
from scripts.lib.errors import PipelineError


def test_missing_browser_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a browser on the PATH the error names one to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PipelineError, match="install Chromium"):
        screenshots.shoot("index.html", tmp_path / "a.png", screenshots.DESK, screenshots.LIGHT)


def test_missing_site_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """If a page is not built, the error names it and the session that builds it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "chromium").touch(mode=0o755)
    monkeypatch.setattr(screenshots, "SITE", tmp_path)
    with pytest.raises(PipelineError, match=r"index\.html: missing; run `nox -s docs` first"):
        screenshots.shoot("index.html", tmp_path / "a.png", screenshots.DESK, screenshots.LIGHT)


def test_pictures_exist_and_are_small() -> None:
    """Every picture exists, below 300 kB; terminal pictures show today's output; none loads anything."""
    for name in screenshots.PAGES:
        assert (screenshots.IMAGES / f"{name}.png").stat().st_size < 300_000, name
    for name in screenshots.TERMINALS:
        shown = screenshots.as_svg(name)
        assert (screenshots.IMAGES / f"{name}.svg").read_text("utf-8") == shown, f"{name}: nox -s screenshots"
    assert list(sphinx_extension.loaded_from_elsewhere(screenshots.IMAGES)) == []
