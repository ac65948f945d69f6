"""Every kind of alert is declared whole, and tells what its facts say, whatever is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from analytics.figures import BudgetFigure, TimelineFigure
from analytics.report import Actions, Button, Fact, Facts, Note, Report, Table
from bot.alerts.kinds import GROUPS, KINDS, tell, tell_resolved
from bot.params.alerts import GROUPS as TYPED
from bot.registry import parse
from storage.alerts import Alert, State
from storage.engine import writing
from storage.events import MICRO
from storage.labels import link_alias
from tests.alerted import crossing, fire, happening, kept
from tests.analytics.spending import march
from tests.analytics.world import World, table_of
from tests.cast import NOW
from tests.databases import Filling

EVENING = NOW.replace(day=24, hour=18, minute=0)
AFTER = NOW.replace(month=4, day=9)
SILENT = {"source": "litellm", "last": "2026-03-24T09:12:00+01:00", "expected": 40, "gap": 240}
UNUSUAL: dict[str, Any] = {
    "day": "2026-03-24",
    "total": 4210 * MICRO,
    "mean": 1300.0 * MICRO,
    "usual": 1350.0 * MICRO,
    "z": 5.1,
    "excess": 0.3,
    "parts": {"person": [1, 2500 * MICRO, 2800 * MICRO], "model": [1, 3000 * MICRO, 9800 * MICRO]},
    "days": [1300 * MICRO] * 28 + [4210 * MICRO],
}
ADVICE = {"task": 1, "from": 1, "to": 2, "saving": 850 * MICRO, "level": "worth a trial"}
FACTS: dict[str, dict[str, Any]] = {
    "anomaly": UNUSUAL,
    "silent": SILENT,
    "advice": ADVICE,
    "purchase": {"headline": "5,000 credits were bought", "buttons": [["Grants", "grants list"]]},
    "ceiling": {"headline": "80% of this month's purchases are used"},
}


@pytest.fixture(scope="module")
def sqlite_template(filled: Filling) -> Path:
    """A workspace that used 15,230 of 20,000 credits up to the evening of 24 March."""
    return filled(_company)


def _company(engine: sa.Engine) -> None:
    world = World(engine)
    march(world)
    world.ask("budget set 20000 monthly", now=EVENING)


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    """The company, to ask."""
    return World(sqlite_engine)


def told(world: World, alert: Alert, **sight: Any) -> Report:  # noqa: ANN401
    with world.context(**sight) as ctx:
        return tell(alert, ctx)


def an_alert(world: World, kind: str, facts: dict[str, Any] | None = None) -> Alert:
    if kind in ("threshold", "projected"):
        new = crossing(kind=kind, dedupe_key=kind, fired_at=EVENING, facts=facts or {})
    else:
        new = happening(kind, FACTS[kind] if facts is None else facts, fired_at=EVENING)
    return kept(world.engine, fire(world.engine, new))


def notes(report: Report) -> str:
    return " ".join(block.text for block in report.blocks if isinstance(block, Note))


def buttons(report: Report) -> list[Button]:
    rows = (block for block in report.blocks if isinstance(block, Actions))
    return [button for row in rows for button in row.buttons]


@pytest.mark.parametrize("name", list(KINDS))
def test_every_kind_has_docs_key_and_resolved_text(name: str, world: World) -> None:
    kind = KINDS[name]
    assert kind.summary.endswith(".")
    assert kind.key
    assert len(name) <= 16
    with world.context() as ctx:
        assert tell_resolved(an_alert(world, name), ctx).headline.startswith("Resolved: ")


def test_what_people_route_by_are_the_groups_of_kinds() -> None:
    assert TYPED == GROUPS


@pytest.mark.parametrize("name", list(KINDS))
@pytest.mark.parametrize("facts", [{}, {"used": "?", "day": 7, "percents": "x", "first": None}])
def test_a_fact_that_is_missing_never_stops_an_alert(
    name: str, facts: dict[str, Any], world: World
) -> None:
    alert = replace(an_alert(world, name), facts=facts)
    assert told(world, alert).headline
    with world.context() as ctx:
        assert tell_resolved(alert, ctx).headline


@pytest.mark.parametrize("name", list(KINDS))
def test_every_button_of_an_alert_is_a_line(name: str, world: World) -> None:
    for button in buttons(told(world, an_alert(world, name))):
        assert parse(button.line).line == button.line
        assert parse(button.line).command.changes == (button.verb == "do")


def test_a_threshold_says_what_the_budget_says_and_how_it_will_end(world: World) -> None:
    report = told(world, an_alert(world, "threshold"))
    assert report.headline == (
        "76% of March credits used (15,230 of 20,000); 7 days left, on track for about 19,500 "
        "(80% range 19,200-19,800)"
    )
    assert "Passed 75% on 24 Mar 18:00." in notes(report)
    assert [button.label for button in buttons(report)] == [
        "Who used most", "Raise limit", "Snooze 24 h", "Acknowledge",
    ]  # fmt: skip


def test_the_numbers_are_those_of_budget_at_the_same_moment(world: World) -> None:
    report, asked = told(world, an_alert(world, "threshold")), world.ask("budget", now=EVENING)
    assert facts_of(report)["used"].value == facts_of(asked)["used"].value
    assert facts_of(report)["projected"] == facts_of(asked)["projected"]
    mine, its = report.figure, asked.figure
    assert isinstance(mine, BudgetFigure)
    assert isinstance(its, BudgetFigure)
    assert (mine.used, mine.limit, mine.forecast) == (its.used, its.limit, its.forecast)


def facts_of(report: Report) -> dict[str, Fact]:
    found = (block for block in report.blocks if isinstance(block, Facts))
    return {fact.key: fact for block in found for fact in block.facts}


def test_several_thresholds_are_one_post_that_names_all(world: World) -> None:
    report = told(world, an_alert(world, "threshold", {"percents": [50, 60, 75]}))
    assert "Passed 50% on 17 Mar, 60% on 19 Mar and 75% on 24 Mar; known since" in notes(report)


def test_the_numbers_stay_those_of_the_crossing_whatever_comes_later(world: World) -> None:
    used = {"used": 15_000 * MICRO}  # 230 came in after it
    report = told(world, an_alert(world, "threshold", used))
    assert report.headline.startswith("75% of March credits used (15,000 of 20,000)")
    assert isinstance(report.figure, BudgetFigure)
    assert report.figure.used[-1] == 15_000 * MICRO


def test_who_used_most_adds_up_to_what_is_used(world: World) -> None:
    table = table_of(told(world, an_alert(world, "threshold")))
    assert table.total == ("Total", 15_230 * MICRO, 100)
    assert sum(int(str(row[1])) for row in table.rows) == 15_230 * MICRO


def test_behind_walls_models_are_named_and_no_person(world: World) -> None:
    report = told(world, an_alert(world, "threshold"), role="member", walls="admins")
    assert table_of(report).columns[0].key == "model"
    assert "alice" not in repr(report)


def test_an_unusual_day_names_who_carries_it_only_to_who_may_know(world: World) -> None:
    alert = an_alert(world, "anomaly")
    report = told(world, alert)
    assert report.headline.startswith("Spend is unusual: 4,210 credits on Tuesday 24 March, 3.1 t")
    assert "Largest rise: GPT-5.5, 2,650 credits" in notes(report)
    assert isinstance(report.figure, TimelineFigure)
    people = {**UNUSUAL, "parts": {"person": UNUSUAL["parts"]["person"]}}
    only_people = replace(alert, facts=people)
    assert "Largest rise: alice@example.com" in notes(told(world, only_people))
    assert "alice" not in repr(told(world, only_people, role="member", walls="admins"))


def test_a_silent_source_says_since_when_and_what_is_usual(world: World) -> None:
    report = told(world, an_alert(world, "silent"))
    assert report.headline == (
        "No data from litellm since 24 Mar 09:12; usually about 40 events by then"
    )
    assert facts_of(report)["gap"].value == "4 minutes"


def test_an_alert_that_is_over_is_struck_through_and_offers_nothing_to_do(world: World) -> None:
    alert = an_alert(world, "threshold")
    over = replace(
        alert,
        state="resolved",
        resolved_at=EVENING.replace(hour=19),
        facts={**alert.facts, "resolved": {"used": 14_200 * MICRO, "limit": 20_000 * MICRO}},
    )
    report = told(world, over)
    assert report.is_past
    assert "Resolved 19:00, now 71%." in notes(report)
    assert [button.verb for button in buttons(report)] == ["ask"]
    with world.context() as ctx:
        said = tell_resolved(over, ctx).headline
    assert said == "Resolved: March credits are below 75% again, now 71%."


def test_an_alert_that_was_seen_says_by_whom(world: World) -> None:
    alert = replace(an_alert(world, "threshold"), acked_at=EVENING, acked_by="slack:T1:U1")
    assert "Seen by somebody 18:00." in notes(told(world, alert))
    with writing(world.engine) as connection:
        link_alias(connection, 1, "slack:T1:U1", person_id=1)
    assert "Seen by alice@example.com 18:00." in notes(told(world, alert))
    assert "Acknowledge" not in [button.label for button in buttons(told(world, alert))]


def test_a_limit_that_was_raised_is_said_when_it_ends_an_alert(world: World) -> None:
    alert = an_alert(world, "threshold")
    ended = {"used": 15_230 * MICRO, "limit": 25_000 * MICRO}
    over = replace(
        alert, state="resolved", resolved_at=EVENING, facts={**alert.facts, "resolved": ended}
    )
    assert "now 60%, the limit is now 25,000" in notes(told(world, over))


def test_tables_and_figures_of_an_alert_have_no_buttons_of_other_answers(world: World) -> None:
    fire(world.engine, crossing(fired_at=EVENING))
    labels = [button.label for button in buttons(world.ask("alerts show 1"))]
    assert "Share to channel" not in labels
    assert not any(isinstance(block, Table) and not block.rows for block in told_blocks(world))


def told_blocks(world: World) -> tuple[object, ...]:
    return world.ask("alerts show 1").blocks


def test_what_late_usage_passed_of_a_period_that_is_over_is_named_by_the_next_digest(
    world: World,
) -> None:
    february = {"first": "2026-02-01", "end": "2026-03-01", "reason": "period_closed"}
    key = {"period_key": "monthly:2026-02", "dedupe_key": "late", "state": "skipped"}
    late = crossing(90, fired_at=EVENING, facts={**february, "used": 18_012 * MICRO}, **key)
    fire(world.engine, late)
    words = "Late usage took February credits past 90% (18,012 of 20,000)."
    assert words in notes(world.ask("digest daily 2026-03-24"))
    assert words not in notes(world.ask("digest daily 2026-03-23"))
    assert words not in notes(world.ask("digest daily 2026-03-25"))


@pytest.mark.parametrize("state", ["skipped", "replaced"])
def test_an_alert_that_was_never_told_has_nothing_to_do(world: World, state: State) -> None:
    fire(world.engine, crossing(fired_at=EVENING, state=state))
    assert not labels(world) & {"Raise limit", "Snooze 24 h", "Acknowledge"}


def test_nothing_is_to_be_done_about_a_period_that_is_over(world: World) -> None:
    fire(world.engine, crossing(fired_at=EVENING))
    assert labels(world) >= {"Raise limit", "Snooze 24 h", "Acknowledge"}
    report = world.ask("alerts show 1", now=AFTER)
    assert not {button.label for button in buttons(report)} & {"Raise limit", "Snooze 24 h"}
    assert "Its period is over." in notes(report)
    assert not report.is_past


def labels(world: World) -> set[str]:
    return {button.label for button in buttons(world.ask("alerts show 1"))}


def test_a_card_has_no_point_without_its_range(world: World) -> None:
    figure = told(world, an_alert(world, "threshold")).figure
    assert figure is not None
    assert figure.title == "76% of March credits used (15,230 of 20,000)"
