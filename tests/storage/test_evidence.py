"""Evidence: what plain Python counts over the prompts of the sixty days before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from random import Random

import pytest
import sqlalchemy as sa

from storage.engine import reading, writing
from storage.events import Granularity, UsageEvent
from storage.evidence import (
    Evidence,
    evidence_day,
    forget,
    gather,
    is_stale,
    read_evidence,
    rebuild_evidence,
    work_by_person,
)
from storage.ratings import rate
from storage.timekeys import DAY_US, to_micros
from tests.cast import NOW, event
from tests.databases import elsewhere
from tests.storage.test_reading import MODELS, PRICES, Ledgered


def some_events(days: int = 70) -> list[UsageEvent]:
    random = Random(3)  # noqa: S311  # a fixed sample
    start = to_micros(NOW)
    return [
        event(
            ts=start - random.randrange(days * DAY_US),
            model=random.choice(MODELS),
            person=random.choice(("ann@example.com", "ben@example.com", None)),
            task=random.choice(("coding", "mail", None)),
            ok=random.choice((True, True, False, None)),
            rating=random.choice((None, None, 2, 5)),
            tokens_in=random.choice((None, 100, 100, 200, 300, 5000)),
            prompts=random.choice((1, 1, 1, 3)),
        )
        for _ in range(300)
    ]


def counted(place: Ledgered, day: int) -> list[Evidence]:
    """The evidence before a day, by hand."""
    single = [
        one
        for one in place.events
        if one.task and one.prompts == 1 and day - 60 <= place.key(one, "day") < day
    ]
    sizes: dict[str | None, list[int]] = defaultdict(list)
    for one in single:
        if one.tokens_in:
            sizes[one.task].append(one.tokens_in)
    sums: dict[tuple[int, ...], list[int]] = defaultdict(lambda: [0] * 6)
    for one in single:
        own = sizes[one.task]
        smaller = sum(size < (one.tokens_in or 0) for size in own)
        third = 1 + smaller * 3 // len(own) if one.tokens_in else 0
        key = (place.key(one, "task"), place.key(one, "model"), place.key(one, "person"), third)
        price = 0 if one.ok is False else PRICES[one.model]
        outcome = (int(one.ok is not None), int(bool(one.ok)))
        rating = (one.rating or 0, int(one.rating is not None))
        for index, value in enumerate((1, *outcome, price, *rating)):
            sums[key][index] += value
    return sorted(Evidence(*key, *values) for key, values in sums.items())


@pytest.fixture
def place(engine: sa.Engine) -> Ledgered:
    return Ledgered(engine, some_events())


def read(place: Ledgered) -> Sequence[Evidence]:
    with reading(place.engine) as connection:
        return read_evidence(connection, place.workspace.id)


def test_evidence_is_what_the_prompts_of_sixty_days_say(place: Ledgered) -> None:
    gather(place.engine, place.workspace, now=NOW)
    found = read(place)
    assert found == counted(place, place.clock.day(NOW))
    assert {cell.third for cell in found} == {0, 1, 2, 3}


def test_evidence_of_another_day_takes_the_place_of_the_first(place: Ledgered) -> None:
    gather(place.engine, place.workspace, now=NOW)
    earlier = place.clock.day(NOW) - 20
    with writing(place.engine) as connection:
        rebuild_evidence(connection, place.workspace.id, place.clock, earlier)
        assert evidence_day(connection, place.workspace.id) == earlier
    assert read(place) == counted(place, earlier)


def test_sums_of_days_and_unknown_tasks_are_no_evidence(engine: sa.Engine) -> None:
    yesterday = to_micros(NOW) // DAY_US * DAY_US - DAY_US
    sums = event(ts=yesterday, granularity=Granularity.DAY, prompts=1, ok=None, latency_ms=None)
    place = Ledgered(engine, [sums, event(ts=yesterday, task=None)])
    gather(engine, place.workspace, now=NOW)
    assert read(place) == []


def test_stars_given_in_chat_count_as_ratings_without_a_size(engine: sa.Engine) -> None:
    place = Ledgered(engine, [event(ts=to_micros(NOW - timedelta(days=3)), rating=2, ok=None)])
    task, model, person = (place.key(place.events[0], key) for key in ("task", "model", "person"))
    today = place.clock.day(NOW)
    with writing(engine) as connection:
        for day, task_id in ((today - 1, task), (today - 2, task), (today, task), (today - 1, 0)):
            rate(
                connection,
                place.workspace.id,
                person_id=person,
                model_id=model,
                task_id=task_id,
                day=day,
                stars=5,
                now=NOW,
            )
    gather(engine, place.workspace, now=NOW)
    assert read(place) == [
        Evidence(task, model, person, 0, 0, 0, 0, 0, 10, 2),
        Evidence(task, model, person, 1, 1, 0, 0, 2_000_000, 2, 1),
    ]


def test_evidence_is_stale_until_it_was_gathered_today(place: Ledgered) -> None:
    today, ours = place.clock.day(NOW), place.workspace.id
    with reading(place.engine) as connection:
        assert is_stale(connection, ours, today)
    gather(place.engine, place.workspace, now=NOW)
    with writing(place.engine) as connection:
        assert not is_stale(connection, ours, today)
        assert is_stale(connection, ours, today + 1)
        forget(connection, ours)
        assert is_stale(connection, ours, today)


def test_another_workspace_keeps_its_own(place: Ledgered) -> None:
    gather(place.engine, place.workspace, now=NOW)
    before, theirs = read(place), elsewhere(place.engine)
    gather(place.engine, theirs, now=NOW)
    with reading(place.engine) as connection:
        assert read_evidence(connection, theirs.id) == []
    assert read(place) == before != []


def test_work_is_the_evidence_by_person_and_task(place: Ledgered) -> None:
    gather(place.engine, place.workspace, now=NOW)
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for cell in read(place):
        prompts, credits = found.get((cell.person_id, cell.task_id), (0, 0))
        found[cell.person_id, cell.task_id] = prompts + cell.prompts, credits + cell.credits
    with reading(place.engine) as connection:
        assert work_by_person(connection, place.workspace.id) == found
