"""Text from outside, as people may see it: from a provider, a token, a file name or a command line."""

from __future__ import annotations

import unicodedata

_JOINER = "\u200d"
_EMOJI = frozenset({"So", "Sk"})  # the categories of emoji, and of their skin tones
_SELECTOR = "\ufe0f"  # chooses the emoji form of the character before it


def escaped(text: str) -> str:
    """Text with an escape for each character that could change the terminal, the line or the reading direction.

    These are control and format characters, line and paragraph separators, lone surrogates and unassigned characters.
    Spaces of any width stay, and so do joiners within an emoji.
    """
    if text.isprintable():
        return text
    return "".join(
        character if _is_harmless(text, index) else character.encode("unicode_escape").decode()
        for index, character in enumerate(text)
    )


def _is_harmless(text: str, index: int) -> bool:
    character = text[index]
    if character == _JOINER:
        before, after = text[:index][-1:], text[index + 1 :][:1]
        return bool(before) and (before == _SELECTOR or _is_emoji(before)) and _is_emoji(after)
    return character.isprintable() or unicodedata.category(character) == "Zs"


def _is_emoji(character: str) -> bool:
    return bool(character) and unicodedata.category(character) in _EMOJI
