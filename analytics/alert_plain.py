"""What is told in words that were made when it happened: purchases and their ceiling."""

from __future__ import annotations

from collections.abc import Iterator

from analytics.alert_facts import Told, post
from analytics.report import Button, Note, Report
from analytics.text import clean

MAX_WORDS = 300


def plain_report(told: Told) -> Report:
    """`facts["headline"]`, with `facts["notes"]` below it, and the buttons of `facts["buttons"]`.

    A button is its label, its line and, where it changes something, "do".
    """
    headline = told.facts.get("headline") or told.facts.get("text") or told.kind.capitalize()
    notes = told.facts.get("notes")
    texts = notes if isinstance(notes, list) else []
    title = told.text_of("title") or told.kind.capitalize()
    report = Report(
        title,
        clean(str(headline), MAX_WORDS),
        tuple(Note(clean(str(text), MAX_WORDS), "delta") for text in texts),
    )
    return post(told, report, list(_buttons(told)) if told.is_open else [], may_wait=False)


def _buttons(told: Told) -> Iterator[Button]:
    listed = told.facts.get("buttons")
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, list) and len(one) in (2, 3) and all(isinstance(x, str) for x in one):
            yield Button(one[0], one[1], "do" if one[2:] == ["do"] else "ask")


def plain_resolved(told: Told) -> str:
    """`facts["resolved"]["words"]`, or that it is done."""
    words = told.part_of("resolved").get("words")
    return clean(str(words), MAX_WORDS) if words else "this is done."
