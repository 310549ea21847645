"""Committed files follow from their sources: specs from pages, clients and contract models from effective specs."""

from __future__ import annotations

import pytest

from scripts import builders, common, generate, overlay, vendor
from scripts.common import Provider
from tests.contract.breach import breach
from tests.pipeline.helpers import OneProcess

PROVIDERS = pytest.mark.parametrize("provider", common.providers(), ids=lambda provider: provider.name)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, provider: Provider) -> builders.Files:
    """The output of both generators for a provider's effective spec, in this process."""
    monkeypatch.setattr(generate, "ProcessPoolExecutor", OneProcess)
    return generate.build([(provider, overlay.effective_spec(provider))])[provider]


@PROVIDERS
def test_specs_follow_from_their_pages(provider: Provider) -> None:
    """The vendored spec follows from the pages, whose hashes are the recorded ones."""
    if problems := list(vendor.check(provider)):
        do = "`nox -s vendor` if a page was fetched anew; to correct a provider, use overlay.yaml"
        breach(provider.shown(provider.folder / "pages"), "\n".join(problems), do=do)


@PROVIDERS
def test_generated_code_follows_from_its_spec(provider: Provider, built: builders.Files) -> None:
    """The client package, its effective spec and the contract models are the pipeline's output."""
    if problems := list(generate.compare(provider.name, generate.committed(provider), built)):
        promise = f"{provider.shown(provider.spec)} with {provider.shown(provider.overlay)}"
        breach(promise, "\n".join(problems), do="`nox -s generate`; generated files are never edited")
