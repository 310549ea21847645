"""A clone that was started, and the voice that comes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs
from attrs.validators import instance_of, optional

from voice_clone._json import MAX_DEPTH, is_too_deep
from voice_clone.errors import InvalidRequestError

TOKEN_VERSION = 1


def _check_provider(_: CloneJob, __: attrs.Attribute[str], value: Any) -> None:
    if not isinstance(value, str) or not value.isidentifier():
        raise InvalidRequestError(f"not a clone job: {value!r} is no provider's name")


def _check_raw(_: CloneJob, __: attrs.Attribute[Any], value: Any) -> None:
    problem = "" if isinstance(value, dict) else f"it is a {type(value).__name__}"
    try:
        json.dumps(value, allow_nan=False)
        problem = f"it nests more than {MAX_DEPTH} deep" if is_too_deep(value) else problem
    except (TypeError, ValueError, RecursionError) as error:
        problem = str(error)
    if problem:
        raise InvalidRequestError(f"not a clone job: raw must be a JSON object: {problem}")


def _check_voice_id(job: CloneJob, _: attrs.Attribute[str], value: Any) -> None:
    # `.` and `..` would walk up the path of a request even when quoted.
    if not isinstance(value, str) or value in ("", ".", "..") or not value.isprintable():
        raise InvalidRequestError(f"not a voice id: {value!r}", provider=job.provider)


@attrs.frozen(kw_only=True)
class Voice:
    """A cloned voice, ready for use."""

    provider: str
    """Name of the provider: `heygen`, `retell`, `cartesia`, `minimax`."""
    id: str
    """The provider's id of the voice, as its synthesis takes it."""
    name: str | None = None
    language: str | None = None
    """The language as the provider spells it, where it tells."""
    preview_url: str | None = None
    """Address of a short preview, where there is one."""
    created_at: datetime | None = None
    """When the voice was made, with a time zone, where the provider tells."""
    raw: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False, hash=False)
    """The provider's answer as it came, decoded from JSON."""


@attrs.frozen
class CloneJob:
    """A clone that was started. `wait(job)` makes a Voice of it, in this process or another."""

    provider: str = attrs.field(validator=_check_provider)
    voice_id: str = attrs.field(validator=_check_voice_id)
    done: bool = attrs.field(default=False, validator=instance_of(bool))
    """Whether the voice is ready, so that nothing is left to wait for."""
    name: str | None = attrs.field(default=None, validator=optional(instance_of(str)), kw_only=True)
    """The name that was asked for."""
    raw: Mapping[str, Any] = attrs.field(
        factory=dict[str, Any], validator=_check_raw, kw_only=True, repr=False, hash=False
    )
    """The provider's answer to the start, decoded from JSON."""

    def to_token(self) -> str:
        """The job as JSON text, to keep and to go on with later or elsewhere. It holds no secret."""
        return json.dumps(
            {"version": TOKEN_VERSION, **attrs.asdict(self, recurse=False)}, separators=(",", ":"), allow_nan=False
        )

    @classmethod
    def from_token(cls, token: str) -> CloneJob:
        """Read what `to_token` wrote; raises InvalidRequestError for anything else."""
        try:
            data = dict(json.loads(token))
            version = data.pop("version")
            if type(version) is not int or version < 1:
                raise ValueError(version)
            if version <= TOKEN_VERSION:
                return cls(**data)
        except (KeyError, TypeError, ValueError, RecursionError) as error:  # deep enough, nothing reads it
            raise InvalidRequestError(f"not a clone job token ({type(error).__name__}); pass it as it was") from None
        raise InvalidRequestError(
            f"the token has version {version}, this release reads {TOKEN_VERSION}: upgrade voice-clone-clients"
        )


@attrs.frozen(kw_only=True)
class Progress:
    """One look at a clone that is not done yet, as `on_poll` gets it; `str()` of it is a line for people."""

    job: CloneJob
    status: str
    polls: int
    """How many looks there were, this one included."""
    elapsed: float
    """Seconds since the wait began."""
    next_in: float
    """Seconds until the next look."""

    def __str__(self) -> str:
        where, when = f"{self.job.provider} {self.job.voice_id}", f"after {self.elapsed:.1f} s"
        return f"{where}: {self.status} {when}, next look in {self.next_in:.1f} s"
