"""`docs/audio-corpus.md`: the results of the corpus, and the costs of a check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from scripts.lib.files import ROOT
from tests.audio.corpus import SECTIONS
from tests.audio.costs import Cost
from tests.audio.results import PROVIDERS, Result

PAGE = ROOT / "docs" / "audio-corpus.md"
TITLES = {"heygen": "HeyGen", "retell": "Retell", "cartesia": "Cartesia", "minimax": "MiniMax"}
HEAD = ("file", "source", "content", "decoded", "check", *TITLES.values())


def corpus(results: Mapping[str, Result]) -> str:
    """A summary, and a table of each section."""
    parts = [table(("", ""), summary([*results.values()]))]
    for title, samples in SECTIONS.items():
        rows = [_row(results[sample.name]) for sample in samples if sample.name in results]
        parts += [f"### {title}", table(HEAD, rows)]
    return "\n\n".join(parts)


def costs(measured: Sequence[Cost]) -> str:
    """The table of costs."""
    head = ("file", "MB", "decoded", "check", "ms of CPU", "MiB of memory", "KiB read")
    return table(head, (_cost(cost) for cost in measured))


def summary(results: Sequence[Result]) -> Iterator[tuple[str, str]]:
    """What the tables add up to."""
    audible = [result for result in results if result.sample.format]
    accepted = [result.info for result in audible if result.info]
    lengths = [(info.duration, result.seconds) for result in audible if (info := result.info) and info.duration]
    errors = [error for result in results for error in result.errors()]
    unknown = len(accepted) - len(lengths)
    furthest = max((abs(length - truth) / truth for length, truth in lengths if truth), default=0)
    yield "files", f"{len(results)}, of {len({result.sample.source for result in results})} sources"
    yield "files with sound", f"{len(audible)}, in {len({result.sample.format for result in audible})} formats"
    yield "files with nothing to hear", str(len(results) - len(audible))
    yield "false refusals", str(sum(error.startswith("false refusal") for error in errors))
    yield "false acceptances", str(sum(error.startswith("false good") for error in errors))
    yield "other errors", str(sum(not error.startswith("false") for error in errors))
    yield "unknown lengths", f"{unknown} of {len(accepted)}, {unknown / max(len(accepted), 1):.1%}"
    yield "largest difference of a length", f"{furthest:.2%}"


def table(head: Sequence[str], rows: Iterator[Sequence[str]] | Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def _row(result: Result) -> list[str]:
    sample, info = result.sample, result.info
    start = [f"`{sample.name}`", sample.source]
    if not info:
        reason = result.refusal.partition(f"{sample.name}' ")[2] or result.refusal
        return [*start, f"refused: {reason}", *["–"] * 2, *["no"] * len(PROVIDERS)]
    content = f"{info.format}, {info.codec}" if info.codec not in {None, info.format} else info.format
    content += ", video" * info.has_video + ", cut off" * info.is_truncated
    verdicts = [_verdict(result, provider) for provider in TITLES]
    return [*start, content, _length(result.seconds), _length(info.duration), *verdicts]


def _verdict(result: Result, provider: str) -> str:
    report = result.reports[provider]
    return ("note" if report.notes else "yes") if report.ok else "no"


def _length(seconds: float | None) -> str:
    return "unknown" if seconds is None else f"{seconds:.2f} s"


def _cost(cost: Cost) -> list[str]:
    numbers = (f"{cost.milliseconds:.1f}", f"{cost.memory / 2**20:.2f}", f"{cost.read / 2**10:,.0f}")
    found = "unknown" if cost.info.duration is None else f"{cost.info.duration:,.0f} s"
    answer = f"{cost.info.format}, {found}"
    return [cost.large.title, f"{cost.size / 1e6:.0f}", f"{cost.seconds:,.0f} s", answer, *numbers]
