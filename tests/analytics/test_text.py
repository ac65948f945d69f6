"""Cleaned text is one harmless line, and cleaning it again changes nothing."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.text import MAX_NAME, clean

JOINER = "\u200d"
MAX_MARKS = 4
SINGLE = (
    "\u202e\u2066\ufeff\u200d\u0301\u0334\n\u2028a \u00a0🚀\ufe0fé\u3164\u00ad\ud800\u0f71\u0f72…"
)
NASTY = st.sampled_from((*SINGLE, "e\u0301", "नि"))
TEXTS = st.lists(st.one_of(NASTY, st.characters()), max_size=200).map("".join)


@settings(deadline=None, max_examples=300)
@given(TEXTS)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean(text)
    assert clean(once) == once


@settings(deadline=None, max_examples=300)
@given(TEXTS)
def test_cleaned_text_is_short_has_no_control_or_format_characters_and_few_marks(
    text: str,
) -> None:
    line = clean(text)
    categories = "".join(
        "M" if unicodedata.category(char) in ("Mn", "Me") else "." for char in line
    )
    assert 0 < len(line) <= MAX_NAME
    assert not {unicodedata.category(char) for char in line.replace(JOINER, "")} & {
        "Cc",
        "Cf",
        "Cs",
    }
    assert "M" * (MAX_MARKS + 1) not in categories
    assert line == " ".join(line.split())


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("\u202egro.moc@evil", "gro.moc@evil"),
        ("tab\tand\nnewline\x07", "tab and newline"),
        ("$x^2$ <b>&amp;</b>", "$x^2$ <b>&amp;</b>"),
        ("", "(no name)"),
        (" \u200b\u3164 ", "(no name)"),
        ("e\u0301", "é"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("a\u200db", "ab"),
        ("a\ud83d", "a\ufffd"),
        ("W" * 200, "W" * 79 + "…"),
    ],
)
def test_what_is_typed_is_shown_harmless(typed: str, shown: str) -> None:
    assert clean(typed) == shown
