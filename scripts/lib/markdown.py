"""Words of a provider's document in Markdown: they stay words, whatever they hold."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!&])")
# A code-hosting site makes a link of these where they stand in text, although they are escaped.
_LINKED = re.compile(r"(?<=[@#])(?=\w)|(?<=:)(?=//)|(?<=\bwww)(?=\.)", re.IGNORECASE)
_NOTHING = "\u200b"  # a space without width


def plain(text: str) -> str:
    """Text for a title or a commit: it mentions nobody, closes no issue, and links nothing."""
    return _LINKED.sub(_NOTHING, " ".join(text.split()))


def escape(text: str) -> str:
    """Text as Markdown that is nothing but text, on one line."""
    return _SPECIAL.sub(r"\\\1", plain(text))


def code(text: str) -> str:
    """Text as code, with as many backticks as it needs, on one line."""
    text = " ".join(text.split())
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def prose(text: str) -> str:
    """Text with code between backticks. With an unmatched backtick, all of it is text."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    # Two codes must not touch: their backticks would become one fence.
    shown = [code(part) if index % 2 else _spaced(part) for index, part in enumerate(parts) if part or index % 2 == 0]
    return "".join(shown).strip(_NOTHING)


def _spaced(part: str) -> str:
    before, after = (" " if part[:1].isspace() else "", " " if part[-1:].isspace() else "")
    return f"{before}{escape(part)}{after}" if part.strip() else part[:1] or _NOTHING
