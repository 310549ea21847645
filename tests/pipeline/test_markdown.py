"""Words of a provider's document stay words in reports, changelog and pull requests."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st
from markdown_it import MarkdownIt

from scripts.lib.markdown import escape, plain, prose

HOSTILE = [
    "a` ![x](http://evil.example/i.png) @user fixes #1",
    "`a```b` ![x](http://evil.example/i.png) `",
    "`` ![x](y) `z``",
    "<img src=x onerror=y> &#64;user",
    "field `x` removed from `y`",
    "`a``b`",
    "line\n# heading\n- item\n\n| table |",
    "www.evil.example user@evil.example",
    "",
]


def kinds(markdown: str) -> set[str]:
    """What a text becomes."""
    tokens = MarkdownIt("commonmark").parse(markdown)
    return {child.type for token in tokens for child in (token, *(token.children or ()))}


def outside_code(markdown: str) -> str:
    """The text that is no code."""
    tokens = MarkdownIt("commonmark").parse(markdown)
    return "".join(child.content for token in tokens for child in token.children or () if child.type == "text")


@pytest.mark.parametrize("text", HOSTILE)
def test_words_stay_words(text: str) -> None:
    """A text is a paragraph of text and code: no image, link, HTML, heading or list."""
    for markdown in (prose(text), escape(text)):
        assert kinds(markdown) <= {"paragraph_open", "paragraph_close", "inline", "text", "code_inline"}
    for shown in (outside_code(prose(text)), outside_code(escape(text)), plain(text)):
        for link in ("@user", "#1", "://", "www."):
            assert link not in shown


@given(st.text(alphabet="`ab! []()<>#@\\*\n", max_size=40))
def test_backticks_never_free_a_link(text: str) -> None:
    """However backticks are placed around it, an image stays text."""
    markdown = prose(f"{text}![x](u){text[::-1]}")
    assert not {"image", "link_open", "html_inline", "html_block"} & kinds(markdown)


def test_code_stays_code() -> None:
    """What stands between backticks is shown as code."""
    assert prose("field `a_b` removed from `c`") == "field `a_b` removed from `c`"
