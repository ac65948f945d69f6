"""The proof of due times: around every change of every zone's clock, one digest a local period."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from analytics.schedule import Period, Schedule, due, instant
from benchmarks.lab import Lab
from benchmarks.measurement import Measurement, spending
from storage.workspaces import zone_names

FIRST_YEAR, LAST_YEAR = 2015, 2037
HALF_HOURS = tuple(time(minutes // 60, minutes % 60) for minutes in range(0, 24 * 60, 30))
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
AROUND = 3  # days before and after a change


@dataclass(slots=True)
class Proof:
    """What was looked at, and what was found wrong, in words."""

    zones: int = 0
    changes: int = 0
    checks: int = 0
    wrong: list[str] = field(default_factory=list)


def measure(lab: Lab) -> list[Measurement]:
    """Seconds of the proof over every zone, and its violations; a tiny lab proves a few."""
    names = sorted(zone_names())
    with spending() as spent:
        proof = prove(names if lab.events >= len(names) * 10 else names[::50])
    note = f"{proof.zones} zones, {proof.changes:,} changes, {proof.checks:,} periods"
    return [
        Measurement("due times: proof over all zones", spent.wall, 60, "s", note=note),
        Measurement(
            "due times: violations", len(proof.wrong), 0, "", note="; ".join(proof.wrong[:3])
        ),
    ]


def prove(names: Iterable[str], times: Sequence[time] = HALF_HOURS) -> Proof:
    """Look at every period around every change of the zones; equal zones are proved once."""
    proof, seen = Proof(), set()
    plans = [_Plan(schedule) for at in times for schedule in _schedules(at)]
    for name in names:
        zone = ZoneInfo(name)
        changes = tuple(_changes(zone))
        if changes in seen:
            continue
        seen.add(changes)
        proof.zones += 1
        proof.changes += len(changes) - 1
        moments = [moment for moment, _ in changes[1:]]
        _prove_zone(proof, zone, moments, plans)
    return proof


def _schedules(at: time) -> Iterator[Schedule]:
    yield Schedule("daily", (at,))
    yield Schedule("weekly", (at,), 0)
    yield Schedule("monthly", (at,), 1)


class _Plan:
    """The periods of a schedule, which are the same in every zone."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.longest = {"daily": 1, "weekly": 7}.get(schedule.kind, 31)
        self._known: dict[date, tuple[Period, Period]] = {}

    def around(self, day: date) -> Iterator[tuple[Period, Period]]:
        """Neighbours whose border is near a day."""
        # One day may be in a period that began a month before.
        pair = self._pair(day - (AROUND + self.longest) * DAY)
        while pair[0].first <= day + AROUND * DAY:
            if pair[1].end >= day - AROUND * DAY:
                yield pair
            pair = self._pair(pair[1].first)

    def _pair(self, day: date) -> tuple[Period, Period]:
        if day not in self._known:
            period = self.schedule.next_period(day)
            self._known[day] = (period, self.schedule.following(period))
        return self._known[day]


def _prove_zone(
    proof: Proof, zone: ZoneInfo, moments: Sequence[datetime], plans: Sequence[_Plan]
) -> None:
    midnights: dict[date, datetime] = {}

    def midnight(day: date) -> datetime:
        if day not in midnights:
            midnights[day] = instant(datetime.combine(day, time()), zone)
        return midnights[day]

    days = {moment.astimezone(zone).date() for moment in moments}
    for plan, day in itertools.product(plans, sorted(days)):
        for one, other in plan.around(day):
            proof.checks += 1
            at, then = due(one, zone), due(other, zone)
            start, end = midnight(one.first), midnight(one.end)
            is_right = (
                one.end == other.first
                and one.key != other.key
                and start <= end <= at <= then
                and _strikes(one.due, at, zone)
            )
            if not is_right:
                proof.wrong.append(f"{zone.key} {plan.schedule.text} {one.key}: {at} {then}")


def _strikes(wall: datetime, at: datetime, zone: ZoneInfo) -> bool:
    """Whether an instant shows a wall time for the first time, or ends the gap that holds it."""
    local = at.astimezone(zone)
    shown = local.replace(tzinfo=None, fold=0)
    if shown == wall:
        return not local.fold
    before = (at - SECOND).astimezone(zone).replace(tzinfo=None, fold=0)
    return before < wall < shown


def _changes(zone: ZoneInfo) -> Iterator[tuple[datetime, timedelta | None]]:
    """(instant, new offset) of every change in the years, after the offset at their beginning."""
    moment, stop = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC)
    offset = moment.astimezone(zone).utcoffset()
    yield moment, offset
    while moment < stop:
        new = (moment + DAY).astimezone(zone).utcoffset()
        if new != offset:
            yield _change(zone, moment), new
            offset = new
        moment += DAY


def _change(zone: ZoneInfo, moment: datetime) -> datetime:
    """The second within a day after a moment at which the offset changes."""
    low, high, offset = moment, moment + DAY, moment.astimezone(zone).utcoffset()
    while high - low > SECOND:
        middle = low + (high - low) // SECOND // 2 * SECOND
        if middle.astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high
