"""Clone under sentry-sdk, with and without errors, and print its events. The key is in the environment."""

from __future__ import annotations

import json
import sys
from collections import Counter

import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.integrations.httpx import HttpxIntegration
from sentry_sdk.scrubber import EventScrubber
from sentry_sdk.transport import Transport

from tests.ecosystem.programs.everywhere import clone_by

NOBODY = "http://127.0.0.1:9"
SENT: list[Envelope] = []


class Capture(Transport):
    """A transport that keeps its events."""

    def capture_envelope(self, envelope: Envelope) -> None:
        """Keep it."""
        SENT.append(envelope)


def main() -> None:
    """Print the number of spans by provider, the errors, and the text of all events."""
    sentry_sdk.init(
        dsn="http://public@127.0.0.1:9/1",
        transport=Capture,
        traces_sample_rate=1.0,
        include_local_variables=True,
        max_request_body_size="always",
        # Nothing is scrubbed, so the events are complete.
        event_scrubber=EventScrubber(denylist=[], pii_denylist=[]),
        integrations=[HttpxIntegration()],
    )
    task = json.loads(sys.argv[1])
    for provider, where in task["providers"].items():
        with sentry_sdk.start_transaction(name=provider):
            clone_by(task["kind"], provider, **where)
    errors: list[str] = []
    for provider, where in task["providers"].items():
        for base_url in (task["refused"][provider], NOBODY):
            try:
                clone_by(task["kind"], provider, base_url, where["options"], max_retries=0)
            except Exception as error:  # noqa: BLE001 - whatever comes is sent
                errors.append(type(error).__name__)
                sentry_sdk.capture_exception(error)
    sentry_sdk.flush()
    texts = [item.payload.get_bytes().decode() for envelope in SENT for item in envelope.items]
    spans = Counter[str]()
    for event in map(json.loads, texts):
        if event.get("type") == "transaction":
            spans[event["transaction"]] += sum(span["op"] == "http.client" for span in event["spans"])
    print(json.dumps({"spans": spans, "errors": errors, "events": "\n".join(texts)}))  # noqa: T201


if __name__ == "__main__":
    main()
