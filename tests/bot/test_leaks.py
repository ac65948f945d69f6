"""One person behind walls, and nothing of her anywhere: every command, button and form.

**Zyxwv Secretname** is alone in her department, project and task.  No answer to anybody who may not
see her rows may name her, or say what she used to the credit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from analytics.report import Actions, Button, Report
from bot.alerts.routing import route
from bot.context import Identity, Place
from bot.desk import Desk
from bot.registry import COMMANDS, parse
from bot.render import csv, discord, json, pdf, slack, text
from storage.alerts import NewAlert, insert_alert
from storage.budgets import Period, Scope, set_budget
from storage.destinations import list_destinations
from storage.engine import reading, writing
from storage.events import UsageEvent
from storage.evidence import rebuild_evidence
from storage.labels import link_alias, person_of_alias, set_home_department
from storage.outbox import history
from storage.preferences import set_preference
from storage.roles import set_role
from storage.task_rules import add_rule
from storage.timekeys import day_number, to_micros
from storage.trials import start_trial
from storage.workspaces import bind_chat, create_workspace
from tests.alerted import crossing, happening
from tests.analytics.world import World
from tests.cast import NOW, ZONE, event
from tests.databases import Filling

BOB = Identity("slack", "T1", "UBOB")
NOBODY = Identity("slack", "T1", "UNOBODY")
LEAD = Identity("slack", "T1", "ULEAD")
ALICE = Identity("slack", "T1", "UALICE")
CHARLIE = Identity("slack", "T2", "UCHARLIE")
HER = "Zyxwv Secretname"
MICRO = 1_000_000
# What she used of each model; together 61,337.  An average of hers gives her away as well.
SPENT = {"gpt-4o": (41, 41_117), "claude-3-haiku": (37, 20_220)}
LONG_AGO = 3_771
HERS = re.compile(
    r"zyxwv|secretname|61[,.]?337|61\.3k|41[,.]?117|20[,.]?220|3[,.]?771"
    r"|1[,.]?002\.[89]|1002853659|546\.5|546486486",
    re.IGNORECASE,
)
NARROWED = ("department=Vault", "department=Crypt", 'project="Qq Alone"', 'task="Ww Alone"')
CHEAP = "claude-3-haiku"
PAIR = 'GPT-4o "Claude 3 Haiku"'


@pytest.fixture(scope="module")
def sqlite_template(filled: Filling) -> Path:
    """Alice is admin, Bob a member of Sales, a lead leads it, Charlie is admin elsewhere."""
    return filled(_company)


def _company(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        other = create_workspace(connection, "elsewhere", zone=ZONE, now=NOW)
        for workspace, team, admin in ((1, "T1", "UALICE"), (other.id, "T2", "UCHARLIE")):
            bind_chat(connection, workspace, platform="slack", external_id=team, now=NOW)
            account = {"platform": "slack", "external_id": team, "user_id": admin}
            set_role(connection, workspace, **account, role="admin")
        set_role(connection, 1, platform="slack", external_id="T1", user_id="ULEAD", role="lead")
        set_preference(connection, 1, "people_visibility", "admins")
    World(engine, "elsewhere").write([event(person="charlie@elsewhere.example")])
    world = World(engine)
    world.write([*_of_colleagues(), *_of_hers()])
    with writing(engine) as connection:
        _plans(connection, world)
        rebuild_evidence(connection, 1, world.workspace.clock(), day_number(NOW.date()))
        sales = world.labels.department_id("Sales")
        for who, name in ((BOB, "bob"), (LEAD, "carol")):
            person = person_of_alias(connection, 1, f"{name}@example.com")
            assert person is not None
            link_alias(connection, 1, who.actor, person_id=person)
            set_home_department(connection, 1, person, department_id=sales)


@pytest.fixture
def desk(sqlite_engine: sa.Engine) -> Iterator[Desk]:
    """Where they all ask."""
    with closing(Desk(sqlite_engine, now=lambda: NOW)) as desk:
        yield desk


def _of_colleagues() -> Iterator[UsageEvent]:
    """Four people on one task and three on another, whenever she works as well."""
    people = {"coding": ("bob", "carol", "dan", "erin"), "writing": ("bob", "carol", "dan")}
    for ago, (task, names), model in product((0, 1, 2, 9, 40, 75), people.items(), SPENT):
        for name, minutes in product(names, range(6, 18)):
            yield event(
                person=f"{name}@example.com",
                department="Sales",
                task=task,
                model=model,
                ts=to_micros(NOW - timedelta(days=ago, minutes=minutes)),
            )


def _of_hers() -> Iterator[UsageEvent]:
    alone = {"person": HER, "project": "Qq Alone", "task": "Ww Alone", "rating": 4}
    for model, (count, credits) in SPENT.items():
        for number in range(count):
            spent = credits * MICRO // count + (credits * MICRO % count if not number else 0)
            ago = timedelta(days=1 + (number % 3 == 0), minutes=6 + number % 12)
            when = to_micros(NOW - ago)
            yield event(**alone, department="Vault", model=model, credits=spent, ts=when)
    when = to_micros(NOW - timedelta(days=75, minutes=7))
    yield event(**alone, department="Crypt", credits=LONG_AGO * MICRO, ts=when)


def _plans(connection: sa.Connection, world: World) -> None:
    """Budgets, a rule, a trial and assumptions about her and what she is alone in."""
    labels = world.labels
    scopes: list[tuple[Scope, int]] = [
        ("workspace", 0),
        ("person", labels.person_id(HER)),
        ("project", labels.project_id("Qq Alone")),
        *(("department", labels.department_id(name)) for name in ("Vault", "Crypt")),
    ]
    periods: tuple[Period, ...] = ("monthly", "quarterly")
    for scope, target in scopes:
        for period in periods:
            amount = 90_000 * MICRO
            set_budget(
                connection, 1, scope=scope, target_id=target, period=period, amount=amount, now=NOW
            )
    task = labels.task_id("Ww Alone")
    conditions = {"person": ("zyxwv*",), "model": ("gpt*",)}
    add_rule(connection, 1, task_id=task, conditions=conditions, now=NOW)
    models = {"from_model": labels.model_id("gpt-4o"), "to_model": labels.model_id(CHEAP)}
    sizes = {"slice_pct": 10, "margin_pct": 3, "planned": 100}
    start_trial(connection, 1, task_id=task, **models, **sizes, started_by="x", now=NOW)
    for new in _alerts(world):
        insert_alert(connection, new)
    for name, value in (("price", "40000000 USD"), ("rate", "60000000000 USD"), ("minutes", "240")):
        set_preference(connection, 1, f"roi_{name}", value)


def _alerts(world: World) -> Iterator[NewAlert]:
    """What is alerted about her, what she is alone in, and a day that she carries."""
    labels, hers = world.labels, {"used": 61_337 * MICRO, "limit": 90_000 * MICRO}
    scopes = [
        ("workspace", 0),
        ("person", labels.person_id(HER)),
        ("project", labels.project_id("Qq Alone")),
        *(("department", labels.department_id(name)) for name in ("Vault", "Crypt", "Sales")),
    ]
    for scope, target in scopes:
        about: dict[str, Any] = {"scope": scope, "target_id": target}
        about["subject"] = f"budget:{scope}{target}"
        facts = hers if scope != "workspace" and target != labels.department_id("Sales") else {}
        yield crossing(**about, facts=facts, dedupe_key=f"a|{scope}{target}", fired_at=NOW)
    spent = [61_337 * MICRO, 0]
    parts = {
        "person": [labels.person_id(HER), *spent],
        "project": [labels.project_id("Qq Alone"), *spent],
    }
    day = {"day": "2026-03-29", "total": 70_000 * MICRO, "mean": 9.0, "usual": 9.0}
    yield happening("anomaly", {**day, "z": 9.0, "excess": 1.0, "parts": parts})
    pair = (labels.task_id("Ww Alone"), labels.model_id("gpt-4o"), labels.model_id(CHEAP))
    advice = dict(zip(("task", "from", "to"), pair, strict=True))
    names = ["Ww Alone", "GPT-4o", "Claude 3 Haiku"]
    yield happening("advice", {**advice, "names": names, "words": "Zyxwv Secretname tries it."})


ALERTS = range(1, 9)


def lines() -> Iterator[str]:
    """Every command as its example has it, over several ranges, narrowed to her groups."""
    for command in COMMANDS.values():
        yield command.example
        ranged = command.param("range") is not None
        for words in ("last 30d", "yesterday", "q1 2026") if ranged else ():
            yield f"{command.name} {words}"
        for narrowed in NARROWED:
            if command.param(narrowed.partition("=")[0]) is not None:
                yield f"{command.name} {'last week ' if ranged else ''}{narrowed}"
    for split in ("person", "model", "day", "hour", "week", "month"):
        yield from (f"{name} last 30d by {split}" for name in ("performance", "timeline", "trends"))
    for task in ('"Ww Alone"', "coding"):
        yield f"recommend {task}"
        for name in ("recommend why", "trial plan", "recommend decline"):
            yield f"{name} {task} {PAIR}"
    yield from (f"digest {days}" for days in ("daily 2026-03-28", "weekly 2026-03-28"))
    for number in ALERTS:
        for words in ("show {}", "show {} part=resolved", "raise {}", "ack {}", "snooze {} 1h"):
            yield f"alerts {words.format(number)}"
        yield f"alerts show {number} from=1 at=2026-03-30T14:00+02:00"
    yield from ("digest monthly 2026-01", "report 2026-01", "dashboard 2026-01", f"compare {PAIR}")


def buttons_of(report: Report) -> Iterator[Button]:
    """Every button of an answer."""
    for block in report.blocks:
        if isinstance(block, Actions):
            yield from block.buttons


def asked(desk: Desk, who: Identity) -> Mapping[str, Report]:
    """Every answer to somebody, also to the buttons under it and to those that admins see."""
    first = {line: desk.answer(line, who) for line in dict.fromkeys(lines())}
    seen = [desk.answer(command.example, ALICE) for command in COMMANDS.values()]
    offered = (button.line for report in (*first.values(), *seen) for button in buttons_of(report))
    return first | {line: desk.answer(line, who) for line in set(offered) - set(first)}


def surfaces(report: Report) -> Iterator[str]:
    """An answer as every surface shows it."""
    values = {button: button.line for button in buttons_of(report)}
    yield repr(report)
    yield text.render(report)
    yield json.render(report)
    yield csv.render(report).decode()
    yield repr(pdf.one_page(report))
    yield repr(slack.message(report, image=None, values=values))
    yield repr(discord.message(report, image=False, values=values))


@pytest.mark.parametrize(
    "who", [BOB, NOBODY, LEAD, CHARLIE], ids=["member", "unlinked", "lead", "elsewhere"]
)
def test_no_answer_says_anything_of_her(desk: Desk, who: Identity) -> None:
    leaks = {
        line: found
        for line, report in asked(desk, who).items()
        if (found := said_of_her(line, report))
    }
    assert leaks == {}


def test_no_channel_is_told_of_her(desk: Desk) -> None:
    shared = {line: desk.shared(line, ALICE, channel="C1") for line in lines()}
    assert any(report.line for report in shared.values())
    assert [line for line, report in shared.items() if said_of_her(line, report)] == []


def test_no_alert_tells_a_channel_of_her(desk: Desk) -> None:
    desk.answer("alerts here", replace(ALICE, place=Place("C1", "ops")))
    route(desk.engine, NOW)
    with reading(desk.engine) as connection:
        known = list_destinations(connection, 1)
        told = {(row.alert_id, known[row.destination_id].name) for row in history(connection, 1)}
    admins = {number for number, name in told if name == ALICE.actor}
    # The workspace's and Sales's budgets and the day, without who carries it; else admins alone.
    assert {number for number, name in told if name == "ops"} == {1, 6, 7}
    assert admins == {2, 3, 4, 5, 8}
    for number in (1, 6, 7):
        assert said_of_her("", desk.shared(f"alerts show {number}", ALICE, channel="C1")) == []


def test_no_briefing_and_no_completion_names_her(desk: Desk) -> None:
    draft = desk.draft("report", "pdf", BOB)
    assert not isinstance(draft, Report)
    assert not HERS.search(repr(draft))
    for command, typed in product(COMMANDS.values(), ("", "zyx")):
        for param in command.params:
            offered = desk.completions(command.name, param.name, typed, BOB)
            assert not HERS.search(repr(offered)), (command.name, param.name)


def test_usual_filters_with_few_people_are_asked_past(desk: Desk) -> None:
    with writing(desk.engine) as connection:
        set_preference(connection, 1, "filters", "department=Vault")
    report = desk.answer("by-model last 30d", BOB)
    assert "Ask for a longer range, or with `department=all`." in repr(report)
    assert desk.answer("by-model last 30d department=all", BOB).line


def said_of_her(line: str, report: Report) -> list[str]:
    """What an answer gives away; a line that names her may be quoted, and nothing more."""
    if HERS.search(line):
        return ["answered"] if report.line else []
    return sorted({one.group() for shown in surfaces(report) for one in HERS.finditer(shown)})


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("tasks last 30d", "coding"),
        ("efficiency last 30d", "coding"),
        ("roi last 30d", "coding"),
        ("budget department=Sales", "Sales"),
        (f"recommend why coding {PAIR}", "coding"),
        ("tasks rule list", "person is hidden, model is gpt*"),
    ],
)
def test_what_hides_its_people_is_told(desk: Desk, line: str, told: str) -> None:
    report = desk.answer(line, BOB)
    assert report.line
    assert told in repr(report)
    assert "Ww Alone" not in repr(report) or line == "tasks rule list"


def test_only_buttons_that_do_change_something(desk: Desk) -> None:
    helped = [f"help {command.name}" for command in COMMANDS.values()]
    for line in (*helped, *lines()):
        for button in buttons_of(desk.answer(line, ALICE)):
            assert (button.verb == "do") == parse(button.line).command.changes, (line, button)


def test_every_file_that_names_her_is_in_the_audit(desk: Desk) -> None:
    named = ("budget", "overview", "trends last 30d", "by-user last 30d", "dashboard", "report")
    for line in (*named, "tasks last 30d"):
        assert not isinstance(desk.draft(line, "json", ALICE), Report)
    with reading(desk.engine) as connection:
        told = connection.execute(sa.text("SELECT \"after\" FROM audit WHERE action = 'export'"))
        assert told.scalars().all() == [*named]
