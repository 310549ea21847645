"""Start a clone, keep its token in a file, and resume in another process."""

from __future__ import annotations

from pathlib import Path

from voice_clone import CloneJob, HeyGen, PollTimeoutError, Progress, Voice


def start(audio: Path, name: str, kept: Path) -> CloneJob:
    """Start, and keep the token."""
    with HeyGen() as heygen:
        job = heygen.start_clone(audio, name=name, language="en")
    kept.write_text(job.to_token(), encoding="utf-8")
    return job


def finish(kept: Path, seconds: float = 600.0) -> Voice | None:
    """Resume; return None if it takes longer, and keep the file for the next time."""
    job = CloneJob.from_token(kept.read_text(encoding="utf-8"))
    polls: list[Progress] = []
    with HeyGen() as heygen:
        try:
            voice = heygen.wait(job, timeout=seconds, on_poll=polls.append)
        except PollTimeoutError as error:
            if error.job is not None:
                kept.write_text(error.job.to_token(), encoding="utf-8")
            return None
    kept.unlink()
    print(f"{voice.name or voice.id}: after {len(polls)} polls, {sum(poll.next_in for poll in polls):.1f} s asleep")
    return voice


def main(audio: Path) -> str:
    """Run the program."""
    kept = audio.with_suffix(".job")
    start(audio, "Me", kept)
    voice = finish(kept)
    assert voice is not None
    return voice.id
