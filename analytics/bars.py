"""Bars of a breakdown with the time before as a tick: people, projects, departments."""

from __future__ import annotations

from collections.abc import Sequence

from analytics.captions import caption
from analytics.figures import PersonBar, PersonFigure
from analytics.lines import REST, Changes, Line, alt_text, ordered_lines, together
from analytics.query import Query

CHART_BARS = 12


def ticked_bars(
    query: Query, thing: str, title: str, *, lines: Sequence[Line], changes: Changes
) -> PersonFigure:
    """The largest lines as bars; all others are one row below them."""
    ordered = sorted(ordered_lines(lines, "credits"), key=lambda line: line.key == REST)
    # A single one that is left over is shown itself.
    most = CHART_BARS + (len(ordered) == CHART_BARS + 1)
    single = [line for line in ordered if line.key != REST][:most]
    folded = ordered[len(single) :]
    keys = changes.keys - {line.key for line in single}
    footer, words = caption(query), f"Credits by {thing}"
    if changes.words:
        words += f". Tick = {changes.words}"
    if any(line.compared is not None and line.compared < line.usage.credits for line in single):
        words += f"; pale = {changes.left_out}{', ' if changes.left_out else ''}not compared"
    return PersonFigure(
        title=title,
        subtitle=words,
        footer=footer,
        alt=alt_text(f"Bar chart by {thing}", title, single, footer),
        people=tuple(map(_bar, single)),
        others=_bar(together(folded, changes, keys)) if folded else None,
    )


def _bar(line: Line) -> PersonBar:
    return PersonBar(
        name=line.name,
        credits=line.usage.credits,
        previous=line.before,
        change=line.change,
        per_prompt=line.usage.per_prompt,
        compared=line.compared,
    )
