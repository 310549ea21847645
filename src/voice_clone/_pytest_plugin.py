"""Fixtures for pytest. It loads this module at every start, so `testing` is imported when one is used."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

import pytest

from voice_clone import providers

if TYPE_CHECKING:
    from voice_clone.testing import Mock, MockedProvider


@pytest.fixture
def mock_providers() -> Generator[Mock]:
    """All providers, in memory: whatever client a test uses, however it is made, asks this mock, and never waits."""
    from voice_clone.testing import Mock  # noqa: PLC0415
    from voice_clone.testing._redirect import redirected  # noqa: PLC0415

    with redirected(Mock()) as mock:
        yield mock


def _fixture(provider: str) -> Callable[[Mock], MockedProvider]:
    @pytest.fixture(name=f"mock_{provider}")
    def mocked(mock_providers: Mock) -> MockedProvider:
        """One provider of `mock_providers`: its requests, its voices, and `fail`."""
        from voice_clone.testing import MockedProvider  # noqa: PLC0415

        return MockedProvider(mock_providers, provider)

    return mocked


globals().update({f"mock_{module.name}": _fixture(module.name) for module in pkgutil.iter_modules(providers.__path__)})
