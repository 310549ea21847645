"""Test your own code against a mock of all providers, made from their effective specs.

    def test_my_code(mock_heygen: MockedProvider) -> None:       # a pytest fixture, one per provider
        mock_heygen.fail("rate_limit", retry_after=60)           # the next response is HeyGen's own error
        my_code()                                                # every client uses the mock; time is simulated
        assert len(mock_heygen.voices) == 1

    mock = Mock()                                                # without pytest
    client = HeyGen("any-key", transport=mock.transport)         # in memory; for AsyncHeyGen too
    mock.fail("heygen", "rate_limit", retry_after=1)
    client.clone("me.wav", name="Me")
    assert [request.operation for request in mock.requests] == ["clone_voice", "clone_voice", "get_voice", "get_voice"]

    with serve() as mock:                                        # over HTTP, on loopback
        client = Retell("any-key", base_url=mock.base_urls["retell"])

The mock keeps state (a clone at HeyGen is processing at first; MiniMax requires an upload first) and is strict: a
request that breaks the spec gets that provider's own error. Needs the extra `testing`.
"""

from voice_clone.testing._mock import Kind, Mock, MockedProvider, Recorded
from voice_clone.testing._multipart import Part
from voice_clone.testing._server import serve

__all__ = ["Kind", "Mock", "MockedProvider", "Part", "Recorded", "serve"]
