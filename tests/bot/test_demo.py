"""The pretended company: what its usage must look like to be worth asking about."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain, pairwise

from bot.demo.company import DAY_MODEL, TEAMS, UNKNOWN_MODEL, members
from bot.demo.usage import Workload, day_rows, prompts
from storage.events import UsageEvent
from storage.timekeys import from_micros, to_micros

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
WORK = Workload(now=NOW, zone="Europe/Berlin", events=20_000)


@cache
def usage() -> tuple[UsageEvent, ...]:
    return tuple(chain.from_iterable(prompts(WORK, 1_000)))


def test_the_same_workload_gives_the_same_events() -> None:
    again = tuple(chain.from_iterable(prompts(WORK, 1_000)))

    assert again == usage()


def test_thirteen_months_end_at_now() -> None:
    times = [event.ts for event in usage()]

    assert max(times) <= to_micros(NOW)
    assert NOW - from_micros(max(times)) < timedelta(hours=3)
    assert from_micros(min(times)).date() == datetime(2025, 10, 25, tzinfo=UTC).date()


def test_every_event_has_a_key_of_its_own() -> None:
    keys = [event.event_id for event in (*usage(), *day_rows(WORK))]

    assert len(set(keys)) == len(keys)


def test_everybody_everything_and_an_unknown_model_are_used() -> None:
    def used(name: str) -> int:
        return len({getattr(event, name) for event in usage()})

    assert (used("person"), used("department"), used("project"), used("task")) == (40, 8, 12, 12)
    assert UNKNOWN_MODEL in {event.model for event in usage()}


def test_some_prompts_arrive_late() -> None:
    times = [event.ts for event in usage()]

    assert any(later - earlier > 24 * 3600 * 1_000_000 for later, earlier in pairwise(times))


def test_weekends_are_quiet_and_one_day_is_far_busier_than_any_other() -> None:
    days = Counter(from_micros(event.ts).date() for event in usage())
    ranked = [count for _, count in days.most_common()]
    weekend = [count for day, count in days.items() if day.weekday() >= 5]

    assert ranked[0] > 2 * ranked[1]
    assert sum(weekend) / len(weekend) < 0.3 * len(usage()) / len(days)


def test_a_few_prompts_fail_and_cost_nothing() -> None:
    failed = [event for event in usage() if not event.ok]

    assert 0.02 < len(failed) / len(usage()) < 0.04
    assert all(event.cost_nano is None and event.rating is None for event in failed)


def test_the_summing_source_reports_complete_days_only() -> None:
    rows = day_rows(WORK)

    assert rows
    assert {row.model for row in rows} == {DAY_MODEL}
    assert max(from_micros(row.ts).date() for row in rows) < NOW.date()


def test_more_people_than_the_named_ones_are_spread_over_all_teams() -> None:
    people = members(200)

    assert len({person.mail for person in people}) == 200
    assert {person.team for person in people[40:]} == set(TEAMS)
