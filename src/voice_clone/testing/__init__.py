"""Test your own code without a provider: all of them in one mock, from their effective specs.

    def test_my_code(mock_heygen: MockedProvider) -> None:       # pytest finds it; there is one a provider
        mock_heygen.fail("rate_limit", retry_after=60)           # the next request is refused as HeyGen does it
        my_code()                                                # whatever clients it makes; nobody waits
        assert len(mock_heygen.voices) == 1

    mock = Mock()                                                # without pytest
    client = HeyGen("any-key", transport=mock.transport)         # in memory; for AsyncHeyGen too
    mock.fail("heygen", "rate_limit", retry_after=1)
    client.clone("me.wav", name="Me")
    assert [request.operation for request in mock.requests] == ["clone_voice", "clone_voice", "get_voice", "get_voice"]

    with serve() as mock:                                        # the same over real HTTP, on loopback
        client = Retell("any-key", base_url=mock.base_urls["retell"])

The mock keeps state (a clone at HeyGen is first processing; MiniMax wants the upload first), and it is strict: what is
not as the spec says is refused with that provider's own error. It needs the extra `testing`.
"""

from voice_clone.testing._mock import Kind, Mock, MockedProvider, Recorded
from voice_clone.testing._multipart import Part
from voice_clone.testing._server import serve

__all__ = ["Kind", "Mock", "MockedProvider", "Part", "Recorded", "serve"]
