"""Subscriptions in words and tables: what is sent when, what comes next, what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from analytics.numbers import counted
from analytics.report import Actions, Block, Button, Column, Fact, Facts, Note, Report, Table
from analytics.schedule import Period
from analytics.timerange import DAY, TimeRange

TITLE = "Digests"
EXAMPLES = (
    "digest subscribe weekly mon 09:00",
    'digest subscribe weekly fri 16:00 "by-department last 7d"',
)
HOW_TO = Note(
    f"Type `{EXAMPLES[0]}` in a channel, or `{EXAMPLES[1]}` for any question; `to=me` sends it "
    "to you directly.",
    "hint",
)
COMING = (Column("due", "Due", "moment"), Column("period", "Tells of"))
PUT_OFF = (COMING[0], Column("leaves", "Leaves", "moment"), COMING[1])
LISTED = (
    Column("digest", "Digest", "count"),
    Column("line", "Line", whole=True),
    Column("schedule", "When", whole=True),
    Column("where", "Where"),
    Column("next", "Next", "moment"),
    Column("state", "State"),
)
PAST = (
    Column("digest", "Digest", "count"),
    Column("due", "Due", "moment"),
    Column("period", "Tells of"),
    Column("message", "Message"),
    Column("where", "Where"),
    Column("state", "State"),
    Column("reason", "Why"),
)


@dataclass(frozen=True, slots=True)
class Coming:
    """A time that is due and when quiet hours let it leave, and the period that is told then."""

    due_at: datetime
    leaves_at: datetime
    period: str


@dataclass(frozen=True, slots=True)
class Digest:
    """A subscription in words; `terms` are what was chosen besides, `quiet` its own quiet hours."""

    number: int
    line: str
    schedule: str
    zone: str
    where: str
    state: str
    coming: Sequence[Coming]
    quiet: str = ""
    terms: Sequence[tuple[str, str]] = ()
    may_change: bool = True
    is_paused: bool = False
    skips_next: bool = False

    @property
    def sentence(self) -> str:
        """`digest weekly` to #ops, weekly mon 09:00 Europe/Berlin."""
        return f"`{self.line}` to {self.where}, {self.schedule} {self.zone}"


@dataclass(frozen=True, slots=True)
class Sent:
    """One delivery; whatever is not sent always has a `reason`."""

    number: int | None
    due_at: datetime
    period: str
    message: str
    where: str
    state: str
    reason: str | None


def period_text(period: Period) -> str:
    """`30 Mar – 5 Apr 2026`; more often than daily, since when."""
    if period.since is not None:
        return f"since {period.since:%H:%M}"
    return TimeRange(period.first, period.end, "", period.end).dates


def days_text(key: str | None, first: datetime | None, end: datetime | None) -> str:
    """The same from what a delivery keeps, in the workspace's zone."""
    if key is None or first is None or end is None:
        return ""
    if "T" in key:
        return f"since {first:%H:%M}"
    days = (first.date(), max(end.date(), first.date() + DAY))
    return TimeRange(*days, "", end.date()).dates


def digest_report(digest: Digest, headline: str, *notes: Note) -> Report:
    """One subscription: its next times, what was chosen, what can be done."""
    terms = tuple(Fact(title.casefold(), title, value) for title, value in digest.terms)
    blocks: tuple[Block, ...] = (
        *_next_times(digest.coming),
        *([Facts(terms)] if terms else []),
        Note(f"Times are of {digest.zone}."),
        *notes,
        Actions(tuple(_steps(digest))),
    )
    return Report(f"Digest {digest.number}", headline, blocks)


def _next_times(coming: Sequence[Coming]) -> list[Table]:
    """What is due next; when it leaves only where quiet hours put some of it off."""
    if not coming:
        return []
    if all(one.leaves_at == one.due_at for one in coming):
        return [Table(COMING, tuple((one.due_at, one.period) for one in coming))]
    return [Table(PUT_OFF, tuple((one.due_at, one.leaves_at, one.period) for one in coming))]


def _steps(digest: Digest) -> list[Button]:
    number = digest.number
    others = [Button("Preview", f"digest preview {number}"), Button("Digests", "digest list")]
    if not digest.may_change:
        return others
    pause = ("Resume", "resume") if digest.is_paused else ("Pause", "pause")
    skip = ("Do not skip", "resume") if digest.skips_next else ("Skip next", "skip")
    # Resuming takes both back: one button for it is enough.
    both = [pause] if digest.is_paused and digest.skips_next else [pause, skip]
    done = [
        Button(label, f"digest {verb} {number}", "do")
        for label, verb in (*both, ("Test", "test"), ("End it", "unsubscribe"))
    ]
    return [*done, *others]


def list_report(digests: Sequence[Digest]) -> Report:
    """Every subscription with its next time."""
    past = Button("History", "digest history")
    if not digests:
        return Report(TITLE, "No digest is subscribed here yet", (HOW_TO, Actions((past,))))
    rows = tuple(
        (
            one.number,
            one.line,
            f"{one.schedule} {one.zone}",
            one.where,
            one.coming[0].leaves_at if one.coming else None,
            one.state,
        )
        for one in digests
    )
    quiet = ", ".join(f"{one.number} {one.quiet}" for one in digests if one.quiet)
    shown = [Button(f"Show {one.number}", f"digest show {one.number}") for one in digests[:3]]
    return Report(
        TITLE,
        counted(len(digests), "digest"),
        (
            Table(LISTED, rows),
            *([Note(f"Quiet hours of their own: {quiet}.")] if quiet else []),
            Note(
                "`digest show 1` tells more; `digest pause 1`, `skip`, `edit`, `unsubscribe`.",
                "hint",
            ),
            Actions((*shown, past)),
        ),
    )


def history_report(rows: Sequence[Sent], number: int | None) -> Report:
    """What became of each message, the newest first."""
    about = "Digest history" if number is None else f"History of digest {number}"
    steps = Actions((Button("Digests", "digest list"),))
    if not rows:
        return Report(about, "No message was due yet", (steps,))
    cells = tuple(
        (row.number, row.due_at, row.period or None, row.message, row.where, row.state, row.reason)
        for row in rows
    )
    sent = sum(row.state == "sent" for row in rows)
    lost = sum(row.state in ("dead", "ambiguous") for row in rows)
    told = f", {lost} not delivered" if lost else ""
    return Report(about, f"{sent} sent{told}, of {len(rows)}", (Table(PAST, cells), steps))
