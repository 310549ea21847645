"""Committed files follow from their sources: specs from pages, clients and contract models from effective specs."""

from __future__ import annotations

import pytest

from scripts.generate import command as generate, generators, packages
from scripts.lib.project import Provider, find_providers
from scripts.overlay.apply import effective_spec
from scripts.vendor.lock import check_vendored
from tests.contract.failures import breach
from tests.pipeline.helpers import OneProcess

PROVIDERS = pytest.mark.parametrize("provider", find_providers(), ids=lambda provider: provider.name)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, provider: Provider) -> generators.Files:
    """The output of both generators for a provider's effective spec, in this process."""
    monkeypatch.setattr(packages, "ProcessPoolExecutor", OneProcess)
    return packages.build([(provider, effective_spec(provider))])[provider]


@PROVIDERS
def test_specs_follow_from_their_pages(provider: Provider) -> None:
    """The vendored spec follows from the pages, whose hashes are the recorded ones."""
    if problems := list(check_vendored(provider)):
        do = "`nox -s vendor` if a page was fetched anew; to correct a provider, use overlay.yaml"
        breach(provider.shown(provider.folder / "pages"), "\n".join(problems), do=do)


@PROVIDERS
def test_generated_code_follows_from_its_spec(provider: Provider, built: generators.Files) -> None:
    """The client package, its effective spec and the contract models are the pipeline's output."""
    if problems := list(generate.compare(provider.name, packages.committed(provider), built)):
        promise = f"{provider.shown(provider.spec)} with {provider.shown(provider.overlay)}"
        breach(promise, "\n".join(problems), do="`nox -s generate`; generated files are never edited")
