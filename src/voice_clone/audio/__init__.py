"""Check audio before it is sent and paid for: its format, and the requirements of each provider.

    check("me.m4a", "cartesia")       raises InvalidRequestError, whose `advice` ends in an ffmpeg command
    check_all("me.m4a")               one Report for each provider
    probe("me.m4a").duration          in seconds

Only headers and indexes are read; nothing is decoded. Requirements come from the effective spec: `x-audio` beside the
audio part. A property that the bytes do not tell is None, and breaks no requirement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voice_clone.audio.checks import (
        Report as Report,
        check as check,
        check_all as check_all,
        probe as probe,
    )
    from voice_clone.audio.requirements import Rules as Rules, rules as rules
    from voice_clone.audio.sniff import AudioInfo as AudioInfo

__all__ = ["AudioInfo", "Report", "Rules", "check", "check_all", "probe", "rules"]


def __getattr__(name: str) -> Any:
    """Import the checks on first use: clients import `voice_clone.audio.sniff` alone."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from voice_clone.audio import checks  # noqa: PLC0415 - see above

    return getattr(checks, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
