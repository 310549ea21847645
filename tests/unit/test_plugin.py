"""The pytest plugin, in the projects of its users."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import PROVIDERS
from voice_clone import HeyGen
from voice_clone.testing import Mock, MockedProvider
from voice_clone.testing.redirect import redirect_clients

pytest_plugins = ["pytester"]

CODE = """
import voice_clone

module_level = voice_clone.HeyGen("made-before-the-test")


def greet(client, **options):
    return client.clone(bytes.fromhex("ffe318c0" + "0" * 136), name="Me", **options)


def use_heygen():
    with voice_clone.HeyGen() as heygen:
        return greet(heygen)


async def use_heygen_async():
    async with voice_clone.AsyncHeyGen() as heygen:
        return await greet(heygen)
"""

SETTINGS = """
[tool.pytest.ini_options]
asyncio_default_fixture_loop_scope = "function"
filterwarnings = ["error"]
pythonpath = ["."]
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with code that constructs its own clients."""
    monkeypatch.setenv("HEYGEN_API_KEY", "a-real-key")
    monkeypatch.setenv("RETELL_BASE_URL", "http://127.0.0.1:9")  # as `serve-mock` prints them
    monkeypatch.setenv("MINIMAX_API_HOST", "https://api.minimaxi.com")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # many have one; httpx then makes the transports
    pytester.makepyfile(app=CODE)
    pytester.makepyprojecttoml(SETTINGS)
    return pytester


def run(project: pytest.Pytester, test: str, *arguments: str, **outcomes: int) -> pytest.RunResult:
    """Run a test file and expect these outcomes."""
    project.makepyfile(test_it=test)
    result = project.runpytest("--strict-markers", *arguments)
    result.assert_outcomes(**outcomes or {"passed": len(re.findall(r"^ *(async )?def test_", test, re.MULTILINE))})
    return result


@pytest.mark.parametrize("provider", PROVIDERS)
def test_each_provider_has_a_fixture(provider: str, request: pytest.FixtureRequest) -> None:
    """The installed plugin is found by pytest, with a fixture for every provider."""
    assert request.getfixturevalue(f"mock_{provider}") == MockedProvider(
        request.getfixturevalue("mock_providers"), provider
    )


def test_clients_of_the_code_reach_the_mock(project: pytest.Pytester) -> None:
    """Without key, transport or base URL, existing and new clients in any thread reach the mock."""
    run(
        project,
        """
        import os
        from concurrent.futures import ThreadPoolExecutor

        import app
        from voice_clone import MiniMax, connect
        from voice_clone.testing import MockedProvider


        def test_fresh(mock_heygen: MockedProvider) -> None:
            voice = app.use_heygen()
            assert voice.id in mock_heygen.voices
            assert [seen.operation for seen in mock_heygen.requests] == ["clone_voice", "get_voice", "get_voice"]
            assert mock_heygen.requests[0].body["voice_name"] == "Me"
            assert "a-real-key" not in str(mock_heygen.requests[0].request.headers.raw)


        def test_old(mock_heygen: MockedProvider) -> None:
            assert app.greet(app.module_level).id in mock_heygen.voices


        def test_threads(mock_heygen: MockedProvider) -> None:
            with ThreadPoolExecutor(4) as pool:
                voices = [future.result() for future in [pool.submit(app.use_heygen) for _ in range(8)]]
            assert {voice.id for voice in voices} == set(mock_heygen.voices)


        def test_elsewhere(mock_minimax, mock_retell, mock_providers, monkeypatch) -> None:
            monkeypatch.setenv("MINIMAX_API_HOST", "https://gateway.example")
            assert MiniMax().clone(bytes.fromhex("ffe318c0" + "0" * 136)).id in mock_minimax.voices
            assert [seen.operation for seen in mock_minimax.requests] == ["upload_file", "clone_voice"]
            retell = connect("retell", base_url="https://gateway.example")
            retell.clone(bytes.fromhex("ffe318c0" + "0" * 136), name="Me", voice_provider="elevenlabs")
            assert b"Me" in {part.content for part in mock_retell.requests[0].body}
            renamed = connect("retell", base_url="https://GATEWAY.Example", headers={"User-Agent": "mine/1"})
            renamed.clone(bytes.fromhex("ffe318c0" + "0" * 136), name="Me", voice_provider="elevenlabs")
            assert mock_retell.requests[1].request.headers["User-Agent"] == "mine/1"
            assert len(mock_providers.requests) == 4


        def test_addresses_of_the_environment(mock_retell, mock_minimax) -> None:
            assert not {"RETELL_BASE_URL", "MINIMAX_BASE_URL", "MINIMAX_API_HOST"} & set(os.environ)
            connect("retell").clone(bytes.fromhex("ffe318c0" + "0" * 136), name="Me", voice_provider="elevenlabs")
            assert MiniMax().clone(bytes.fromhex("ffe318c0" + "0" * 136)).id in mock_minimax.voices
            assert len(mock_retell.requests) == 1
        """,
    )


ASYNC = """
from functools import partial

import anyio
import app
import pytest
from voice_clone import AsyncHeyGen


{mark}
async def test_fresh(mock_heygen) -> None:
    mock_heygen.fail("rate_limit", retry_after=59)
    assert (await app.use_heygen_async()).id in mock_heygen.voices
    assert [seen.status for seen in mock_heygen.requests] == [429, 200, 200, 200]


{mark}
async def test_many(mock_heygen) -> None:
    mock_heygen.mock.polls_until_done = 3
    async with AsyncHeyGen() as heygen, anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(partial(heygen.clone, bytes.fromhex("ffe318c0" + "0" * 136), name="Me", timeout=4))
    assert len(mock_heygen.voices) == 20
"""


@pytest.mark.parametrize(
    ("mark", "passed"), [("@pytest.mark.anyio", 4), ("@pytest.mark.asyncio", 2)], ids=["anyio", "pytest-asyncio"]
)
def test_async_tests_use_the_same_fixtures(project: pytest.Pytester, mark: str, passed: int) -> None:
    """Under asyncio and trio, with either plugin; parallel waits do not lose virtual time to each other."""
    run(project, ASYNC.format(mark=mark), passed=passed)


def test_failures_are_scripted_and_sleeps_are_virtual(project: pytest.Pytester) -> None:
    """Faults are scripted by kind; hours of waiting take no time and are reported."""
    run(
        project,
        """
        import time

        import app
        import pytest
        from voice_clone import HeyGen, PollTimeoutError, QuotaExceededError


        def test_refused(mock_heygen) -> None:
            mock_heygen.fail("quota")
            with pytest.raises(QuotaExceededError):
                app.use_heygen()
            with pytest.raises(ValueError, match="heygen has no operation 'sing'"):
                mock_heygen.fail("quota", operation="sing")


        def test_never_done(mock_heygen) -> None:
            mock_heygen.mock.polls_until_done = 10**9
            seen = []
            with pytest.raises(PollTimeoutError, match="not done after 36000 s"):
                HeyGen().clone(bytes.fromhex("ffe318c0" + "0" * 136), name="Me", timeout=36000, on_poll=seen.append)
            assert seen[0].elapsed == 0
            assert seen[-1].elapsed > 30000
        """,
    )


def test_request_past_the_mock_fails_the_test(project: pytest.Pytester) -> None:
    """Another request to a provider's address fails the test, even inside `except Exception`."""
    result = run(
        project,
        """
        import urllib.request

        import app
        import httpx
        import pytest
        from httpx_aiohttp import AiohttpTransport
        from voice_clone import AsyncHeyGen, NotFoundError, Retell


        def test_by_other_means(mock_providers) -> None:
            try:
                urllib.request.urlopen("https://api.cartesia.ai/voices")
            except Exception:
                pass


        @pytest.mark.asyncio
        async def test_by_another_transport(mock_providers) -> None:
            async with AsyncHeyGen(transport=AiohttpTransport()) as heygen:
                await app.greet(heygen)


        def test_unknown(mock_providers) -> None:
            with pytest.raises(NotFoundError, match="no operation POST /v7/clone-voice"):
                app.greet(Retell(base_url="https://gateway.example/v7"), voice_provider="minimax")


        def test_by_an_upper_case_host(mock_providers) -> None:
            urllib.request.urlopen("https://API.HeyGen.com./v3/voices")


        def test_by_the_other_region(mock_providers) -> None:
            urllib.request.urlopen("https://api.minimaxi.com/v1/voice_clone")


        def test_by_httpx(mock_providers) -> None:
            assert httpx.get("https://api.heygen.com/v3/voices/any").status_code == 401
            with pytest.raises(httpx.ConnectError):
                httpx.get("http://127.0.0.1:9")


        @pytest.mark.asyncio
        async def test_by_async_httpx(mock_providers) -> None:
            async with httpx.AsyncClient() as client:
                with pytest.raises(httpx.ConnectError):
                    await client.get("http://127.0.0.1:9")
        """,
        passed=3,
        failed=4,
    )
    hosts = ("api.cartesia.ai", "api.heygen.com", "api.heygen.com", "api.minimaxi.com")
    past = "*Failed: a request to {} bypassed the mock: pass transport=mock_providers.transport to its client"
    result.stdout.fnmatch_lines([past.format(host) for host in hosts])


def test_everything_is_restored_after_a_test(project: pytest.Pytester) -> None:
    """After a test that uses a fixture keys, transports, network and time are restored."""
    run(
        project,
        """
        import os
        import socket

        import httpx
        import pytest
        from voice_clone._client.base import Client


        @pytest.fixture(autouse=True, scope="module")
        def state():
            def now():
                places = (httpx.HTTPTransport, httpx.AsyncHTTPTransport, Client, socket)
                environment = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
                return [*(dict(vars(place)) for place in places), environment]

            return now, now()


        def test_first(state, mock_providers) -> None:
            now, before = state
            changed = [
                {name for name in {**was, **new} if was.get(name) != new.get(name)} for was, new in zip(before, now())
            ]
            keys = {f"{name}_API_KEY" for name in ("HEYGEN", "RETELL", "CARTESIA", "MINIMAX")}
            others = {"NO_PROXY", "RETELL_BASE_URL", "MINIMAX_API_HOST"}
            assert changed[:4] == [{"handle_request"}, {"handle_async_request"}, {"_runtime"}, {"getaddrinfo"}]
            assert changed[4:] == [keys | others]


        def test_second(state) -> None:
            now, before = state
            assert now() == before
        """,
    )


def test_thread_that_outlives_its_test_sends_nothing(project: pytest.Pytester) -> None:
    """A thread that still runs after its test sends nothing, with an old or a new client."""
    run(
        project,
        """
        import socket
        import threading
        import urllib.request

        import app
        import pytest
        from voice_clone import HeyGen, TransportError

        go, ended, seen = threading.Event(), threading.Event(), []


        def late(client):
            go.wait(10)
            for act in (lambda: app.greet(client), lambda: app.greet(HeyGen("any-key", max_retries=0)), elsewhere):
                try:
                    act()
                except Exception as error:
                    seen.append(error)
            ended.set()


        def elsewhere():
            urllib.request.urlopen("http://api.heygen.com/v3/voices")


        def test_first(mock_heygen) -> None:
            threading.Thread(target=late, args=[HeyGen(max_retries=0)], daemon=True).start()


        def test_second(monkeypatch) -> None:
            monkeypatch.delenv("HTTPS_PROXY")
            go.set()
            assert ended.wait(10)
            assert [type(each) for each in seen[:2]] == [TransportError] * 2
            assert len(seen) == 3
            assert all("has ended" in str(each) for each in seen)
        """,
    )


def test_plugin_can_be_disabled(project: pytest.Pytester) -> None:
    """With `-p no:voice_clone` there are no fixtures."""
    result = run(project, "def test_it(mock_heygen): ...", "-p", "no:voice_clone", errors=1)
    result.stdout.fnmatch_lines(["*fixture 'mock_heygen' not found"])


def test_starting_pytest_loads_nothing(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin imports neither httpx nor the mock before a fixture is used, and works under xdist."""
    test = """
    import sys

    EARLY = {"httpx", "voice_clone.testing", "voice_clone.errors", "voice_clone_api"} & set(sys.modules)


    def test_early() -> None:
        assert not EARLY


    def test_heygen(mock_heygen) -> None:
        from voice_clone import HeyGen
        assert HeyGen().clone(bytes.fromhex("ffe318c0" + "0" * 136), name="Me").id in mock_heygen.voices
    """
    project.makepyfile(test_it=test)
    project.makepyprojecttoml("")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # others' plugins take their time
    project.runpytest_subprocess("-pvoice_clone", "-pxdist", "--numprocesses=1").assert_outcomes(passed=2)


def test_page_examples_pass(project: pytest.Pytester, wav: bytes) -> None:
    """All examples of docs/testing.md pass, in files with the names given there."""
    page = (Path(__file__).parent.parent.parent / "docs" / "testing.md").read_text("utf-8")
    files = re.findall(r"^```python\n# (\w+)\.py\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(files) == page.count("```python")
    (project.path / "me.wav").write_bytes(wav)
    project.makepyfile(**dict(files))
    both_backends = sum(content.count("@pytest.mark.anyio") for _, content in files)
    tests = sum(content.count("def test_") for _, content in files)
    project.runpytest().assert_outcomes(passed=tests + both_backends)


def test_redirected_clients_ignore_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy variable of the environment, however it is spelt, reaches a client of a redirected test."""
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://proxy")
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(variable, "other.example")
    with redirect_clients(Mock()):
        HeyGen("any-key").close()
