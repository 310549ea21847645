"""The charts of the rows and of charts.py, for light and dark pages; equal numbers give equal bytes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from tests.benchmarks.report import Result, Results, goal, number

GREY, LINE = "#768390", "#76839055"
COLOURS = {
    "us": "#2f81f7", "peer": "#d29922", "stock": "#a371f7", "limit": "#3fb950", "base": "#8b949e",
    "reference": "#57606a",
}  # fmt: skip
ROLES = {
    "us": "ours", "peer": "peer", "stock": "stock generator", "limit": "limit", "base": "base",
    "reference": "reference, no goal",
}  # fmt: skip
GOAL = "#f85149"
OWNERS = {
    "voice_clone": "#2f81f7", "generated": "#a371f7", "attrs": "#db61a2", "httpx": "#d29922", "httpcore": "#bb8009",
    "h11": "#9e6a03", "anyio": "#3fb950", "standard library": "#8b949e", "sockets": "#57606a",
    "others": "#6e7681",
}  # fmt: skip
_PACKAGES = {"stock": "generated", "voice_clone_api": "generated", "attr": "attrs", "generated": "generated"}
WIDE = 8.0
FAR = 30
"""The largest ratio of values on a linear axis; above it the axis is logarithmic."""


def draw(results: Results) -> Iterator[tuple[str, bytes]]:
    """The file name and the content of each picture."""
    for result in results.rows:
        if len(result.outcomes) > 1:
            yield f"{result.id}.svg", _svg(bars(result))
    yield "frontier.svg", _svg(frontier(results.charts["frontier"]))
    imports = results.charts["imports"]
    yield (
        "imports.svg",
        _svg(stacked(imports, "relative to the time of `import httpx`, measured by python -X importtime", _STANDARD)),
    )
    yield "modules.svg", _svg(modules(imports["one provider"]))
    for row, profile in results.charts["profiles"].items():
        yield f"{row}-profile.svg", _svg(stacked(profile, "relative to the time of httpx, under the profiler"))


def _pyplot() -> Any:
    matplotlib = import_module("matplotlib")
    matplotlib.use("Agg")
    matplotlib.rcParams.update({
        "svg.hashsalt": "benchmarks", "svg.fonttype": "none", "font.size": 9, "text.color": GREY,
        "axes.labelcolor": GREY, "axes.edgecolor": LINE, "xtick.color": GREY, "ytick.color": GREY,
        "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False, "axes.axisbelow": True,
        "grid.color": LINE, "grid.linewidth": 0.6, "axes.titlesize": 10, "axes.titlelocation": "left",
    })  # fmt: skip
    return import_module("matplotlib.pyplot")


def _svg(figure: Any, kind: str = "svg") -> bytes:
    """A figure as a file without a date, with a transparent background."""
    file = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else None
    figure.savefig(file, format=kind, transparent=True, bbox_inches="tight", metadata=metadata, dpi=110)
    _pyplot().close(figure)
    data = file.getvalue()
    return re.sub(rb"[ \t]+$", b"", data, flags=re.MULTILINE) if kind == "svg" else data


def _axes(lines: int) -> tuple[Any, Any]:
    figure, axes = _pyplot().subplots(figsize=(WIDE, 0.9 + 0.3 * lines))
    axes.tick_params(length=0)
    return figure, axes


def bars(result: Result) -> Any:
    """One row: a bar for each contestant, the goal as a line."""
    outcomes = sorted(result.outcomes, key=lambda each: each.value, reverse=result.better == "less")
    figure, axes = _axes(len(outcomes))
    values = [outcome.value for outcome in outcomes]
    judged = [outcome.value for outcome in outcomes if outcome.role != "reference"]
    positive = [value for value in [*judged, result.goal] if value > 0]
    logarithmic = bool(positive) and max(positive) > FAR * min(positive)
    least = min(positive, default=1) / 2 if logarithmic else 0
    if logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(import_module("matplotlib.ticker").StrMethodFormatter("{x:,g}"))
    most = max([*(outcome.high for outcome in outcomes), result.goal, result.stated or 0, least * 2]) or 1
    axes.set_xlim(least, most * (3 if logarithmic else 1.15))
    errors = [[each.value - each.low for each in outcomes], [each.high - each.value for each in outcomes]]
    axes.barh(
        range(len(outcomes)), values, color=[COLOURS[each.role] for each in outcomes], height=0.62, xerr=errors,
        error_kw={"ecolor": GREY, "elinewidth": 1, "capsize": 2},
    )  # fmt: skip
    figure.draw_without_rendering()  # so that labels can be measured
    lines = [result.goal, *([] if result.stated is None else [result.stated])]
    for line, outcome in enumerate(outcomes):
        label = axes.annotate(
            number(outcome.value), (max(outcome.high, least), line), xytext=(5, 0), textcoords="offset points",
            va="center", color=COLOURS["us"] if outcome.role == "us" else GREY,
            weight="bold" if outcome.role == "us" else "normal",
        )  # fmt: skip
        _move_right(axes, label, lines)
    axes.set_yticks(range(len(outcomes)), [outcome.name for outcome in outcomes])
    for role in dict.fromkeys(COLOURS):
        if any(outcome.role == role for outcome in outcomes):
            axes.barh([0], [0], color=COLOURS[role], label=ROLES[role])
    axes.axvline(result.goal, color=GOAL, linewidth=1.4, label=f"goal: {goal(result)}")
    if result.stated is not None:
        axes.axvline(result.stated, color=COLOURS["limit"], linewidth=1.4, linestyle="--", label="limit")
    axes.grid(axis="x")
    base = next((each.name for role in ("base", "stock") for each in result.of_role(role)), "")
    unit = f"× {base.partition(',')[0]}" if result.unit == "×" else result.unit
    axes.set_xlabel(", ".join(filter(None, [unit, f"{result.better} is better"])))
    _legend(axes)
    return figure


def _move_right(axes: Any, label: Any, lines: Sequence[float]) -> None:
    """Move a label to the right of the vertical lines that would cross it."""
    for line in sorted(lines):
        box = label.get_window_extent()
        if box.x0 - 4 < axes.transData.transform((line, 0))[0] < box.x1 + 4:
            label.xy = (line, label.xy[1])


def _move_aside(axes: Any, label: Any, curves: Sequence[Any], taken: Sequence[Any]) -> None:
    """Move a label to the first side of its point on which it lies on no curve and on nothing else."""
    paths = [curve.get_path().transformed(curve.get_transform()) for curve in curves]
    for x, y, alignment in ((8, 6, "left"), (8, -13, "left"), (-8, -13, "right"), (-8, 6, "right")):
        label.set(position=(x, y), horizontalalignment=alignment)
        box = label.get_window_extent().padded(2)
        is_free = not any(path.intersects_bbox(box, filled=False) for path in paths)
        if is_free and axes.bbox.containsx(box.x0) and not any(box.overlaps(other) for other in taken):
            return
    raise ValueError(f"no place for the label {label.get_text()!r}")


def _legend(axes: Any) -> None:
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=8,
        borderaxespad=0.2,
        handlelength=1,
        handletextpad=0.5,
        columnspacing=1.1,
    )


_STANDARD = frozenset(("voice_clone", "voice_clone_api", "stock", "httpx", "httpcore", "h11", "anyio", "attr", "attrs"))


def _owner(name: str, known: frozenset[str]) -> str:
    package = name.partition(".")[0]
    if package in OWNERS or package in _PACKAGES:
        return _PACKAGES.get(package, package)
    return "standard library" if known else "others"


def stacked(parts: Mapping[str, Mapping[str, float]], label: str, known: frozenset[str] = frozenset()) -> Any:
    """The total cost of each contestant, by package."""
    figure, axes = _axes(len(parts))
    names = [*parts][::-1]
    shares: dict[str, dict[str, float]] = {name: dict.fromkeys(OWNERS, 0.0) for name in names}
    for name, counted in shares.items():
        for part, share in parts[name].items():
            counted[_owner(part, known)] += share
    left = [0.0] * len(names)
    for owner, colour in OWNERS.items():
        widths = [counted[owner] for counted in shares.values()]
        if any(width > 0.004 for width in widths):
            axes.barh(range(len(names)), widths, left=left, color=colour, height=0.62, label=owner)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    for line, whole in enumerate(left):
        axes.annotate(f"{whole:.0%}", (whole, line), xytext=(5, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlim(0, max(left) * 1.08)
    axes.xaxis.set_major_formatter(import_module("matplotlib.ticker").PercentFormatter(1, decimals=0))
    axes.set_xlabel(label)
    axes.grid(axis="x")
    _legend(axes)
    return figure


def modules(shares: Mapping[str, float], most: int = 25) -> Any:
    """The slowest modules of an import of one provider."""
    largest = sorted(shares.items(), key=lambda item: item[1])[-most:]
    figure, axes = _axes(len(largest))
    owners = [_owner(name, _STANDARD) for name, _ in largest]
    for owner, colour in OWNERS.items():
        lines = [line for line, each in enumerate(owners) if each == owner]
        if lines:
            axes.barh(lines, [largest[line][1] for line in lines], color=colour, height=0.62, label=owner)
    axes.set_yticks(range(len(largest)), [name for name, _ in largest])
    axes.xaxis.set_major_formatter(import_module("matplotlib.ticker").PercentFormatter(1))
    axes.set_xlabel("relative to the time of `import httpx`, measured by python -X importtime")
    axes.grid(axis="x")
    _legend(axes)
    return figure


def frontier(schedules: Mapping[str, Sequence[Mapping[str, Any]]]) -> Any:
    """Delay against polls of a clone; lower left is better."""
    figure, axes = _pyplot().subplots(figsize=(WIDE, 4.6))
    axes.tick_params(length=0)
    best = schedules["limit"]
    axes.set_xscale("log")
    axes.set_xlim(3, 450)
    axes.set_ylim(0, 1.1 * max(each["late"] for every in schedules.values() for each in every))
    (curve,) = axes.plot(
        [each["polls"] for each in best], [each["late"] for each in best], color=COLOURS["limit"], linewidth=1.2,
        marker=".", label="interval proportional to the elapsed time, 5 % to 80 %",
    )  # fmt: skip
    aim = axes.axhline(0.1, color=GOAL, linewidth=1.4, label="goal: delay of 10 %")
    figure.draw_without_rendering()  # so that labels can be measured
    taken: list[Any] = []
    for kind, marker in (("reference", "o"), ("peer", "s"), ("us", "D")):
        for each in schedules[kind]:
            axes.plot([each["polls"]], [each["late"]], marker, color=COLOURS[kind], markersize=9 if kind == "us" else 6)
            label = axes.annotate(
                each["name"], (each["polls"], each["late"]), xytext=(0, 0), textcoords="offset points",
                color=COLOURS["us"] if kind == "us" else GREY, weight="bold" if kind == "us" else "normal",
            )  # fmt: skip
            _move_aside(axes, label, [curve, aim], taken)
            taken.append(label.get_window_extent())
    axes.set_xlabel("polls per clone, mean over durations from 2 s to 30 min")
    axes.set_ylabel("delay as a share of the duration, mean")
    ticker = import_module("matplotlib.ticker")
    axes.xaxis.set_major_locator(ticker.FixedLocator([5, 10, 20, 50, 100, 200]))
    axes.xaxis.set_major_formatter(ticker.FormatStrFormatter("%d"))
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.yaxis.set_major_formatter(ticker.PercentFormatter(1, decimals=0))
    axes.grid()
    _legend(axes)
    return figure
