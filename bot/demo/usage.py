"""The usage of the pretended company: the same workload always gives the same events.

Prompts come roughly in time order; a few arrive late.  One model is only reported as sums of a
UTC day (`day_rows`), one is unknown to the catalogue, some providers tell no cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from bot.demo.company import (
    DAY_MODEL,
    ENGINES,
    ERRORS,
    FIRST_TOKEN,
    SPIKE_MAIL,
    SPIKE_MODEL,
    TEAMS,
    UNKNOWN_MODEL,
    members,
)
from bot.demo.rhythm import Hour, hours, months_before, spike_hours
from storage.events import Granularity, UsageEvent
from storage.timekeys import DAY_US, HOUR_US, to_micros

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
EVENTS = 200_000
FAVOURITES = 5  # models a person uses for most prompts
FAVOURITE_SHARE = 0.65
SPIKE_SHARE = 0.008
LATE_SHARE = 0.02
RATED_SHARE = 0.12
STARS = 4.1  # what people give on average to a model that answers in a second
SLOWEST = 0.45  # a busy hour's answers take longer than a quiet one's by this fraction
FAILED_SHARE = 0.025
SMALL_DOLLARS, SMALL_FAILS = 1.5, 3.0  # what costs little fails so many times as often
TAGGED = 0.93  # the share of prompts that say their task
UNKNOWN_SHARE = 0.0006
DAY_ROW_SHARE = 0.004  # rows of the summing source for each prompt of the others
DAY_ROW_PROMPTS = 9.0


@dataclass(frozen=True, slots=True)
class Workload:
    """How much usage to pretend, up to which moment.

    With the same numbers and the same local day of `now` only the last hours differ.
    """

    now: datetime
    zone: str
    events: int = EVENTS
    people: int = 40
    months: int = 13
    seed: int = 7

    @property
    def period(self) -> Sequence[Hour]:
        """Every hour of the whole local days it spans."""
        zone = ZoneInfo(self.zone)
        last = self.now.astimezone(zone).date()
        return hours(months_before(last, self.months), last, zone)


def prompts(work: Workload, size: int) -> Iterator[list[UsageEvent]]:
    """Batches of about `size` single prompts, none after the workload's `now`."""
    dice = _Dice(work)
    starts, spiked = _starts(work, dice.rng)
    end = to_micros(work.now)
    held: list[UsageEvent] = []
    for first in range(0, len(starts), size):
        chunk = slice(first, first + size)
        batch, held = held, []
        late = dice.rng.random(size) < LATE_SHARE
        for event, waits in zip(dice.events(starts[chunk], spiked[chunk]), late, strict=False):
            if event.ts <= end:
                (held if waits else batch).append(event)
        if batch:
            yield batch
    if held:
        yield held


class Onward:
    """The usage after a workload's `now`, at the pace it had: as if people went on working."""

    def __init__(self, work: Workload) -> None:
        self._work = work
        self._rate = work.events / sum(hour.weight for hour in work.period)
        self._days: tuple[date, Sequence[Hour], _Dice] | None = None

    def between(self, since: datetime, until: datetime) -> list[UsageEvent]:
        """The prompts from a moment up to, not including, another, in order."""
        first, end = to_micros(since), to_micros(until)
        period, dice = self._tables(until)
        # Its own numbers for each stretch, or ids would come twice.
        dice.rng = np.random.default_rng([self._work.seed, end])
        found: list[UsageEvent] = []
        for hour in period:
            start, stop = max(first, hour.start_us), min(end, hour.start_us + HOUR_US)
            if start < stop:
                part = (stop - start) / HOUR_US
                count = int(dice.rng.poisson(self._rate * hour.weight * part))
                starts = np.full(count, hour.start_us, dtype=np.int64)
                drawn = dice.events(starts, np.zeros(count, dtype=np.bool_))
                found += [
                    replace(one, ts=start + int((one.ts - hour.start_us) * part)) for one in drawn
                ]
        return sorted(found, key=lambda event: event.ts)

    def _tables(self, until: datetime) -> tuple[Sequence[Hour], _Dice]:
        """What is drawn from up to the end of a local day, made once a day."""
        day = until.astimezone(ZoneInfo(self._work.zone)).date()
        if self._days is None or self._days[0] != day:
            work = replace(self._work, now=until)
            self._days = day, work.period, _Dice(work)
        return self._days[1:]


def day_rows(work: Workload) -> list[UsageEvent]:
    """One row for each complete UTC day and engineer that used the model of the summing source."""
    rng = np.random.default_rng(work.seed + 1)
    team = [person for person in members(work.people) if person.team is TEAMS[0]]
    loads: dict[int, float] = {}
    for hour in work.period:
        day = hour.start_us // DAY_US
        loads[day] = loads.get(day, 0) + hour.weight
    loads.pop(to_micros(work.now) // DAY_US, None)
    scale = work.events * DAY_ROW_SHARE / sum(loads.values())
    users = {day: min(len(team), rng.poisson(load * scale)) for day, load in loads.items()}
    return [
        UsageEvent(
            event_id=f"{day}:{team[index].mail}",
            ts=day * DAY_US,
            granularity=Granularity.DAY,
            model=DAY_MODEL,
            provider="cursor",
            person=team[index].mail,
            department=team[index].team.name,
            prompts=int(rng.poisson(DAY_ROW_PROMPTS)) + 1,
        )
        for day, count in users.items()
        for index in rng.choice(len(team), count, replace=False).tolist()
    ]


def _starts(work: Workload, rng: np.random.Generator) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Start of each prompt's hour in order, and whether it belongs to the spike."""
    period = work.period
    spiked = int(work.events * SPIKE_SHARE)
    load = np.array([hour.weight for hour in period]) * _moods(period, rng)
    counts = rng.multinomial(work.events - spiked, load / load.sum())
    usual = np.repeat(np.array([hour.start_us for hour in period], dtype=np.int64), counts)
    burst = rng.choice(np.array(spike_hours(work.now, ZoneInfo(work.zone))), spiked)
    both = np.concatenate([usual, burst])
    order = np.argsort(both, kind="stable")
    return both[order], order >= len(usual)


def _moods(period: Sequence[Hour], rng: np.random.Generator) -> Floats:
    """A factor for each hour: no two days and no two weeks are equally busy."""
    days = np.array([hour.start_us // DAY_US for hour in period])
    days -= days[0]
    by_day = np.exp(rng.normal(0.0, 0.08, days[-1] + 1))
    by_week = np.exp(rng.normal(0.0, 0.12, days[-1] // 7 + 1))
    factors: Floats = by_day[days] * by_week[days // 7]
    return factors


def _cdf(weights: Sequence[float]) -> Floats:
    summed: Floats = np.cumsum(np.array(weights))
    scaled: Floats = summed / summed[-1]  # ends at exactly 1, which no draw reaches
    return scaled


class _Dice:
    """The tables that are drawn from, and one generator for everything."""

    def __init__(self, work: Workload) -> None:
        self.rng = np.random.default_rng(work.seed)
        self.people = members(work.people)
        self.engines = [engine for engine in ENGINES if engine.slug != DAY_MODEL]
        self.person_cdf = _cdf([person.weight for person in self.people])
        self.engine_cdf = _cdf([engine.weight for engine in self.engines])
        shares = np.diff(self.engine_cdf, prepend=0)
        self.favourites = np.array(
            [self.rng.choice(len(shares), FAVOURITES, replace=False, p=shares) for _ in self.people]
        )
        # The slower model is the better liked one: otherwise nobody would wait for it.
        self.stars = STARS + 0.2 * np.log(np.array([engine.seconds for engine in self.engines]))
        small = [(engine.dollars or SMALL_DOLLARS) < SMALL_DOLLARS for engine in self.engines]
        self.failing = FAILED_SHARE * np.where(small, SMALL_FAILS, 1.0)
        period = work.period
        self.hours = np.array([hour.start_us for hour in period], dtype=np.int64)
        weights = np.array([hour.weight for hour in period])
        self.slowness = 1 + SLOWEST * weights / weights.max()
        mails = [person.mail for person in self.people]
        # A workload of a handful of people may lack the one who makes the spike.
        self.spiker = mails.index(SPIKE_MAIL) if SPIKE_MAIL in mails else 0
        self.spike_engine = [engine.slug for engine in self.engines].index(SPIKE_MODEL)

    def events(self, starts: Ints, spiked: npt.NDArray[np.bool_]) -> Iterator[UsageEvent]:
        """One event for each start of an hour, somewhere inside it."""
        rng, count = self.rng, len(starts)
        person = np.where(spiked, self.spiker, self._drawn(self.person_cdf, count))
        engine = np.where(spiked, self.spike_engine, self._engines(person))
        failed = rng.random(count) < self.failing[engine]
        rated = (rng.random(count) < RATED_SHARE) & ~failed
        stars = np.where(
            rated, np.clip(np.round(rng.normal(self.stars[engine], 0.8, count)), 1, 5), 0
        )
        drawn = zip(
            rng.bytes(16 * count).hex(" ", 16).split(),
            (starts + rng.integers(0, HOUR_US, count)).tolist(),
            person.tolist(),
            engine.tolist(),
            rng.random((count, 4)).tolist(),
            np.exp(rng.normal(7.0, 1.0, count)).astype(np.int64).tolist(),
            np.exp(rng.normal(6.0, 0.9, count)).astype(np.int64).tolist(),
            (np.exp(rng.normal(0.0, 0.5, count)) * self._slowed(starts)).tolist(),
            failed.tolist(),
            stars.astype(np.int64).tolist(),
            strict=True,
        )
        for key, ts, who, what, chance, read, written, slowness, broken, rating in drawn:
            asker, used = self.people[who], self.engines[what]
            paid = used.dollars is not None and not broken
            ms = round(used.seconds * slowness * 1000)
            early = None if broken else FIRST_TOKEN.get(used.provider)
            yield UsageEvent(
                event_id=key,
                ts=ts,
                model=UNKNOWN_MODEL if chance[0] < UNKNOWN_SHARE else used.slug,
                provider=used.provider,
                person=asker.mail,
                department=asker.team.name,
                project=_pick(asker.team.projects, chance[1]),
                task=None if chance[0] > TAGGED else _pick(asker.team.tasks, chance[2]),
                ok=not broken,
                error=_pick(ERRORS, chance[3]) if broken else None,
                cost_nano=round((read / 4 + written) * used.dollars * 1000) if paid else None,
                currency="USD" if paid else None,
                tokens_in=read,
                tokens_out=0 if broken else written,
                latency_ms=ms,
                ttft_ms=None if early is None else round(ms * early),
                rating=rating or None,
            )

    def _slowed(self, starts: Ints) -> Floats:
        """How much longer answers take at these starts of hours."""
        found: Floats = self.slowness[np.searchsorted(self.hours, starts)]
        return found

    def _engines(self, person: Ints) -> Ints:
        """Mostly a favourite of the person, sometimes any."""
        count = len(person)
        favourite = self.favourites[person, self.rng.integers(0, FAVOURITES, count)]
        is_usual = self.rng.random(count) < FAVOURITE_SHARE
        return np.where(is_usual, favourite, self._drawn(self.engine_cdf, count))

    def _drawn(self, cdf: Floats, count: int) -> Ints:
        return np.searchsorted(cdf, self.rng.random(count), side="right").astype(np.int64)


def _pick(names: Sequence[str], chance: float) -> str:
    """The first names most often."""
    return names[int(len(names) * chance * chance)]
