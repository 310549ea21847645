"""Clones on many machines, with Celery and Redis. If a worker dies, another resumes; no clip is paid for twice.

    celery -A celery_app worker
    python celery_app.py clips.csv > outcomes.jsonl

clips.csv has the columns audio, name and language. Each worker must be able to read the audio, from a path or an https
URL. `start` is for HeyGen, which is asynchronous; `wait` resumes with a token of any provider.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from pathlib import Path
from typing import Any, Never

from celery import Celery, Task, chain
from celery.exceptions import TimeoutError as ResultTimeoutError
from celery.result import AsyncResult
from celery.utils.log import get_task_logger
from redis import Redis

from voice_clone import (
    CloneJob,
    HeyGen,
    InvalidResponseError,
    OutcomeUnknownError,
    PollTimeoutError,
    ServerError,
    VoiceCloneError,
    connect,
)

REDIS = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
HELD = float(os.environ.get("HELD_AT_MOST", "300"))
"""Seconds until Redis gives an unfinished task to another worker. No worker may hold a task for longer: it holds a task
during a countdown, at most a quarter of this time, and during a request, at most half of it."""
MAY_EXIST = (OutcomeUnknownError, ServerError, InvalidResponseError)  # after these errors the voice may exist

app = Celery("celery_app", broker=REDIS, backend=REDIS)
app.conf.update(
    task_acks_late=True,  # remove a task from the queue when it ends, not when it starts
    task_reject_on_worker_lost=True,  # also if only a child process of the worker dies
    worker_prefetch_multiplier=1,  # leave the tasks that a worker has not started to others
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "visibility_timeout": HELD,
        "unacked_restore_interval": HELD / 10,  # search this often for tasks of dead workers …
        "unacked_restore_throttle": 1,  # … and not only every tenth time
        "unacked_mutex_expire": HELD,  # a worker may die during the search
    },
    result_expires=None,
)
ledger = Redis.from_url(REDIS, decode_responses=True)  # pyright: ignore[reportUnknownMemberType]
log = get_task_logger(__name__)


def mark_received(name: str | None) -> None:
    """Record that a worker has received the message of a clip."""
    ledger.set(f"seen:{name}", "", ex=int(2 * HELD))


def retry_later(task: Task[Any, Any], error: VoiceCloneError) -> Never:
    """Run a task again, later, on any worker."""
    # Each delay is 15 % longer than the previous one, which is also 15 % of the time waited so far.
    delay = max(1.15**task.request.retries, error.retry_after or 0)
    raise task.retry(countdown=min(delay, HELD / 4), exc=error)


@app.task(bind=True, max_retries=100)
def start(self: Task[Any, Any], audio: str, name: str, language: str) -> str:
    """Start a clone once, however often this task runs; return its token."""
    mark_received(name)
    key = f"clone:{name}"
    with HeyGen(timeout=HELD / 2, max_retries=0) as heygen:
        if not ledger.set(key, "", nx=True):  # only one worker can set it, and so claim the clone
            token = ledger.get(key)
            if token:
                return str(token)
            message = "another task requested this clone, and its outcome is unknown"
            advice = f"call find_voices({name!r}); if it returns no voice, delete {key!r} in Redis and run again"
            unknown = OutcomeUnknownError(message, "heygen", advice=advice)
            raise self.retry(countdown=HELD / 4, max_retries=3, exc=unknown)  # the request may still be open
        try:
            token = heygen.start_clone(audio, name=name, language=language).to_token()
        except VoiceCloneError as error:
            if isinstance(error, MAY_EXIST):
                raise
            ledger.delete(key)
            if error.retryable:
                retry_later(self, error)
            raise
    log.info("%s: %s", key, token)  # the token has no secret, and Redis may have stopped
    ledger.set(key, token)
    return token


@app.task(bind=True, max_retries=100)
def wait(self: Task[Any, Any], token: str) -> dict[str, str | None]:
    """Poll a clone once; if it is not done, run this task again later."""
    job = CloneJob.from_token(token)
    mark_received(job.name)
    with connect(job.provider, timeout=HELD / 2, max_retries=0) as client:
        try:
            voice = client.poll(job)
        except VoiceCloneError as error:
            if error.retryable:
                retry_later(self, error)
            raise
    if voice is None:
        retry_later(self, PollTimeoutError("the clone is not done yet", job.provider, job=job))
    return {"name": voice.name, "voice_id": voice.id}


def submit(clip: dict[str, str]) -> AsyncResult[Any]:
    """Queue the clone of a clip."""
    result: AsyncResult[Any] = chain(start.s(**clip), wait.s()).apply_async()
    return result


def outcome_of(clip: dict[str, str], result: AsyncResult[Any]) -> Any:
    """Wait for the outcome of a clip. If its message is lost, submit it again: `start` returns the stored token."""
    while True:
        try:
            return result.get(timeout=HELD, propagate=False)
        except ResultTimeoutError:
            # Celery removes a message from Redis shortly before it records that; a worker that dies between loses it.
            if not ledger.llen("celery") and not ledger.exists(f"seen:{clip['name']}"):
                log.warning("%s: submitted again", clip["name"])
                result = submit(clip)


def main(path: Path) -> int:
    """Clone voices from all clips of a file, and print each outcome; return the number of failures."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        clips = list(csv.DictReader(file))
    results = [submit(clip) for clip in clips]
    failed = 0
    for clip, result in zip(clips, results, strict=True):
        outcome = outcome_of(clip, result)
        if isinstance(outcome, Exception):
            failed += 1
            failure = {
                "error": type(outcome).__name__,
                "message": str(outcome),
                "advice": getattr(outcome, "advice", None),
            }
            outcome = {"name": clip["name"], **failure}
        print(json.dumps(outcome), flush=True)
    return failed


if __name__ == "__main__":
    count = main(Path(sys.argv[1]))
    sys.exit(f"{count} failed" if count else 0)
