"""What is committed follows from its source: specs from pages, clients and contract models from effective specs."""

from __future__ import annotations

import pytest

from scripts import builders, common, generate, overlay, vendor
from scripts.common import Provider
from tests.contract.breach import breach
from tests.pipeline.helpers import OneProcess

PROVIDERS = pytest.mark.parametrize("provider", common.providers(), ids=lambda provider: provider.name)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, provider: Provider) -> builders.Files:
    """What both generators make of a provider's effective spec, in this process."""
    monkeypatch.setattr(generate, "workers", OneProcess)
    return generate.build([(provider, overlay.effective_spec(provider))])[provider]


@PROVIDERS
def test_specs_follow_from_their_pages(provider: Provider) -> None:
    """The vendored spec is what the pages say, and the pages are those whose hashes were recorded."""
    if found := list(vendor.check(provider)):
        do = "`nox -s vendor` if a page was fetched anew; to correct a provider, use overlay.yaml"
        breach(provider.shown(provider.folder / "pages"), "\n".join(found), do=do)


@PROVIDERS
def test_generated_code_follows_from_its_spec(provider: Provider, built: builders.Files) -> None:
    """The client package, the effective spec in it and the contract models are what the pipeline makes."""
    if found := list(generate.compare(provider.name, generate.committed(provider), built)):
        promise = f"{provider.shown(provider.spec)} with {provider.shown(provider.overlay)}"
        breach(promise, "\n".join(found), do="`nox -s generate`; generated files are never edited")
