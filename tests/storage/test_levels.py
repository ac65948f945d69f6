"""The regular look: what edits mean, when an alert is over, and that looking twice tells once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import sqlalchemy as sa

from storage.budget_usage import Moved, rows_since
from storage.engine import open_engine, reading, writing
from storage.levels import check_levels
from storage.limits import Book
from storage.thresholds import decide
from storage.timekeys import to_micros
from tests.cast import NOW
from tests.storage.budgeted import DAY, MINUTE, Budgeted, budgeted


@pytest.fixture
def place(engine: sa.Engine) -> Budgeted:
    return budgeted(engine)


def test_t2_many_looks_at_once_tell_once(place: Budgeted) -> None:
    place.spend(80)
    place.limit(100)
    engines = [open_engine(place.engine.url.render_as_string(hide_password=False)) for _ in "ab"]
    with ThreadPoolExecutor(20) as pool:
        looks = [pool.submit(check_levels, engines[n % 2], NOW) for n in range(20)]
    for engine in engines:
        engine.dispose()
    place.look()
    assert sum(look.result() for look in looks) <= 1
    assert place.told() == [[75]]


def test_a_new_budget_that_is_passed_already_tells_its_highest_threshold(place: Budgeted) -> None:
    place.spend(95)
    place.limit(100)
    assert place.told() == []
    assert place.look() == 1
    assert place.told() == [[90]]
    place.spend(1)
    assert place.look() == 0
    place.spend(4)
    assert place.told() == [[90], [100]]


def test_an_edit_arms_the_thresholds_anew_and_ends_what_was_said_before(place: Budgeted) -> None:
    place.limit(100)
    place.look()
    place.spend(80)
    place.limit(85)
    place.spend(1)  # before anybody looked: the writer sees the new limit
    place.look(MINUTE)
    assert place.told() == [[90]]
    (first, second) = place.alerts()
    assert (first.state, second.facts["revision"]) == ("replaced", 2)


def test_a_higher_limit_that_nothing_is_reached_of_ends_what_was_told(place: Budgeted) -> None:
    place.limit(100)
    place.look()
    place.spend(92)
    place.limit(200)
    assert place.look() == 1
    (alert,) = place.alerts()
    assert alert.state == "resolved"
    assert alert.facts["resolved"] == {
        "reason": "revised", "percents": [75, 90], "used": 92, "limit": 200
    }  # fmt: skip


@pytest.mark.parametrize(("limit", "told"), [(110, 75), (92, 100)])
def test_another_limit_that_warns_at_once_is_one_story(
    place: Budgeted, limit: int, told: int
) -> None:
    place.limit(100)
    place.look()
    place.spend(92)
    place.limit(limit)
    assert place.look() == 2
    (first, second) = place.alerts()
    assert first.state == "replaced"
    assert first.facts["resolved"]["limit"] == limit
    assert (second.state, second.facts["percents"]) == ("fired", [told])


def test_a_writer_that_warns_first_under_a_higher_limit_tells_the_same_story(
    place: Budgeted,
) -> None:
    place.limit(100)
    place.look()
    (event_id,) = place.spend(92)
    place.limit(120)
    place.spend(1)  # 77 % of 120, before anybody looked
    place.place.correct(event_id, {"credits": 80})  # no more than 67 %, and not over yet
    place.look(MINUTE)
    assert [(one.state, one.facts["percents"]) for one in place.alerts()] == [
        ("replaced", [75, 90]),
        ("fired", [75]),
    ]


def test_when_a_raise_is_over_the_old_limit_counts_again(place: Budgeted) -> None:
    place.limit(100, raised=50, raise_end=place.today + 1)
    place.look()
    place.spend(112)
    place.spend(1)
    assert place.told() == [[75]]  # of 150
    place.look(DAY)
    assert place.told() == [[75], [100]]
    assert place.alerts()[1].facts["limit"] == 100


def test_a_writer_knows_when_a_raise_is_over(place: Budgeted) -> None:
    place.limit(100, raised=50, raise_end=place.today + 1)
    place.look()
    place.spend(74)
    place.now += DAY
    place.spend(1)
    assert place.told() == [[75]]


def test_a_removed_budget_says_that_it_is_over(place: Budgeted) -> None:
    from storage.budgets import remove_budget

    place.limit(100)
    place.look()
    place.spend(80)
    with writing(place.engine) as connection:
        remove_budget(connection, place.place.workspace.id, scope="workspace", target_id=0, now=NOW)
    place.spend(80)
    assert place.look() == 1
    (alert,) = place.alerts()
    assert (alert.state, alert.facts["resolved"]["reason"]) == ("resolved", "removed")
    place.check()


def test_what_falls_well_below_for_ten_minutes_is_over(place: Budgeted) -> None:
    place.limit(100)
    place.look()
    place.spend(70)
    (event_id,) = place.spend(6)
    place.place.correct(event_id, {"credits": 2})
    assert place.look() == 0
    assert place.look(9 * MINUTE) == 0
    assert place.look(MINUTE) == 1
    (alert,) = place.alerts()
    assert alert.resolved_at == place.now
    assert alert.facts["resolved"] == {
        "reason": "below", "percents": [75], "used": 72, "limit": 100
    }  # fmt: skip


@pytest.mark.parametrize("left", [73, 74, 75])
def test_a_little_below_is_not_over(place: Budgeted, left: int) -> None:
    place.limit(100)
    place.look()
    (event_id,) = place.spend(76)
    place.place.correct(event_id, {"credits": left})
    for _ in range(3):
        place.look(10 * MINUTE)
    assert place.told() == [[75]]


def test_a_rise_in_between_begins_the_ten_minutes_anew(place: Budgeted) -> None:
    place.limit(100)
    place.look()
    (event_id,) = place.spend(76)
    for credits in (70, 74, 70):
        place.place.correct(event_id, {"credits": credits})
        place.look(9 * MINUTE)
    assert place.look(9 * MINUTE) == 0
    assert place.look(MINUTE) == 1


def test_a_threshold_fires_three_times_a_period_and_then_is_quiet(place: Budgeted) -> None:
    place.limit(100)
    place.look()
    for _ in range(5):
        (event_id,) = place.spend(80)
        place.place.correct(event_id, {"credits": 0})
        place.look(MINUTE)
        place.look(10 * MINUTE)
    found = place.alerts()
    assert [alert.facts["episode"] for alert in found] == [1, 2, 3]
    assert [alert.facts["is_last"] for alert in found] == [False, False, True]
    assert [alert.state for alert in found] == ["resolved"] * 3


def test_an_alert_is_over_when_the_last_of_its_thresholds_is(place: Budgeted) -> None:
    place.limit(100)
    place.look()
    (event_id,) = place.spend(95)
    for credits, state in ((80, "fired"), (60, "resolved")):
        place.place.correct(event_id, {"credits": credits})
        place.look(MINUTE)
        place.look(10 * MINUTE)
        assert [alert.state for alert in place.alerts()] == [state]
    place.spend(31)
    assert place.alerts()[-1].facts["percents"] == [75, 90]


def test_the_end_of_a_period_ends_no_alert(place: Budgeted) -> None:
    place.limit(100)
    place.look()
    place.spend(80)
    place.look(2 * DAY)
    assert place.look(DAY) == 0
    assert [alert.state for alert in place.alerts()] == ["fired"]


def test_who_decides_from_what_was_known_before_tells_nothing(place: Budgeted) -> None:
    place.limit(100)
    place.look()
    place.spend(70)
    with reading(place.engine) as connection:
        rows = rows_since(connection, place.place.workspace.id, place.today)
        book = Book.read(connection, place.place.workspace, rows, now=NOW)
    place.spend(10)
    with writing(place.engine) as connection:
        late = Moved(replace(rows[0], used=80), 70)
        assert decide(connection, book, late, now=NOW) is None
    assert place.told() == [[75]]


def test_what_is_dated_ahead_waits_for_its_period(place: Budgeted) -> None:
    place.limit(100)
    place.look(DAY)  # 31 March
    (event_id,) = place.spend(80)
    place.place.correct(event_id, {"ts": to_micros(place.now + DAY)})
    place.look(MINUTE)
    assert [alert.period_key for alert in place.alerts()] == ["monthly:2026-03"]
    place.look(DAY)
    assert [alert.period_key for alert in place.alerts()] == ["monthly:2026-03", "monthly:2026-04"]
