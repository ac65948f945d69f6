"""A source that is silent for longer than usual: the rule, and what is told.

Nothing is said about a drop of usage: what a silent source would have brought is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from analytics.alert_facts import Told, on_day, post
from analytics.captions import moment_text
from analytics.day_silence import Missing
from analytics.lines import framed
from analytics.numbers import counted
from analytics.report import Button, Fact, Facts, Note, Report
from analytics.silence import NO_FALL, no_data
from analytics.timerange import MONTH_NAMES, WEEKDAYS
from storage.timekeys import date_of

TITLE = "Source silent"
SHORTEST = timedelta(minutes=60)
GAPS = 3  # times the usual pause between two events
LEAST_EXPECTED = 20
WEEKS = 4


@dataclass(frozen=True, slots=True)
class Silence:
    """How long a source is silent, and what is usual in the same hours of the weeks before.

    `expected` events would have come by now; `arrivals` are the pauses between the last files of a
    source that comes in files, which is silent between them.
    """

    source: str
    last: datetime
    length: timedelta
    expected: float
    arrivals: tuple[timedelta, ...] = ()

    @property
    def gap(self) -> timedelta:
        """The usual pause: the length over the events it usually holds, or that between files."""
        mean = self.length / max(self.expected, 1)
        pauses = sorted(self.arrivals)
        return max(mean, pauses[len(pauses) // 2]) if pauses else mean

    @property
    def is_unusual(self) -> bool:
        """Whether it is long, much longer than a usual pause, and not one of few events."""
        is_long = self.length > max(SHORTEST, GAPS * self.gap)
        return is_long and self.expected >= LEAST_EXPECTED

    @property
    def facts(self) -> dict[str, object]:
        """What is frozen of it; `gap` is the usual pause in seconds."""
        return {
            "source": self.source,
            "last": self.last.isoformat(),
            "expected": round(self.expected),
            "gap": round(self.gap.total_seconds()),
        }


def late_day_facts(source: str, last: date, late: Missing) -> dict[str, object]:
    """What is frozen of a source of whole days whose next one is late."""
    usual = late.usual
    return {
        "source": source,
        "last_day": str(last),
        "missing": str(date_of(late.day)),
        "usual": None if usual is None else (late.over + usual).isoformat(),
    }


def silence_report(told: Told) -> Report:
    """`No data from litellm since 24 Mar 09:12: usually about 40 events by now.`."""
    if (day := told.day_of("last_day")) is not None:
        return _late_day_report(told, day)
    source, last = told.text_of("source") or "a source", told.moment_of("last")
    expected, gap = told.number_of("expected"), told.number_of("gap")
    since = "" if last is None else moment_text(last)
    usual = f"; usually about {counted(expected, 'event')} by then" if expected else ""
    facts = []
    if last is not None:
        facts.append(Fact("last", "Last event", last, "moment"))
    if gap is not None:
        facts.append(Fact("gap", "Usual pause", gap_text(gap)))
    facts.append(Fact("as_of", "As of", told.local(told.query.now), "moment"))
    headline = f"{no_data(source, since)}{usual}"
    weekday = WEEKDAYS[(last or told.local(told.fired_at)).weekday()].title()
    note = f"Compared with the same hours of a {weekday} in the {WEEKS} weeks before."
    return _framed(told, headline, facts, note)


def _late_day_report(told: Told, last: date) -> Report:
    """`No data from copilot since 23 Mar: Tuesday 24 Mar usually comes by 25 Mar 08:00`."""
    source, missing = told.text_of("source") or "a source", told.day_of("missing")
    usual = told.moment_of("usual")
    headline = no_data(source, _day_text(last))
    facts = [Fact("last_day", "Last day", _day_text(last))]
    if missing is not None:
        named = f"{WEEKDAYS[missing.weekday()].title()} {_day_text(missing)}"
        by = f"usually comes by {moment_text(usual)}" if usual else "is not here yet"
        headline = f"{headline}: {named} {by}"
    if usual is not None:
        facts.append(Fact("usual", "Usually here", usual, "moment"))
    facts.append(Fact("as_of", "As of", told.local(told.query.now), "moment"))
    note = f"It reports whole days; compared with the same weekday of {WEEKS} weeks before."
    return _framed(told, headline, facts, note)


def _framed(told: Told, headline: str, facts: Sequence[Fact], note: str) -> Report:
    body = framed(
        on_day(told.query, told.query.reader.clock.local_date(told.query.now)),
        TITLE,
        headline,
        (
            Facts(tuple(facts)),
            Note(note),
            Note(f"Until it is back, {NO_FALL}"),
        ),
    )
    return post(told, body, [Button("Over time", "timeline last 7d")], now=_back(told))


def _day_text(day: date) -> str:
    return f"{day.day} {MONTH_NAMES[day.month - 1]}"


def gap_text(seconds: int) -> str:
    """`45 seconds`, `4 minutes`, `2 hours`."""
    if seconds < 90:
        return counted(max(seconds, 1), "second")
    if seconds < 90 * 60:
        return counted(round(seconds / 60), "minute")
    return counted(round(seconds / 3600), "hour")


def _back(told: Told) -> str:
    """`back since 14:02`."""
    text = told.part_of("resolved").get("back")
    try:
        back = told.local(datetime.fromisoformat(str(text)))
    except ValueError:
        return ""
    return f"back since {moment_text(back)}"


def silence_resolved(told: Told) -> str:
    """`data from litellm is back since 24 Mar 14:02.`."""
    source, back = told.text_of("source") or "the source", _back(told)
    return f"data from {source} is {back or 'back'}."
