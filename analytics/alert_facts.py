"""An alert as it is told: its frozen facts read again, its state in words, the frame of its post.

Facts are JSON that another version may have written: a field that is missing leaves a sentence
out, it never stops the alert.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from analytics.captions import moment_text
from analytics.query import Query
from analytics.report import Actions, Block, Button, Note, Report
from analytics.scopes import Scope
from analytics.text import clean
from analytics.timerange import parse_range
from storage.marks import Threshold

DAY_NAME = 80


@dataclass(frozen=True, slots=True)
class Told:
    """One alert and who is told: `query` is of the moment it tells of.

    `people`, `tasks` and `projects` are the ids that may be named, None is all.  `acked_by` is a
    shown name; up to `quiet_until` somebody lets it wait.  With `held` it was kept back, and tells
    how things are at the query's moment; the thresholds of what was kept back with it are in
    `passed`.  One that `reminds` repeats in short.  With `over` nothing may be done about it any
    more, for that reason, though nobody resolved it.  One that `may_raise` the limit is offered it.
    """

    query: Query
    number: int
    kind: str
    scope: Scope
    facts: Mapping[str, Any]
    fired_at: datetime
    period_key: str = ""
    people: frozenset[int] | None = None
    tasks: frozenset[int] | None = None
    projects: frozenset[int] | None = None
    resolved_at: datetime | None = None
    acked_at: datetime | None = None
    acked_by: str = ""
    quiet_until: datetime | None = None
    passed: tuple[Threshold, ...] = ()
    held: bool = False
    reminds: bool = False
    over: str = ""
    may_raise: bool = True

    @property
    def is_open(self) -> bool:
        """Whether it still holds."""
        return self.resolved_at is None

    @property
    def is_test(self) -> bool:
        """Whether somebody sent it to see that alerts arrive."""
        return bool(self.facts.get("test"))

    @property
    def may_act(self) -> bool:
        """Whether anything may still be done about it."""
        return self.is_open and not self.over

    def number_of(self, name: str) -> int | None:
        """A whole number among the facts; None where there is none."""
        return as_number(self.facts.get(name))

    def share_of(self, name: str) -> float | None:
        """A number with a fraction among the facts; None where there is none."""
        found = self.facts.get(name)
        return float(found) if isinstance(found, int | float) else None

    def day_of(self, name: str) -> date | None:
        """A day among the facts; None where there is none."""
        return as_day(self.facts.get(name))

    def moment_of(self, name: str) -> datetime | None:
        """A moment among the facts, on the workspace's clock; None where there is none."""
        found = as_moment(self.facts.get(name))
        return None if found is None else self.local(found)

    def text_of(self, name: str) -> str:
        """A short text among the facts; empty where there is none."""
        found = self.facts.get(name)
        return clean(found, DAY_NAME) if isinstance(found, str) else ""

    def part_of(self, name: str) -> Mapping[str, Any]:
        """Named facts inside the facts; empty where there are none."""
        found = self.facts.get(name)
        return found if isinstance(found, Mapping) else {}

    def local(self, moment: datetime) -> datetime:
        """A moment on the workspace's clock."""
        return moment.astimezone(self.query.reader.clock.zone)


def moment_key(moment: datetime) -> str:
    """What the standing of a moment is kept under."""
    return moment.astimezone(UTC).isoformat()


def as_number(value: object) -> int | None:
    """A whole number of facts; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def as_day(value: object) -> date | None:
    """A day of facts; None for anything else."""
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def as_moment(value: object) -> datetime | None:
    """A moment of facts, with its offset; None for anything else."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else None


def when_text(told: Told, moment: datetime) -> str:
    """`14:05` on the day it fired, else `25 Mar 14:05`."""
    local, fired = told.local(moment), told.local(told.fired_at)
    return f"{local:%H:%M}" if local.date() == fired.date() else moment_text(local)


def on_day(query: Query, day: date) -> Query:
    """The query about one day."""
    today = query.reader.clock.local_date(query.now)
    return replace(query, range=parse_range(str(day), today))


def post(
    told: Told,
    framed: Report,
    extra: Sequence[Button] = (),
    *,
    now: str = "",
    may_wait: bool = True,
) -> Report:
    """The message of an alert: `framed` with how it stands and the buttons that still make sense.

    `now` says what changed when it was resolved: `now 71%`.  What does not wait for anybody has
    nothing to snooze or to acknowledge.
    """
    state: list[Block] = []
    if told.resolved_at is not None:
        words = f"Resolved {when_text(told, told.resolved_at)}"
        state.append(Note(f"{words}, {now}." if now else f"{words}.", "delta"))
    elif told.over:
        state.append(Note(f"{told.over}.", "delta"))
    if told.acked_at is not None:
        who = told.acked_by or "somebody"
        state.append(Note(f"Seen by {who} {when_text(told, told.acked_at)}.", "delta"))
    if told.quiet_until is not None and told.may_act:
        state.append(Note(f"Quiet until {moment_text(told.local(told.quiet_until))}.", "delta"))
    if told.held and not told.reminds:
        words = f"Kept back since {moment_text(told.local(told.fired_at))}; the numbers are of now."
        state.append(Note(words))
    return replace(
        framed,
        blocks=(
            *state,
            *framed.blocks,
            Actions((*extra, *(_own_buttons(told) if may_wait else ()))),
        ),
        is_past=not told.is_open,
        own_buttons=True,
    )


def _own_buttons(told: Told) -> list[Button]:
    """What may be done about it and was not yet; a test has nothing to be quiet about."""
    if not told.may_act:
        return []
    snooze = Button("Snooze 24 h", f"alerts snooze {told.number} 24h", "do")
    seen = Button("Acknowledge", f"alerts ack {told.number}", "do")
    may_wait = told.quiet_until is None and not told.is_test
    return [*([snooze] if may_wait else []), *([seen] if told.acked_at is None else [])]


def resolved_report(words: str) -> Report:
    """The line under a post whose alert is over."""
    return Report("Resolved", f"Resolved: {words}", (), own_buttons=True)
