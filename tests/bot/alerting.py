"""A company that is alerted: an admin, a lead, a member and a stranger at one desk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from analytics.report import Actions, Button, Note, Report
from bot.context import Identity, Place
from bot.desk import Desk
from storage.engine import reading, writing
from storage.labels import link_alias, set_home_department
from storage.roles import set_role
from storage.timekeys import to_micros
from storage.workspaces import bind_chat, create_workspace
from tests.alerted import crossing, fire
from tests.analytics.spending import march
from tests.analytics.world import World
from tests.cast import ALICE, NOW, ZONE, event
from tests.databases import Filling

EVENING = NOW.replace(day=24, hour=18, minute=0)
HOUR = timedelta(hours=1)
OPS = Place("C1", "ops")
ADMIN = Identity("slack", "T1", "UADMIN", place=OPS)
LEAD = Identity("slack", "T1", "ULEAD", place=OPS)
BOB = Identity("slack", "T1", "UBOB", place=OPS)
CHARLIE = Identity("slack", "T2", "UCHARLIE", place=OPS)


class Clock:
    def __init__(self) -> None:
        self.now = EVENING


@pytest.fixture
def clock() -> Clock:
    """A clock to turn."""
    return Clock()


@pytest.fixture(scope="module")
def sqlite_template(filled: Filling) -> Path:
    """An admin, a lead of Platform, Bob of Sales; Charlie is admin of another workspace."""
    return filled(_company)


def _company(engine: sa.Engine) -> None:
    world = World(engine)
    march(world)
    yesterday = to_micros(EVENING - timedelta(days=1))
    bob = {"person": "bob@example.com", "department": "Sales", "project": "Pipe"}
    world.write([event(ts=yesterday, **bob)])
    people = {one: world.labels.person_id(one) for one in (ALICE, "bob@example.com")}
    departments = {name: world.labels.department_id(name) for name in ("Platform", "Sales")}
    with writing(engine) as connection:
        other = create_workspace(connection, "elsewhere", zone=ZONE, now=NOW)
        for number, team, who, role in (
            (1, "T1", "UADMIN", "admin"),
            (1, "T1", "ULEAD", "lead"),
            (other.id, "T2", "UCHARLIE", "admin"),
        ):
            bind_chat(connection, number, platform="slack", external_id=team, now=NOW)
            account = {"platform": "slack", "external_id": team, "user_id": who}
            set_role(connection, number, **account, role="admin" if role == "admin" else "lead")
        for identity, person, home in (
            (LEAD, ALICE, "Platform"),
            (BOB, "bob@example.com", "Sales"),
        ):
            link_alias(connection, 1, identity.actor, person_id=people[person])
            set_home_department(connection, 1, people[person], department_id=departments[home])


@pytest.fixture
def desk(sqlite_engine: sa.Engine, clock: Clock) -> Iterator[Desk]:
    """Where the company asks."""
    with closing(Desk(sqlite_engine, now=lambda: clock.now)) as desk:
        yield desk


def alert(desk: Desk, percent: int = 75, scope: str = "workspace", target: int = 0) -> int:
    new = crossing(
        percent,
        dedupe_key=f"a|{scope}|{target}|{percent}",
        subject=f"budget:{scope}{target}",
        scope=scope,
        target_id=target,
        fired_at=EVENING,
    )
    return fire(desk.engine, new)


def audited(desk: Desk) -> list[tuple[str, str, str]]:
    with reading(desk.engine) as connection:
        rows = connection.execute(sa.text("SELECT action, object, result FROM audit ORDER BY seq"))
        return [tuple(row) for row in rows]


def buttons_of(report: Report) -> list[Button]:
    rows = (block for block in report.blocks if isinstance(block, Actions))
    return [button for row in rows for button in row.buttons]


def words(report: Report) -> str:
    """What a report says below its table."""
    return " ".join(
        block.text for block in report.blocks if isinstance(block, Note) and block.role == "context"
    )


def set_admin(desk: Desk) -> None:
    with writing(desk.engine) as connection:
        who = {"platform": "slack", "external_id": "T1", "user_id": "UADMIN"}
        set_role(connection, 1, **who, role="admin")
