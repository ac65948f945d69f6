"""Thresholds fire at exactly their share, once, in the transaction that crossed them.

One of the tests that matter most: what is told twice, or not at all, costs trust.  T1, T2, T7 and
T8 are what another product's alerts were found to fail; T2 is in `test_levels`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from storage.engine import writing
from storage.grants import add_grant, remove_grant
from storage.marks import Mark, passed_in
from storage.preferences import set_preference
from storage.timekeys import day_number
from tests.cast import ALICE, BOB, NOW, event
from tests.storage.budgeted import DAY, MINUTE, Budgeted, budgeted
from tests.storage.world import feed, world

LEFT = (Mark("left", 10),)


@pytest.fixture
def place(engine: sa.Engine) -> Budgeted:
    return budgeted(engine)


def test_t1_each_threshold_that_is_reached_is_told_once(place: Budgeted) -> None:
    place.limit(100)
    place.look()
    for used in (50, 30, 6, 4, 6, 3):  # 50, 80, 86, 90, 96, 99 per cent
        place.spend(used)
        place.look(MINUTE)
    assert place.told() == [[75], [90]]
    place.spend(1)
    assert place.told() == [[75], [90], [100]]


@pytest.mark.parametrize(("used", "told"), [(749_999, []), (750_000, [[75]])])
def test_a_threshold_is_reached_at_its_share_and_not_a_micro_credit_earlier(
    place: Budgeted, used: int, told: list[list[int]]
) -> None:
    place.limit(1_000_000)
    place.look()
    place.spend(used)
    assert place.told() == told


def test_a_limit_of_nothing_is_passed_by_the_first_use(place: Budgeted) -> None:
    place.limit(0)
    place.look()
    assert place.told() == []
    place.spend(1)
    place.spend(1)
    place.look()
    assert place.told() == [[75, 90, 100]]


def test_all_that_one_batch_crosses_is_one_alert_with_the_numbers_of_the_moment(
    place: Budgeted,
) -> None:
    budget = place.limit(100)
    place.look()
    place.spend(10)
    place.spend(60, 31)
    (alert,) = place.alerts()
    assert alert.dedupe_key == f"a|{budget.id}|monthly:2026-03|r1|100|e1"
    assert (alert.subject, alert.scope, alert.target_id) == (f"budget:{budget.id}", "workspace", 0)
    assert alert.facts == {
        "budget": budget.id,
        "revision": 1,
        "episode": 1,
        "period": "monthly",
        "limit": 100,
        "used": 101,
        "before": 10,
        "percents": [75, 90, 100],
        "thresholds": [75, 90, 100],
        "first": "2026-03-01",
        "end": "2026-04-01",
        "as_of": NOW.astimezone(UTC).isoformat(),
        "is_last": False,
    }


def test_t7_every_period_tells_for_itself(place: Budgeted) -> None:
    place.limit(100)
    for _ in range(2):
        place.look()
        place.spend(120)
        place.look(2 * DAY)
    assert [alert.period_key for alert in place.alerts()] == ["monthly:2026-03", "monthly:2026-04"]
    assert place.told() == [[75, 90, 100]] * 2


def test_t8_three_budgets_crossed_at_once_are_three_alerts(place: Budgeted) -> None:
    labels = place.place.labels
    place.spend(1)
    place.limit(100)
    place.limit(100, "department", labels.department_id("Platform"))
    place.limit(100, "person", labels.person_id(ALICE))
    place.limit(100, "person", labels.person_id(BOB))
    place.look()
    place.spend(80)
    assert [alert.scope for alert in place.alerts()] == ["workspace", "department", "person"]
    assert place.told() == [[75]] * 3


def test_a_batch_of_many_people_finds_their_budgets(place: Budgeted) -> None:
    people = [event(model="alpha", person=f"p{n}@example.com", credits=80) for n in range(25)]
    place.place.labels.prepare(people, now=NOW)
    for n in (3, 20):
        place.limit(100, "person", place.place.labels.person_id(f"p{n}@example.com"))
    place.look()
    place.place.ledger.write(people, feed(), now=NOW)
    assert [alert.scope for alert in place.alerts()] == ["person", "person"]


def test_history_fires_nothing(place: Budgeted) -> None:
    place.limit(100)
    place.look()
    for days in (35, 100, 400):
        place.spend(500, ago=timedelta(days=days))
    assert place.look() == 0
    assert place.alerts() == []


def test_what_crosses_in_a_closed_period_is_kept_but_not_told(place: Budgeted) -> None:
    place.limit(100)
    place.look()
    place.spend(70)
    place.look(2 * DAY)
    place.spend(10, ago=2 * DAY)
    (alert,) = place.alerts()
    assert (alert.state, alert.facts["reason"]) == ("skipped", "period_closed")
    assert alert.routed_at is not None
    place.spend(1, ago=2 * DAY)
    assert place.look() == 0
    assert len(place.alerts()) == 1
    place.check()


def test_a_new_period_has_its_row_before_it_begins(place: Budgeted) -> None:
    place.limit(100)
    place.look(DAY)  # 31 March
    place.now += DAY
    place.spend(80)  # nobody looked since
    assert place.told() == [[75]]


@pytest.mark.parametrize(
    ("period", "more", "key"),
    [
        ("weekly", {}, "weekly:2026-03-30"),
        ("quarterly", {}, "quarterly:2026-q1"),
        ("billing", {"billing_day": 15}, "billing:2026-03-15"),
    ],
)
def test_every_kind_of_period_has_its_days(
    place: Budgeted, period: str, more: dict[str, int], key: str
) -> None:
    place.limit(100, period=period, **more)  # type: ignore[arg-type]  # one of the periods
    place.spend(70, ago=timedelta(days=1))  # Sunday
    place.look()
    place.spend(80)
    (alert,) = place.alerts()
    assert alert.period_key == key
    assert alert.facts["used"] == (80 if period == "weekly" else 150)


def test_a_week_begins_when_the_workspace_says(place: Budgeted) -> None:
    """litellm#33161: weeks of budgets began on Mondays, wherever people lived."""
    ours = place.place.workspace.id
    place.limit(100, period="weekly")
    place.look()
    with writing(place.engine) as connection:
        set_preference(connection, ours, "week_start", "6")
    place.spend(70, ago=timedelta(days=1))  # Sunday
    place.look()
    place.spend(10)
    (alert,) = place.alerts()
    assert (alert.period_key, alert.facts["used"]) == ("weekly:2026-03-29", 80)


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/Los_Angeles", "Pacific/Kiritimati"])
def test_a_period_ends_at_midnight_of_its_workspace(sqlite_engine: sa.Engine, zone: str) -> None:
    """Litellm PR#40978: it ended later, by as much as the zone is away from UTC."""
    place = Budgeted(world(sqlite_engine, zone))
    place.limit(100)
    midnight = datetime(2026, 4, 1, tzinfo=ZoneInfo(zone))
    for place.now, credits in ((midnight - MINUTE, 80), (midnight, 76)):
        place.look()
        place.spend(credits, ago=timedelta())
    told = [(alert.period_key, alert.facts["used"]) for alert in place.alerts()]
    assert told == [("monthly:2026-03", 80), ("monthly:2026-04", 76)]


# ---- the plan


def plan(place: Budgeted, credits: int, name: str = "Team") -> int:
    with writing(place.engine) as connection:
        grant = add_grant(
            connection,
            place.place.workspace.id,
            kind="plan",
            name=name,
            credits=credits,
            first_day=day_number(place.now.date().replace(day=1)),
            now=place.now,
        )
    return grant.id


def test_without_a_budget_the_plan_is_tracked(place: Budgeted) -> None:
    plan(place, 100)
    place.look()
    place.spend(91)
    (alert,) = place.alerts()
    assert (alert.subject, alert.dedupe_key) == ("plan", "a|plan|monthly:2026-03|r1|90|e1")
    assert (alert.facts["percents"], alert.facts["limit"]) == ([75, 90], 100)


def test_a_budget_of_the_workspace_takes_the_place_of_the_plan(place: Budgeted) -> None:
    plan(place, 100)
    place.look()
    place.limit(1000)
    place.spend(80)
    place.look()
    assert place.alerts() == []


def test_a_plan_that_changes_arms_its_thresholds_anew(place: Budgeted) -> None:
    plan(place, 100)
    place.look()
    place.spend(92)
    plan(place, 15, "More")
    place.spend(1)
    place.look()
    first, second = place.alerts()
    assert (first.state, second.facts["percents"]) == ("replaced", [75])
    assert second.facts["limit"] == 115
    plan(place, 0, "Nothing")
    assert place.look() == 0


def test_a_month_that_had_no_plan_is_held_against_nothing(place: Budgeted) -> None:
    first = plan(place, 100)
    place.look()
    place.now += 2 * DAY  # April
    with writing(place.engine) as connection:
        remove_grant(connection, place.place.workspace.id, first, now=place.now)
    plan(place, 100)
    place.spend(80, ago=2 * DAY)
    assert place.alerts() == []


def test_thresholds_in_credits_are_told_at_exactly_so_many_and_once(place: Budgeted) -> None:
    place.limit(100, thresholds=(50, Mark("used", 60), Mark("left", 10)))
    place.look()
    for spent, told in ((59, [(50,)]), (1, [(Mark("used", 60),)]), (29, []), (1, [LEFT]), (9, [])):
        before = len(place.alerts())
        place.spend(spent)
        place.look()
        assert [passed_in(one.facts) for one in place.alerts()[before:]] == told
    keys = [one.dedupe_key.split("|r1|")[1] for one in place.alerts()]
    assert keys == ["50|e1", "used:60|e1", "left:10|e1"]


def test_what_one_batch_crosses_of_both_kinds_is_one_alert_by_its_highest(place: Budgeted) -> None:
    place.limit(100, thresholds=(90, Mark("used", 60), Mark("left", 5)))
    place.look()
    place.spend(95)
    (alert,) = place.alerts()
    assert set(passed_in(alert.facts)) == {90, Mark("used", 60), Mark("left", 5)}
    assert alert.dedupe_key.endswith("|left:5|e1")


def test_credits_left_of_a_raised_limit_are_counted_from_that(place: Budgeted) -> None:
    place.limit(100, thresholds=(Mark("left", 10),), raised=50, raise_end=place.today + 1)
    place.look()
    place.spend(139)
    assert place.alerts() == []
    place.spend(1)
    assert [passed_in(one.facts) for one in place.alerts()] == [LEFT]


def test_credits_used_are_over_when_use_is_well_below_and_may_be_told_again(
    place: Budgeted,
) -> None:
    place.limit(100, thresholds=(Mark("used", 60),))
    place.look()
    (event_id,) = place.spend(60)
    for credits in (58, 57):
        place.place.correct(event_id, {"credits": credits})
        place.look(MINUTE)
        place.look(10 * MINUTE)
    (alert,) = place.alerts()
    assert (alert.state, alert.facts["resolved"]["marks"]) == ("resolved", ["used:60"])
    place.spend(3)
    assert place.alerts()[-1].facts["episode"] == 2
