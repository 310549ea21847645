"""The benchmark measures and reports the quantities of its rows. No test here asserts a time."""

from __future__ import annotations

import itertools
import json
import math
import random
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest

from scripts.lib.files import read_json
from scripts.lib.project import find_providers
from tests import robustness
from tests.benchmarks import __main__ as command, measures, polling, report, runs
from tests.benchmarks.measures import Contestant, Estimate, Process, Role
from tests.benchmarks.report import Result, Results
from tests.benchmarks.rows import FIRST_CLONE, ROWS, Row, chosen

GOALS = (
    "`import voice_clone` / `import httpx`",
    "import one provider, ready to call",
    "second and later clients in a process",
    "clone with a 100 kB clip, CPU / bare httpx that opens a connection for it, shim included",
    "poll GET, CPU / bare httpx",
    "get_or_clone of an existing voice, CPU / bare httpx that lists the voices",
    "500 concurrent polls, default client, requests/s / bare httpx, first burst included",
    "10,000 clone jobs waiting in one process: memory a job; CPU a poll",
    "200 MB from a path, a file, or as base64, extra memory",
    "response body and decoded JSON bounded",
    "8 kB of hostile JSON: event-loop stall",
    "10,000 voices listed page by page: CPU / bare httpx",
    "20 MiB of speech into a file: CPU / bare httpx",
    "10,000 voices listed, or 20 MiB of speech into a file: extra memory",
    "finished clone noticed late; polls for a 10 min clone",
    "install size",
    "regenerate all four, nothing changed",
    "regenerate all four from nothing",
    "a spec 100 × larger",
    "whole test command",
)
HERE = {
    "ours": ("construct", "clone", "clone_retell", "poll", "wait_finished", "get_or_clone"),
    "bare_httpx": (
        *("construct", "construct_shared", "clone", "clone_connecting"),
        *("clone_prepared", "poll", "poll_prepared", "find_voice"),
    ),
    "references": ("clone", "poll"),
}
LONG = {
    "ours": ("list_heygen", "list_cartesia", "speak_cartesia", "speak_minimax", "speak_heygen"),
    "bare_httpx": ("list_heygen", "list_cartesia", "speak_cartesia", "speak_minimax", "speak_heygen"),
    "cartesia_sdk": ("list_cartesia", "speak_cartesia", "stream_cartesia"),
}
AWAITED = {"ours": ("polls",), "bare_httpx": ("polls", "polls_transports"), "references": ("polls",)}


@pytest.fixture(scope="module")
def url() -> Generator[str]:
    """The server of the benchmark, in its own process."""
    server = Process(Path(sys.executable), [str(measures.HERE / "server.py")])
    yield f"http://127.0.0.1:{int(server.read())}"
    server.close()


@contextmanager
def worker(*arguments: str) -> Generator[Process]:
    """A worker, in its own process."""
    process = Process(Path(sys.executable), [str(measures.HERE / "worker.py"), *arguments])
    try:
        yield process
    finally:
        process.close()


@pytest.fixture(scope="module")
def committed() -> Results:
    """The committed results."""
    return Results.load(report.JSON.read_text("utf-8"))


def test_every_goal_has_a_row() -> None:
    """Every goal has one or two rows with a limit and one of our contestants, and every row has a goal."""
    assert tuple(dict.fromkeys(row.group for row in ROWS)) == GOALS
    for row in ROWS:
        assert any(contestant.role == "us" for contestant in row.contestants), row.id
        assert row.limit, row.id
        assert row.what.endswith("."), row.id
        assert not row.relative or [each.role for each in row.contestants].count("base") == 1, row.id
    assert len({row.id for row in ROWS}) == len(ROWS)


def test_rows_are_selected_by_name_or_prefix() -> None:
    """A name selects its row and those with this prefix; an unknown name is refused."""
    assert [row.id for row in chosen(["import", "size"])] == ["import", "import-one", "size"]
    assert chosen([]) == ROWS
    with pytest.raises(SystemExit, match="unknown row 'imp'"):
        chosen(["imp"])


def test_page_needs_a_whole_run(capsys: pytest.CaptureFixture[str]) -> None:
    """The page is not written from a quick run or from some rows."""
    for arguments in (["--write", "--quick"], ["--write", "--rows", "size"]):
        with pytest.raises(SystemExit):
            command.options(arguments)
    assert "--write needs a complete run" in capsys.readouterr().err


def row(**changes: Any) -> Row:
    """A row with one of ours, a base and a peer."""
    runners: list[tuple[str, Role]] = [("ours", "us"), ("base", "base"), ("peer", "peer")]
    contestants = [Contestant(name, role, lambda _: {}) for name, role in runners]
    usual: dict[str, Any] = {"contestants": contestants, "quantity": "cpu", "relative": True}
    return attrs.evolve(ROWS[0], **usual | changes)


def turns(*ours: float) -> list[measures.Round]:
    """Rounds in which the base's CPU time and ours change, and ours is the base's times these."""
    return [
        {"ours": {"cpu": ratio * spent, "wall": 3.0}, "base": {"cpu": spent, "wall": 1.0}}
        for ratio, spent in zip(ours, itertools.cycle((1.0, 20.0, 6.0)), strict=False)
    ]


def test_ratios_are_of_the_same_round() -> None:
    """A constant ratio is found exactly, with an interval of no width, however much the times change."""
    ours = Result.of(row(), turns(*[0.5] * 9)).of_role("us")[0]
    assert (ours.value, ours.low, ours.high, ours.cpu, ours.wall, ours.rounds) == (0.5, 0.5, 0.5, 0.5, 3, 9)
    assert ours.measured == {"cpu": 3.0, "wall": 3.0}


@pytest.mark.parametrize("outlier", [1e-6, 100.0])
@pytest.mark.parametrize("count", [3, 5, 9, 30])
def test_outlier_does_not_move_the_estimate(count: int, outlier: float) -> None:
    """One disturbed round among rounds that agree leaves the estimate as it is."""
    assert Estimate.of([*[2.0] * (count - 1), outlier]).value == 2
    assert Estimate.of_ratios([outlier, *[2.0] * (count - 1)]).value == pytest.approx(2)


def test_estimate_is_the_mean_of_the_middle_half() -> None:
    """Of nine numbers, the five in the middle count, in any order."""
    assert Estimate.of([9, 1, 50, 60, 2, 6, 5, 4, 3]).value == pytest.approx((3 + 4 + 5 + 6 + 9) / 5)


def test_estimate_of_inverse_ratios_is_inverse() -> None:
    """The estimate and the interval of base / ours are those of ours / base, inverted."""
    numbers = [random.Random(1).lognormvariate(0, 0.5) for _ in range(20)]
    there, back = Estimate.of_ratios(numbers), Estimate.of_ratios([1 / number for number in numbers])
    assert back.value == pytest.approx(1 / there.value)
    assert [back.low, back.high] == pytest.approx([1 / there.high, 1 / there.low], rel=0.02)


@pytest.mark.parametrize("disturbed", [0.0, 0.1])
@pytest.mark.parametrize("count", [5, 9, 15, 30])
def test_interval_contains_the_true_ratio(count: int, disturbed: float) -> None:
    """In at least 90 % of 200 simulations the interval contains the ratio, and in some it does not."""
    chance = random.Random(count)

    def ratio() -> float:
        return 1.3 * math.exp(chance.gauss(0, 0.05) + (chance.random() < disturbed) * chance.uniform(-0.5, 0.5))

    estimates = [Estimate.of_ratios([ratio() for _ in range(count)]) for _ in range(200)]
    assert 180 <= sum(each.low <= 1.3 <= each.high for each in estimates) < 200


def test_interval_of_few_rounds_is_their_range() -> None:
    """With fewer than eight numbers, the interval goes from the smallest to the largest."""
    assert Estimate.of([7]) == Estimate(7, 7, 7)
    assert Estimate.of([2, 1]) == Estimate(1.5, 1, 2)
    assert Estimate.of([3, 1, 4, 2, 7, 6, 5]) == Estimate(4, 1, 7)
    assert Estimate.of([3, 1, 4, 2, 7, 6, 5, 8]).high < 8


@pytest.mark.parametrize(("goal", "better", "verdict"), [
    (0.5, "less", "met"), (0.49, "less", "missed"), (0.5, "more", "met"), (0.51, "more", "missed"),
])  # fmt: skip
def test_goal_is_met_or_missed(goal: float, better: Any, verdict: str) -> None:
    """A goal is met at its value, and missed by any amount beyond it."""
    assert Result.of(row(goal=goal, better=better), turns(0.5)).verdict == verdict


@pytest.mark.parametrize("better", ["less", "more"])
@pytest.mark.parametrize("goal", [0.45, 0.55])
def test_goal_inside_the_interval_is_unclear(goal: float, better: Any) -> None:
    """A goal between the ends of the interval is neither met nor missed, on either side of the estimate."""
    result = Result.of(row(goal=goal, better=better), turns(0.4, 0.5, 0.6))
    assert (result.verdict, result.ours) == ("unclear", 0.5)
    assert "- **import voice_clone**, unclear: 0.5" in report.missed([result])


def test_worst_of_several_contestants_counts() -> None:
    """If several contestants are ours, all must meet the goal, and the worst is shown."""
    result = Result.of(row(goal=0.6), turns(0.5))
    worse = attrs.evolve(result.outcomes[0], value=0.7)
    for better, shown in (("less", 0.7), ("more", 0.5)):
        assert attrs.evolve(result, better=better, outcomes=[result.outcomes[0], worse]).ours == shown
    both = row(goal=0.6, contestants=[*row().contestants, Contestant("second", "us", lambda _: {})])
    for seconds, verdict in (([0.5] * 3, "met"), ([0.5, 0.55, 0.65], "unclear"), ([0.7] * 3, "missed")):
        rounds = [
            {**turn, "second": {"cpu": turn["base"]["cpu"] * second}}
            for turn, second in zip(turns(*[0.5] * 3), seconds, strict=True)
        ]
        assert Result.of(both, rounds).verdict == verdict
    assert Result.of(both, turns(0.5)).verdict == "missed"


def test_contestant_without_a_number_misses_the_goal() -> None:
    """If ours ran without reaching a number, the goal is missed."""
    result = Result.of(row(), [{"ours": {"polls": 0.5}, "base": {"cpu": 1.0}}])
    assert (result.verdict, result.ours) == ("missed", None)


def test_skipped_row_is_neither_met_nor_missed() -> None:
    """A skipped row is reported as such."""
    result = Result.of(row(), [])
    assert (result.ours, result.verdict) == (None, "not measured")


def test_absolute_numbers_have_their_unit() -> None:
    """A value that is not a ratio has the row's unit; a time also has its ratios, and memory has none."""
    result = Result.of(row(relative=False, scale=1000, unit="ms"), turns(0.5, 0.5, 0.5))
    ours = result.of_role("us")[0]
    assert (ours.value, ours.cpu) == (3000.0, 0.5)
    assert report.amount(result, ours.value) == "3,000 ms"
    measured = {"memory": 2.0, "cpu": 1.0, "wall": 1.0}
    result = Result.of(row(quantity="memory", relative=False), [{"ours": measured, "base": measured}])
    assert (result.outcomes[0].value, result.outcomes[0].cpu) == (2, None)
    assert [column.header for column in report.details(result).columns][-1] == "rounds"


def test_contestants_take_turns() -> None:
    """Each round measures each contestant once in a changing order, and the first round is discarded."""
    seen: list[str] = []

    def contestant(name: str) -> Contestant:
        def run(_: Any) -> measures.Measured:
            seen.append(name)
            return {"turn": len(seen)}

        return Contestant(name, "peer", run)

    bench: Any = None
    measured = measures.rounds(bench, [contestant(name) for name in "abc"], 6, warm=True)
    orders = ["".join(seen[start : start + 3]) for start in range(0, 21, 3)]
    assert {"".join(sorted(order)) for order in orders} == {"abc"}
    assert len(set(orders)) > 3
    assert [turn["a"]["turn"] for turn in measured] == [at + 1 for at, name in enumerate(seen) if name == "a"][1:]


def test_slow_contestant_has_one_round() -> None:
    """A slow contestant runs in the first round of each run only, and is compared with the base in this round."""
    bench: Any = None
    spent = iter(range(1, 100))
    contestants = [
        Contestant("slow", "peer", lambda _: {"cpu": 10.0}, slow=True),
        Contestant("base", "base", lambda _: {"cpu": next(spent)}),
    ]
    measured = [turn for _ in range(2) for turn in measures.rounds(bench, contestants, 4, warm=False)]
    assert ["slow" in turn for turn in measured] == [True, False, False, False] * 2
    assert report.ratios(measured, "slow", "base", "cpu") == [10, 2]


def test_quick_run_has_fewer_rounds() -> None:
    """A quick run has a share of each row's rounds, and at least one."""
    assert [measures.Effort().rounds(count) for count in (30, 3, 1)] == [30, 3, 1]
    assert [measures.QUICK.rounds(count) for count in (30, 3, 1)] == [4, 1, 1]


@pytest.mark.parametrize(("value", "shown"), [
    (None, "–"), (0, "0"), (9, "9"), (0.12345, "0.123"), (1.0456, "1.05"), (45.67, "45.7"), (2345.6, "2,346"),
])  # fmt: skip
def test_numbers_have_three_digits(value: float | None, shown: str) -> None:
    """A number is shown with three significant digits."""
    assert report.number(value) == shown


def test_runs_that_differ_are_shown_with_their_intervals() -> None:
    """A value that differs by more than 10 % between runs is in a table, by contestant; the others are counted."""
    runs = [
        {
            "poll": {"ours": [1.0, 0.9, 1.1]},
            "upload": {"ours, a path": [2.0, 1.0, 3.0], "ours, a file": [4.0, 4.0, 4.0]},
        },
        {
            "poll": {"ours": [1.25, 1.2, 1.3]},
            "upload": {"ours, a file": [4.2, 4.0, 4.5], "ours, a path": [5.0, 5.0, 5.0]},
        },
    ]
    results = Results({}, [Result.of(each, []) for each in ROWS], {}, runs)
    assert report.agreement(results) == (
        "In 2 runs, 1 of our 3 values agree within 10 %; the largest difference is 150 %."
    )
    lines = robustness.markdown(report.differing(results)).splitlines()
    assert [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]] == [
        ["upload of 200 MB: memory, a path", "2 (1 – 3)", "5 (–)", "150 %"],
        ["one poll of a clone", "1 (0.900 – 1.10)", "1.25 (1.20 – 1.30)", "25 %"],
    ]
    single = attrs.evolve(results, repeats=[])
    assert report.agreement(single) == "This page shows a single run."
    assert report.differing(single).row_count == 0


def test_rounds_of_all_runs_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several runs give one estimate over their rounds together, and one of each run, each by new processes."""
    stopped: list[int] = []

    def stop(_: measures.Bench) -> None:
        stopped.append(1)

    monkeypatch.setattr(measures.Bench, "stop_workers", stop)
    bench = measures.Bench(measures.Effort(), {}, Path(), Path(), "")
    ratios = iter([1.0, 1.0, 3.0, 3.0, 2.0, 2.0])
    ours = Contestant("ours", "us", lambda _: {"cpu": next(ratios)})
    rows = [row(contestants=[ours], relative=False, rounds=2, warm=False), row(id="skipped", contestants=[])]
    runs = [command.measure(bench, rows, ["skipped"], lambda *_: None) for _ in range(3)]
    assert len(stopped) == 3
    assert command.estimates(rows, runs) == [{"import": {"ours": [value] * 3}} for value in (1, 3, 2)]
    merged, skipped = command.merge(rows, runs)
    assert (merged.ours, merged.outcomes[0].rounds, skipped.verdict) == (2, 6, "not measured")


def test_page_is_rendered_from_the_results(committed: Results) -> None:
    """docs/benchmarks.md is the rendering of the committed results.json, which is in its canonical form."""
    assert report.page(committed) == report.PAGE.read_text("utf-8"), "nox -s bench -- --page"
    assert committed.dump() == report.JSON.read_text("utf-8")


def test_pictures_are_drawn_from_the_results(committed: Results) -> None:
    """Each committed picture is drawn from the results, and drawing twice gives the same bytes."""
    pytest.importorskip("matplotlib", reason="nox -s bench installs it")
    from tests.benchmarks import plots

    drawn = dict(plots.draw(committed))
    assert drawn.keys() == {path.name for path in report.FOLDER.glob("*.svg")}
    assert drawn == dict(plots.draw(committed))


def test_no_label_lies_on_a_line(committed: Results) -> None:
    """The line of the goal or of the limit crosses the value of no bar; drawing the frontier checks its own labels."""
    pytest.importorskip("matplotlib", reason="nox -s bench installs it")
    from tests.benchmarks import plots

    for result in committed.rows:
        if len(result.outcomes) > 1:
            (axes,) = plots.bars(result).axes
            lines = [axes.transData.transform((x, 0))[0] for x in (result.goal, result.stated) if x is not None]
            boxes = [label.get_window_extent() for label in axes.texts]
            assert boxes
            assert not [box for box in boxes for line in lines if box.x0 <= line <= box.x1], result.id
            plots._pyplot().close()


@pytest.mark.parametrize("contestant", HERE)
def test_every_contestant_gets_the_voice(url: str, contestant: str) -> None:
    """Each installed contestant makes each of its calls at the server and gets the voice."""
    with worker(str(measures.CONTESTANTS / f"{contestant}.py"), *filter(None, sys.path)) as asked:
        for name in HERE[contestant]:
            assert asked.ask("calls", name, url, 1, 100).keys() == {"cpu", "wall"}
        for name in AWAITED[contestant]:
            assert asked.ask("calls_async", name, url, 1).keys() == {"cpu", "wall"}
            assert asked.ask("burst", name, url, 10, 20).keys() == {"rate", "cpu", "wall"}


def test_first_clone_is_made(url: str) -> None:
    """The command of our first clone, which a row times, ends well after one request."""
    before = int(httpx.get(f"{url}/answered/").text)
    subprocess.run([sys.executable, "-c", FIRST_CLONE.replace("URL", repr(url))], check=True)
    assert int(httpx.get(f"{url}/answered/").text) == before + 2


def test_voice_is_found_with_one_request(url: str) -> None:
    """`get_or_clone` finds the voice in the list, and neither clones nor polls."""
    before = int(httpx.get(f"{url}/answered/").text)
    with worker(str(measures.CONTESTANTS / "ours.py"), *filter(None, sys.path)) as asked:
        asked.ask("calls", "get_or_clone", url, 1)
    assert int(httpx.get(f"{url}/answered/").text) == before + 4  # a call, two for warming up, and the count


@pytest.mark.parametrize(("contestant", "name"), [(each, name) for each, names in LONG.items() for name in names])
def test_every_contestant_receives_long_responses(url: str, tmp_path: Path, contestant: str, name: str) -> None:
    """Each contestant lists 100 pages to the last voice, or writes speech to a file, after a short call of its kind."""
    if contestant == "cartesia_sdk":
        pytest.importorskip("cartesia", reason="nox -s bench installs it")
    before = int(httpx.get(f"{url}/answered/").text)
    with worker(str(measures.CONTESTANTS / f"{contestant}.py"), *filter(None, sys.path)) as asked:
        measured = asked.ask("large", name, f"{url}/long", str(tmp_path / "speech.mp3"))
    assert measured.keys() == {"memory", "cpu", "wall"}
    requests = int(httpx.get(f"{url}/answered/").text) - before - 1
    # The SDK requests one more page, which is empty. HeyGen's speech needs a download.
    pages = 1 + 100 + 2 * (contestant == "cartesia_sdk")
    assert requests == (pages if name.startswith("list") else 4 if name == "speak_heygen" else 2)
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert sizes == ({} if name.startswith("list") else {"small.mp3": 2**18, "speech.mp3": 20 * 2**20})


@pytest.mark.parametrize(("prefix", "voices", "size"), [("", 100, 2**18), ("/long", 10_000, 20 * 2**20)])
def test_server_sends_lists_and_speech(url: str, prefix: str, voices: int, size: int) -> None:
    """The server lists each voice once, and sends the same audio plainly, by an address, and in hexadecimal."""
    with httpx.Client(base_url=url + prefix) as client:
        for path, key, cursor, following in (
            ("/v3/voices", "voice_id", "token", "next_token"),
            ("/voices", "id", "starting_after", "next_page"),
        ):
            ids: list[str] = []
            page: dict[str, Any] = {following: ""}
            while len(ids) <= voices and page[following] is not None:
                page = client.get(path, params={cursor: page[following]}).json()
                ids += [voice[key] for voice in page["data"]]
            assert ids == [f"voice-{number}" for number in range(voices, 0, -1)]
        plain = client.post("/tts/bytes")
        assert (plain.headers["content-type"], len(plain.content)) == ("audio/mpeg", size)
        assert plain.content.endswith(b"voice-1")
        address = client.post("/v3/voices/speech").json()["data"]["audio_url"]
        assert client.get(address).content == plain.content
        assert bytes.fromhex(client.post("/v1/t2a_v2").json()["data"]["audio"]) == plain.content


STRANGER = """
import time

def wrong(inputs):
    return lambda: "another voice"

def poll(inputs):
    return lambda: "voice-1"

def hungry(inputs):
    return lambda: str(bytearray(40 * 2**20 if inputs.path.endswith("large.mp3") else 1) and "voice-1")

def spins(inputs):
    return lambda: (sum(range(10**4)), time.sleep(0.01), "voice-1")[2]
"""


def test_wrong_voice_ends_the_benchmark(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A call that returns another voice than the server's ends the benchmark."""
    (tmp_path / "stranger.py").write_text(STRANGER)
    with worker(str(tmp_path / "stranger.py")) as asked, pytest.raises(SystemExit, match="ended with status 1"):
        asked.ask("calls", "wrong", "", 1)
    assert "the call brought 'another voice'" in capfd.readouterr().err


def test_memory_is_measured_by_the_system(tmp_path: Path) -> None:
    """Memory is the growth of a process over its size after a small call."""
    (tmp_path / "stranger.py").write_text(STRANGER)
    with worker(str(tmp_path / "stranger.py")) as asked:
        assert asked.ask("large", "hungry", "", str(tmp_path / "small.mp3"))["memory"] < 2**20
        assert 39 * 2**20 < asked.ask("large", "hungry", "", str(tmp_path / "large.mp3"))["memory"] < 42 * 2**20


def test_stall_of_the_event_loop_is_measured(url: str) -> None:
    """Hostile JSON costs httpx and json.loads memory, and stalls the event loop while it is decoded."""
    with worker(str(measures.CONTESTANTS / "bare_httpx.py"), *filter(None, sys.path)) as asked:
        measured = asked.ask("hostile", "hostile", url)
    assert measured.keys() == {"memory", "stall", "cpu", "wall"}
    assert measured["memory"] > 100 * 2**20
    assert 0.002 < measured["stall"] < measured["wall"] + 0.1


@pytest.mark.parametrize("name", ["hostile", "hostile_in_thread"])
def test_our_clients_are_measured_with_hostile_json(url: str, name: str) -> None:
    """Ours makes a normal and a hostile call, each with one request, since paid requests are not retried."""
    before = int(httpx.get(f"{url}/answered/").text)
    with worker(str(measures.CONTESTANTS / "ours.py"), *filter(None, sys.path)) as asked:
        measured = asked.ask("hostile", name, url)
    assert measured.keys() == {"memory", "stall", "cpu", "wall"}
    assert measured["memory"] > 8 * 2**20  # the response arrived whole
    assert int(httpx.get(f"{url}/answered/").text) == before + 3


def test_profile_attributes_time_to_packages(tmp_path: Path) -> None:
    """A profile sums time by package; built-in functions count for their caller."""
    package = tmp_path / "site-packages" / "strange"
    package.mkdir(parents=True)
    (package / "stranger.py").write_text(STRANGER)
    with worker(str(package / "stranger.py")) as asked:
        profile = asked.ask("profile", "spins", "", 2)
    assert profile["strange"] > 0.9 * sum(profile.values())


def test_command_is_measured_with_its_children() -> None:
    """A command's time includes its child processes, and a failing command ends the benchmark."""
    twice = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(10**6))'])"
    with worker() as asked:
        assert asked.ask("command", sys.executable, "-c", twice).keys() == {"cpu", "wall", "memory"}
        with pytest.raises(SystemExit):
            asked.ask("command", sys.executable, "-c", "raise SystemExit(3)")


def test_server_counts_and_reports_unknown_requests(url: str) -> None:
    """The server counts its responses, sends endless ones on request, and reports unknown requests."""
    before = int(httpx.get(f"{url}/answered/").text)
    assert httpx.get(f"{url}/nothing/here").status_code == 404
    for coding in ("", "-gzip"):
        with httpx.stream("POST", f"{url}/oversize{coding}/voices/clone") as answer:
            assert len(next(answer.iter_bytes(1000))) == 1000
            assert answer.headers.get("content-encoding", "") == coding.removeprefix("-")
    with httpx.stream("POST", f"{url}/oversize-hostile/voices/clone") as hostile:
        assert len(b"".join(hostile.iter_raw())) < 8500
    assert int(httpx.get(f"{url}/answered/").text) == before + 5


def test_our_schedule_is_that_of_wait() -> None:
    """The shim's schedule is that of its `wait`: it polls until the clone is done, never noticing it before."""
    noticed, polls = polling.ours(100.0, random.Random(1))
    assert 100 <= noticed < 120
    assert 10 < polls < 60


@pytest.mark.parametrize(("delays", "polls"), [
    (polling.fixed(2), 301), (polling.doubling(2, 30), 24), (polling.growing(0.2, 1), 33),
])  # fmt: skip
def test_schedules_poll_after_each_delay(delays: polling.Delays, polls: int) -> None:
    """A schedule polls at once, and after each of its delays, until the clone is done."""
    assert polling.by_delays(delays)(600.0, random.Random(1))[1] == polls


def test_schedules_are_evaluated_over_all_durations() -> None:
    """A fixed delay is half of itself late for any duration, and a shorter one less."""
    two, one = (polling.judge(polling.Schedule("", polling.by_delays(polling.fixed(each))), 500) for each in (2, 1))
    assert two.polls_ten_minutes == pytest.approx(301.5, abs=0.6)
    assert one.late < two.late


def test_enlarged_spec_has_copies() -> None:
    """An enlarged spec has this many copies of the operations, each with its own names and schemas."""
    spec = read_json(find_providers(["heygen"])[0].package / "openapi.json")
    text = json.dumps(large := runs.enlarged(spec, 3))
    assert len(large["paths"]) == 3 * len(spec["paths"])
    operations = [operation for path in spec["paths"].values() for operation in path.values()]
    assert len(set(re.findall(r'"operationId": "(\w+)"', text))) == 3 * len(operations)
    assert set(re.findall(r"#/components/schemas/(\w+)", text)) <= large["components"]["schemas"].keys()
