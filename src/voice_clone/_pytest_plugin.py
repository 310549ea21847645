"""Fixtures for pytest. pytest imports this module at every start, so fixtures import `voice_clone.testing` on use."""

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
    """A mock of all providers, in memory; every client that the test creates uses it, and sleeping takes no time."""
    from voice_clone.testing import Mock  # noqa: PLC0415 - see above
    from voice_clone.testing.redirect import redirect_clients  # noqa: PLC0415 - see above

    with redirect_clients(Mock()) as mock:
        yield mock


def _fixture(provider: str) -> Callable[[Mock], MockedProvider]:
    @pytest.fixture(name=f"mock_{provider}")
    def mocked(mock_providers: Mock) -> MockedProvider:
        """One provider of `mock_providers`, with its requests and voices, and `fail`."""
        from voice_clone.testing import MockedProvider  # noqa: PLC0415 - see above

        return MockedProvider(mock_providers, provider)

    return mocked


globals().update({f"mock_{module.name}": _fixture(module.name) for module in pkgutil.iter_modules(providers.__path__)})
