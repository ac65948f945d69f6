"""Models side by side: what is claimed, what is marked, and what people may say themselves."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from analytics.errors import UserError
from analytics.figures import FrontierFigure, LatencyFigure
from analytics.report import Button, Note, Report
from bot.registry import complete, find_command, parse, run
from storage.engine import reading, writing
from storage.events import UsageEvent
from storage.ratings import rate
from storage.timekeys import to_micros
from tests.analytics.world import World, column, table_of
from tests.cast import ALICE, NOW, event
from tests.surfaces.reports import buttons_of

HAIKU, GPT, MINI = "claude-3-haiku", "gpt-4o", "o3-mini"


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    """An empty workspace in Berlin."""
    return World(sqlite_engine)


def used(count: int, model: str, ms: int = 1000, **more: object) -> list[UsageEvent]:
    """Prompts of the last hour."""
    base = to_micros(NOW) - 60_000_000
    return [event(model=model, latency_ms=ms, ts=base - n, **more) for n in range(count)]


def delta(report: Report) -> str:
    return " ".join(b.text for b in report.blocks if isinstance(b, Note) and b.role == "delta")


def stars_of(report: Report) -> list[Button]:
    return [button for button in buttons_of(report) if button.verb == "do"]


# ---- what is claimed


def test_the_verdict_is_fastest_best_rated_and_its_price(world: World) -> None:
    world.write([*used(50, GPT, 1600, rating=5), *used(50, HAIKU, 4000, rating=3)])
    report = world.ask("compare last 7d")
    assert report.headline == (
        "GPT-4o: fastest of the two (p50 1.6 s) and best rated (5.0), at 2.0 credits a prompt"
    )
    assert "Claude 3 Haiku costs 75% less a prompt; its rating is 2.0 lower" in delta(report)
    assert "no clear difference in success" in delta(report)


def test_the_title_of_the_picture_ends_before_what_is_not_clear(world: World) -> None:
    world.write([*used(50, GPT, 4000, rating=4), *used(50, HAIKU, 800, rating=4)])
    report = world.ask("compare last 7d")
    assert report.headline.endswith("; ratings show no clear difference")
    assert report.figure is not None
    assert report.headline.startswith(report.figure.title)
    assert "ratings" not in report.figure.title


def test_a_leader_that_is_also_the_cheapest_is_said_to_be(world: World) -> None:
    world.write([*used(50, GPT, 4000), *used(50, HAIKU, 800)])
    assert delta(world.ask("compare last 7d")) == "Claude 3 Haiku also costs least a prompt."


def test_a_leader_that_costs_as_much_as_another_is_not_the_cheapest(world: World) -> None:
    world.write([*used(50, GPT, 800), *used(50, "gpt-5.4", 4000)])
    assert delta(world.ask("compare last 7d")) == (
        "None that is known well enough costs less a prompt than GPT-4o."
    )


def test_what_does_not_differ_clearly_is_not_ranked(world: World) -> None:
    # On the two sides of a bin's edge: the order of such times is known, their distance is not.
    world.write([*used(40, GPT, 1700, rating=4), *used(39, HAIKU, 1680, rating=4)])
    world.write(used(1, HAIKU, 1680, rating=5))
    assert world.ask("compare last 7d").headline == (
        "No clear difference between GPT-4o and Claude 3 Haiku in speed or rating"
    )


def test_the_fastest_and_the_best_rated_may_be_two(world: World) -> None:
    world.write([*used(50, GPT, 3000, rating=5), *used(50, HAIKU, 800, rating=3)])
    headline = world.ask("compare last 7d").headline
    assert headline.startswith("Claude 3 Haiku: fastest of the two (p50 0.8 s)")
    assert headline.endswith("GPT-4o: best rated (5.0)")


def test_few_prompts_are_marked_and_claim_nothing(world: World) -> None:
    world.write([*used(50, GPT, 3000), *used(50, MINI, 2000), *used(29, HAIKU, 10)])
    report = world.ask("compare last 7d")
    assert report.headline.startswith("o3 mini: fastest of the two")
    assert column(table_of(report), "mark") == ["", "", "few"]
    assert isinstance(report.figure, FrontierFigure)
    assert [dot.efficient for dot in report.figure.dots if dot.marked] == [False]


def test_nothing_is_compared_with_too_few(world: World) -> None:
    world.write([*used(2, GPT), *used(1, HAIKU)])
    assert world.ask("compare last 7d").headline == (
        "Not enough prompts to compare: GPT-4o 2, Claude 3 Haiku 1 (30 needed)"
    )


# ---- ratings


def test_ratings_under_ten_are_hidden_and_counted(world: World) -> None:
    world.write([*used(9, GPT, rating=5), *used(10, HAIKU, rating=4)])
    table = table_of(world.ask("compare last 7d"))
    assert column(table, "rating") == [4.0, None]
    assert column(table, "n") == [10, 9]


def test_stars_given_in_chat_are_among_the_ratings(world: World) -> None:
    world.write(used(30, GPT, rating=5))
    with writing(world.engine) as connection:
        key, day = world.labels.model_id(GPT), world.workspace.clock().day(NOW)
        for person in range(1, 11):
            rate(
                connection,
                world.workspace.id,
                person_id=person,
                model_id=key,
                task_id=0,
                day=day,
                stars=1,
                now=NOW,
            )
    table = table_of(world.ask("compare last 7d"))
    assert (column(table, "rating"), column(table, "n")) == ([4.0], [40])


def test_the_picture_takes_ratings_where_two_models_have_enough(world: World) -> None:
    world.write([*used(40, GPT, rating=5), *used(40, HAIKU, rating=3)])
    rated = world.ask("compare last 7d").figure
    world.write(used(40, MINI, ok=False))
    unrated = world.ask(f"compare {GPT} {MINI} last 7d").figure
    assert isinstance(rated, FrontierFigure)
    assert isinstance(unrated, FrontierFigure)
    assert (rated.axis, unrated.axis) == ("rating", "success")
    assert {dot.name: dot.efficient for dot in unrated.dots} == {"GPT-4o": True, "o3 mini": True}


def test_a_model_that_always_fails_costs_nothing_and_is_told(world: World) -> None:
    world.write(used(40, GPT, ok=False))
    report = world.ask("compare last 7d")
    assert "0% success, 0.0 credits a prompt" in report.headline
    assert isinstance(report.figure, LatencyFigure)


def test_without_times_outcomes_and_ratings_there_is_a_table(world: World) -> None:
    plain = {"ok": None, "latency_ms": None}
    world.write([event(model=model, **plain) for model in (GPT, HAIKU)])
    report = world.ask("compare last 7d")
    assert report.figure is None
    assert column(table_of(report), "success_rate") == [None, None]


# ---- which models


def test_alone_it_takes_the_five_most_used(world: World) -> None:
    for n in range(60):
        world.write(used(n + 1, f"house-{n:02}"))
    names = column(table_of(world.ask("compare last 7d")), "model")
    assert names == [f"house-{n}" for n in (59, 58, 57, 56, 55)]


@pytest.mark.parametrize(
    "line",
    [
        "compare gpt-4o Claude 3 Haiku last 7d",
        'compare last 7d "Claude 3 Haiku" gpt-4o',
        "compare GPT-4o, Claude 3 Haiku",
        "compare gpt-4o vs claude-3-haiku 2026-03",
        'compare models="gpt-4o claude-3-haiku" range="last 7d"',
    ],
)
def test_names_stand_before_or_after_the_range_without_quotes(world: World, line: str) -> None:
    world.write([*used(3, GPT), *used(2, HAIKU), *used(1, MINI)])
    report = world.ask(line)
    assert column(table_of(report), "model") == ["GPT-4o", "Claude 3 Haiku"]
    assert parse(report.line).line == report.line
    assert world.ask(report.line) == report


def test_the_last_of_several_names_is_completed(world: World) -> None:
    world.write([*used(3, GPT), *used(2, HAIKU)])
    with world.context() as ctx:
        command = find_command("compare")
        assert complete(command, "models", "gpt-4o, claude 3 haik", ctx) == [
            "gpt-4o, Claude 3 Haiku"
        ]
        assert complete(command, "models", "claude 3 haik", ctx) == ["Claude 3 Haiku"]


def test_a_model_that_nobody_used_is_said(world: World) -> None:
    world.write([*used(3, GPT), event(model=HAIKU, ts=to_micros(NOW.replace(month=1)))])
    report = world.ask(f"compare {GPT} {HAIKU} last 7d")
    assert column(table_of(report), "prompts") == [3, 0]
    assert any("Not used in this time: Claude 3 Haiku" in str(block) for block in report.blocks)


def test_mistakes_are_quoted(world: World) -> None:
    world.write([event(model=f"house-{n}") for n in range(7)])
    with pytest.raises(UserError, match="I know no model 'gpt-nine'"):
        world.ask("compare gpt-nine house-1 last 7d")
    with pytest.raises(UserError, match="7 models are too many"):
        world.ask("compare " + " ".join(f"house-{n}" for n in range(7)))


# ---- rating


def ratings(world: World) -> list[tuple[object, ...]]:
    with reading(world.engine) as connection:
        rows = connection.execute(sa.text("SELECT task_id, stars FROM chat_rating"))
        return [tuple(row) for row in rows]


def test_a_person_rates_a_model_once_a_day(world: World) -> None:
    world.write(used(1, HAIKU))
    assert world.ask("rate Claude 3 Haiku 2").headline == "Claude 3 Haiku: 2 of 5, thank you"
    world.ask("rate claude-3-haiku ★★★★")
    world.ask("rate claude-3-haiku 5 task=coding")
    assert sorted(ratings(world)) == [(0, 4), (world.labels.task_id("coding"), 5)]
    with reading(world.engine) as connection:
        row = connection.execute(sa.text("SELECT object, after FROM audit")).first()
    assert row == ("model Claude 3 Haiku", "2 of 5")


@pytest.mark.parametrize("stars", ["0", "6", "4.5", "good", "★★★★★★"])
def test_other_numbers_are_no_rating(world: World, stars: str) -> None:
    world.write(used(1, GPT))
    with pytest.raises(UserError, match="is not a rating"):
        world.ask(f"rate gpt-4o {stars}")
    assert ratings(world) == []


def test_who_is_nobody_cannot_rate_and_gets_no_stars(world: World) -> None:
    world.write([*used(40, GPT, 800), *used(40, HAIKU, 4000)])
    with (
        world.context(may_change=True) as ctx,
        pytest.raises(UserError, match="which of them you are"),
    ):
        run("rate gpt-4o 4", ctx)
    with world.context() as ctx:
        assert stars_of(run("compare last 7d", ctx)) == []


def test_the_leading_or_single_model_can_be_given_stars(world: World) -> None:
    world.write([*used(40, GPT, 800), *used(40, HAIKU, 4000)])
    buttons = stars_of(world.ask("compare last 7d"))
    assert [button.line for button in buttons] == [f"rate GPT-4o {n}" for n in range(1, 6)]
    [*_, best] = stars_of(world.ask(f"compare {HAIKU} last 7d task=coding"))
    assert best.line == 'rate "Claude 3 Haiku" 5 task=coding'
    with world.context(may_change=True, person=ALICE) as ctx:
        assert run(best.line, ctx).headline.startswith("Claude 3 Haiku: 5 of 5 for")


def test_ratings_of_other_days_are_not_in_a_range(world: World) -> None:
    world.write(used(30, GPT))
    world.ask("rate gpt-4o 1", now=NOW.replace(day=1))
    assert column(table_of(world.ask("compare last 7d")), "n") == [0]
