"""Task rules in chat: tried before they are kept, in their order, and applied to the past."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from analytics.errors import UserError
from analytics.report import Actions, Report, Table
from analytics.task_rules import DEFAULT_TASKS, rule_line, usual_rules
from bot.operation.rules_past import apply_asked
from bot.operation.upkeep import Upkeep
from bot.registry import parse, run
from storage.engine import reading
from storage.errors import StorageError
from storage.task_rules import list_rules
from tests.analytics.world import World, column, table_of
from tests.cast import NOW, event

ADD = 'tasks rule add project=atlas* -> "Email Writing"'
SAVE = ADD.replace("add", "save")


@pytest.fixture
def world(sqlite_engine: sa.Engine) -> World:
    """Five prompts of one project and three of another without a task, two with one."""
    world = World(sqlite_engine)
    world.write([event(task=None, project="Atlas") for _ in range(5)])
    world.write([event(task=None, project="Zeus") for _ in range(3)])
    world.write([event(task="coding", project="Atlas") for _ in range(2)])
    return world


def kept(world: World) -> list[dict[str, tuple[str, ...]]]:
    with reading(world.engine) as connection:
        return [dict(rule.conditions) for rule in list_rules(connection, world.workspace.id)]


def tables(report: Report) -> list[Table]:
    return [block for block in report.blocks if isinstance(block, Table)]


def tasks(world: World) -> dict[object, object]:
    table = table_of(world.ask("tasks today"))
    return dict(zip(column(table, "task"), column(table, "prompts"), strict=True))


@pytest.mark.parametrize(
    "typed", [ADD, ADD.replace('"', ""), ADD.replace("->", "→"), ADD.replace("project", "PROJECT")]
)
def test_a_rule_reads_as_people_write_it(typed: str) -> None:
    assert parse(typed).line == ADD
    assert parse(parse(typed).line).line == ADD


def test_a_dry_run_tells_what_would_change_and_changes_nothing(world: World) -> None:
    report = world.ask(ADD)
    assert report.headline == (
        "5 events of 30 days would become Email Writing; 70.0% would have a task, 20.0% do"
    )
    by_task, by_rule, examples = tables(report)
    assert column(by_task, "task") == ["Email Writing", "coding", "Uncategorised"]
    assert column(by_task, "before") == [0, 2, 8]
    assert column(by_task, "after") == [5, 2, 3]
    assert column(by_rule, "hits") == [5]
    assert len(examples.rows) == 5
    assert kept(world) == []


def test_the_button_saves_just_this_rule(world: World) -> None:
    rows = (block.buttons for block in world.ask(ADD).blocks if isinstance(block, Actions))
    save = next(button for row in rows for button in row if button.label == "Save")
    assert (save.verb, save.line) == ("do", SAVE)
    world.ask(save.line)
    assert kept(world) == [{"project": ("atlas*",)}]


def test_a_rule_that_never_matches_is_named(world: World) -> None:
    world.ask(SAVE)
    report = world.ask("tasks rule add project=atlas -> Late")
    assert column(tables(report)[1], "note") == [None, "never matches"]


def test_rules_have_an_order_that_can_be_changed(world: World) -> None:
    world.ask(SAVE)
    world.ask("tasks rule save model=* -> Other")
    assert world.ask("tasks rule move 2 1").headline.startswith("Rule 1 is now: model is *")
    assert column(table_of(world.ask("tasks rule list")), "task") == ["Other", "Email Writing"]
    assert world.ask("tasks rule remove 1").headline == "Rule 1 is gone: model is *"
    assert world.ask("tasks rule remove 2").headline == "There is no rule 2"
    with reading(world.engine) as connection:
        done = connection.execute(sa.text("SELECT action FROM audit ORDER BY seq")).scalars()
        assert list(done) == [*["task rule add"] * 2, "task rule move", "task rule remove"]


def test_rules_are_for_new_usage_until_they_are_applied(world: World) -> None:
    world.ask(SAVE)
    world.write([event(task=None, project="Atlas")])
    assert tasks(world) == {"coding": 2, "Email Writing": 1, "Uncategorised": 8}
    world.ask("tasks rule apply")
    assert "are being applied" in str(world.ask("tasks rule list"))
    apply_asked(world.engine, now=NOW)
    assert tasks(world) == {"Email Writing": 6, "coding": 2, "Uncategorised": 3}
    assert "5 events of 9 changed" in str(world.ask("tasks rule list"))


async def test_the_services_clock_applies_rules(world: World) -> None:
    world.ask(SAVE)
    world.ask("tasks rule apply")
    await Upkeep(world.engine, lambda: NOW, report=lambda _: None).decide()
    assert tasks(world)["Email Writing"] == 5
    assert apply_asked(world.engine, now=NOW) == {}


@pytest.mark.parametrize(
    ("line", "error", "said"),
    [
        ("tasks rule add -> Email", StorageError, "needs a condition"),
        ("tasks rule add project=crm", UserError, "needs task"),
        ("tasks rule add tokens_in=many -> Email", StorageError, '"many" is not a range'),
        ("tasks rule add colour=red -> Email", UserError, "no option 'colour'"),
        ("tasks rule remove zero", UserError, "'zero' is not a number"),
    ],
)
def test_a_mistake_is_quoted(world: World, line: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        world.ask(line)


def test_rules_are_for_admins(world: World) -> None:
    with world.context(role="member", may_change=True) as ctx:
        for line in (ADD, SAVE, "tasks rule remove 1", "tasks rule move 1 2", "tasks rule apply"):
            with pytest.raises(UserError, match="is for admins"):
                run(line, ctx)


def test_every_template_can_be_tried_as_it_stands(world: World) -> None:
    assert DEFAULT_TASKS == (
        "Email Writing & Communication",
        "Content Creation & Editing",
        "Data Analysis & Summarization",
        "Code Development & Review",
        "Complex Research Tasks",
        "Other",
    )
    shown = column(table_of(world.ask("tasks templates")), "conditions")
    assert len(shown) == len(usual_rules())
    for task, conditions in usual_rules():
        line = rule_line("add", conditions, task)
        assert parse(line).line == line
        assert "would become" in world.ask(line).headline
