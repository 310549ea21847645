"""Clones on many machines, by Celery with Redis. Where a worker dies another goes on; no clip is paid for twice.

    celery -A celery_app worker
    python celery_app.py clips.csv > outcomes.jsonl

clips.csv has the columns audio, name and language; each worker must be able to read the audio, at a path or at an https
URL. `start` is for HeyGen, whose clones take a while; `wait` goes on with a token of any provider.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from pathlib import Path
from typing import Any, Never

from celery import Celery, Task, chain
from celery.exceptions import TimeoutError as NothingYet
from celery.result import AsyncResult
from celery.utils.log import get_task_logger
from redis import Redis

from voice_clone import (
    CloneJob,
    HeyGen,
    InvalidResponseError,
    OutcomeUnknownError,
    PollTimeoutError,
    Progress,
    ServerError,
    VoiceCloneError,
    connect,
)

REDIS = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
HELD = float(os.environ.get("HELD_AT_MOST", "300"))
"""Seconds after which Redis gives a task that is not done to another worker. None may be held for longer: a worker
holds it while it waits for the time to look, a quarter of this at most, and while it looks, half of this at most."""
MAY_EXIST = (OutcomeUnknownError, ServerError, InvalidResponseError)  # after these the voice may have been made

app = Celery("celery_app", broker=REDIS, backend=REDIS)
app.conf.update(
    task_acks_late=True,  # a task is off the queue when it is done, not when it begins
    task_reject_on_worker_lost=True,  # also where only the worker's child dies
    worker_prefetch_multiplier=1,  # what a worker has not begun yet is better left to others
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "visibility_timeout": HELD,
        "unacked_restore_interval": HELD / 10,  # look for tasks of dead workers so often …
        "unacked_restore_throttle": 1,  # … and not each tenth time only
        "unacked_mutex_expire": HELD,  # a worker may die while it looks
    },
    result_expires=None,
)
ledger = Redis.from_url(REDIS, decode_responses=True)  # pyright: ignore[reportUnknownMemberType]
log = get_task_logger(__name__)


def seen(name: str | None) -> None:
    """Leave a sign that the message of a clip is not lost."""
    ledger.set(f"seen:{name}", "", ex=int(2 * HELD))


def again(task: Task[Any, Any], error: VoiceCloneError) -> Never:
    """Run a task once more, later, on any worker."""
    # Each delay is longer than the one before it by 15 %, which is also 15 % of the time waited so far.
    delay = max(1.15**task.request.retries, error.retry_after or 0)
    raise task.retry(countdown=min(delay, HELD / 4), exc=error)


@app.task(bind=True, max_retries=100)
def start(self: Task[Any, Any], audio: str, name: str, language: str) -> str:
    """Ask for a clone, but once, however often this is run; return its token."""
    seen(name)
    key = f"clone:{name}"
    with HeyGen(timeout=HELD / 2, max_retries=0) as heygen:
        if not ledger.set(key, "", nx=True):  # who sets it has claimed it, against every other worker
            token = ledger.get(key)
            if token:
                return str(token)
            message = "it was asked for before, and nobody knows what came of it"
            advice = f"look at your voices there; where it is none of them, delete {key!r} in Redis and ask again"
            unknown = OutcomeUnknownError(message, "heygen", advice=advice)
            raise self.retry(countdown=HELD / 4, max_retries=3, exc=unknown)  # its worker may still be asking
        try:
            token = heygen.start_clone(audio, name=name, language=language).to_token()
        except VoiceCloneError as error:
            if isinstance(error, MAY_EXIST):
                raise
            ledger.delete(key)
            if error.retryable:
                again(self, error)
            raise
    log.info("%s: %s", key, token)  # it holds no secret, and Redis may be gone
    ledger.set(key, token)
    return token


@app.task(bind=True, max_retries=100)
def wait(self: Task[Any, Any], token: str) -> dict[str, str | None]:
    """Look once whether a clone is done; where it is not, have a look taken later."""
    job = CloneJob.from_token(token)
    seen(job.name)

    def not_yet(progress: Progress) -> Never:
        again(self, PollTimeoutError(f"still {progress.status}", job.provider, job=job))

    with connect(job.provider, timeout=HELD / 2) as client:
        try:
            voice = client.wait(job, timeout=HELD / 2, on_poll=not_yet)  # what it raises ends the wait
        except VoiceCloneError as error:
            if error.retryable:
                again(self, error)
            raise
    return {"name": voice.name, "voice_id": voice.id}


def ask(clip: dict[str, str]) -> AsyncResult[Any]:
    """Have a voice made of a clip."""
    result: AsyncResult[Any] = chain(start.s(**clip), wait.s()).apply_async()
    return result


def outcome_of(clip: dict[str, str], result: AsyncResult[Any]) -> Any:
    """Wait for what comes of a clip. Where its message is lost, ask again: `start` has the token."""
    while True:
        try:
            return result.get(timeout=HELD, propagate=False)
        except NothingYet:
            # Celery takes a message off Redis a moment before it says there that it has it; who dies between loses it.
            if not ledger.llen("celery") and not ledger.exists(f"seen:{clip['name']}"):
                log.warning("%s: asked again", clip["name"])
                result = ask(clip)


def main(path: Path) -> int:
    """Have voices made of all clips of a file, and print each outcome; return how many failed."""
    with path.open(encoding="utf-8", newline="") as file:
        clips = list(csv.DictReader(file))
    results = [ask(clip) for clip in clips]
    failed = 0
    for clip, result in zip(clips, results, strict=True):
        outcome = outcome_of(clip, result)
        if isinstance(outcome, Exception):
            failed += 1
            told = {
                "error": type(outcome).__name__,
                "message": str(outcome),
                "advice": getattr(outcome, "advice", None),
            }
            outcome = {"name": clip["name"], **told}
        print(json.dumps(outcome), flush=True)
    return failed


if __name__ == "__main__":
    count = main(Path(sys.argv[1]))
    sys.exit(f"{count} failed" if count else 0)
