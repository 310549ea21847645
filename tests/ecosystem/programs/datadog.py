"""Clone under ddtrace, and print its spans."""

from __future__ import annotations

import importlib
import json
import sys
from collections import Counter
from typing import Any

from tests.ecosystem.programs.everywhere import clone_by


def main() -> None:
    """Print the number of httpx's spans by provider, and the text of all spans."""
    # Typed Any, because the type checkers run without it.
    ddtrace: Any = importlib.import_module("ddtrace")
    trace: Any = importlib.import_module("ddtrace.trace")
    ended: list[Any] = []

    class Keep(trace.TraceFilter):  # type: ignore[misc]
        """A filter that keeps each trace and sends none."""

        def process_trace(self, spans: list[Any]) -> None:
            """Keep it."""
            ended.extend(spans)

    ddtrace.patch(httpx=True)
    trace.tracer.configure(trace_processors=[Keep()])
    task = json.loads(sys.argv[1])
    for provider, where in task["providers"].items():
        with trace.tracer.trace(provider):
            clone_by(task["kind"], provider, **where)
    trace.tracer.shutdown()
    roots = {span.trace_id: span.name for span in ended if span.parent_id is None}
    spans = Counter(roots[span.trace_id] for span in ended if span.name == "http.request")
    text = "\n".join(f"{span!r} {span.get_tags()}" for span in ended)
    print(json.dumps({"spans": spans, "text": text}))  # noqa: T201


if __name__ == "__main__":
    main()
