"""Alerts in lists: what stands now, who is told of what, and what became of each message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from analytics.numbers import counted
from analytics.report import Actions, Block, Button, Column, Note, Report, Table
from analytics.text import joined

NO_ROUTES = Note(
    "Type `alerts here` in a channel to get them there. Until then admins and owners are told "
    "directly.",
    "hint",
)
MOST_ENDINGS = 12  # sentences below a list, the newest first
STEPS = (
    Button("Active", "alerts"),
    Button("Routes", "alerts list"),
    Button("History", "alerts history"),
)


@dataclass(frozen=True, slots=True)
class ActiveRow:
    """An alert that still holds; `state` says what people did about it."""

    number: int
    what: str
    fired_at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class RouteRow:
    """Who is told of what; `quiet` are the destination's quiet hours, `trouble` why it is dead."""

    number: int
    where: str
    kind: str
    about: str
    quiet: str
    trouble: str


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One alert: what happened, when, and how it stands."""

    number: int
    what: str
    fired_at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class Message:
    """What became of one message of an alert: `came` is a sentence's begin, `Sent to #ops`.

    What did not arrive always has a `reason`; it is lost where no other message tells the same.
    """

    number: int
    came: str
    reason: str = ""
    is_lost: bool = False


def active_report(rows: Sequence[ActiveRow]) -> Report:
    """What stands now, the newest first."""
    if not rows:
        quiet = Note("Budgets, unusual days, silent sources and advice are watched.", "delta")
        return Report("Alerts", "Nothing is alerted now", (quiet, _steps("alerts")))
    columns = (
        Column("alert", "Alert", "count"),
        Column("what", "What"),
        Column("start", "Since", "moment"),
        Column("state", "State"),
    )
    cells = tuple((row.number, row.what, row.fired_at, row.state) for row in rows)
    shown = Button(f"Show {rows[0].number}", f"alerts show {rows[0].number}")
    blocks: tuple[Block, ...] = (
        Table(columns, cells),
        Note(
            f"`alerts ack {rows[0].number}` says that you saw it, "
            f"`alerts snooze {rows[0].number} 24h` lets it wait.",
            "hint",
        ),
        Actions((shown, *_others("alerts"))),
    )
    return Report("Alerts", f"{counted(len(rows), 'alert')} now: {rows[0].what}", blocks)


def routes_report(rows: Sequence[RouteRow], unrouted: str, *, hidden: int = 0) -> Report:
    """Every route that is on; `unrouted` says who is told of the rest.

    Of further ones, which are `hidden` from the asker, only the number is told.
    """
    title = "Alert routes"
    if not rows and hidden:
        steps = _steps("alerts list")
        return Report(title, f"No route of yours: {unrouted}", (_others_are(hidden), steps))
    if not rows:
        return Report(title, f"No route is set: {unrouted}", (NO_ROUTES, _steps("alerts list")))
    columns = (
        Column("route", "Route", "count"),
        Column("where", "Where"),
        Column("kind", "Alerts"),
        Column("scope", "About"),
        Column("quiet", "Quiet"),
        Column("trouble", "Trouble"),
    )
    cells = tuple(
        (row.number, row.where, row.kind, row.about, row.quiet or None, row.trouble or None)
        for row in rows
    )
    return Report(
        title,
        f"{counted(len(rows), 'route')}; what has none: {unrouted}",
        (
            Table(columns, cells),
            Note(
                f"`alerts off {rows[0].number}` ends route {rows[0].number}. "
                "A personal limit is told to its person.",
                "hint",
            ),
            *([_others_are(hidden)] if hidden else []),
            _steps("alerts list"),
        ),
    )


def _others_are(hidden: int) -> Note:
    """That there is more than what is shown."""
    to = "1 route" if hidden == 1 else f"{hidden} routes"
    return Note(f"{to} to other channels and people: admins see all of them.")


def history_report(rows: Sequence[HistoryRow], messages: Sequence[Message]) -> Report:
    """Every alert, and below what became of its messages; what did not arrive says why."""
    title = "Alert history"
    if not rows:
        return Report(title, "No alert has fired yet", (_steps("alerts history"),))
    columns = (
        Column("alert", "No.", "count"),
        Column("what", "Alert"),
        Column("start", "Fired", "moment"),
        Column("state", "State"),
    )
    cells = tuple((row.number, row.what, row.fired_at, row.state) for row in rows)
    lost = sum(one.is_lost for one in messages)
    told = f"; {counted(lost, 'message')} not delivered" if lost else ""
    return Report(
        title,
        f"{counted(len(rows), 'alert')}{told}",
        (Table(columns, cells), *map(Note, _came(messages)), _steps("alerts history")),
    )


def _came(messages: Sequence[Message]) -> Iterator[str]:
    """`Sent to #ops: alerts 1, 2 and 5.`: one sentence for all that came to the same."""
    same: dict[tuple[str, str], list[int]] = {}
    for one in sorted(messages, key=lambda one: not one.is_lost):
        same.setdefault((one.came, one.reason), []).append(one.number)
    for (came, reason), numbers in list(same.items())[:MOST_ENDINGS]:
        named = joined([str(one) for one in sorted(set(numbers))])
        plural = "s" if len(set(numbers)) > 1 else ""
        yield f"{came}: alert{plural} {named}{f' ({reason})' if reason else ''}."
    if len(same) > MOST_ENDINGS:
        yield f"{counted(len(same) - MOST_ENDINGS, 'more ending')} of older messages."


def _others(line: str) -> tuple[Button, ...]:
    return tuple(button for button in STEPS if button.line != line)


def _steps(line: str) -> Actions:
    return Actions(_others(line))


def said(title: str, headline: str, *notes: Note) -> Report:
    """What was done, with the next steps."""
    return Report(title, headline, (*notes, Actions(STEPS)))
