"""A company that subscribes to digests, at a desk whose clock a test winds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from analytics.errors import UserError
from analytics.report import Actions, Note, Report
from bot.context import Identity, Place
from bot.desk import Desk
from storage.engine import reading, writing
from storage.labels import department_named, link_alias, person_of_alias, set_home_department
from storage.roles import set_role
from storage.subscriptions import Subscription, list_subscriptions
from storage.workspaces import bind_chat
from tests.analytics.world import World
from tests.cast import ALICE, NOW, event
from tests.databases import Filling

OPS, SALES = Place("C1", "ops"), Place("C2", "sales")
DIRECT = Place("D7", "", is_direct=True)
ADMIN, LEAD, MEMBER = (
    Identity("slack", "T1", name, name.title(), place=OPS) for name in ("UADMIN", "ULEAD", "UBOB")
)
WEEKLY = "digest subscribe weekly mon 09:00"


class Wound(Desk):
    """A desk whose clock a test winds."""

    moment = NOW

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__(engine, now=lambda: self.moment)


@pytest.fixture(scope="module")
def sqlite_template(filled: Filling) -> Path:
    """An admin, a lead who is at home in Platform, and a member, all in #ops of a team."""
    return filled(_company)


def _company(engine: sa.Engine) -> None:
    days = [NOW - timedelta(days=ago, minutes=5) for ago in range(1, 40)]
    people = (ALICE, "bob@example.com", "carol@example.com")
    World(engine).write(
        [event(person=one, ts=int(day.timestamp() * 1_000_000)) for day in days for one in people]
        + [event(department="Sales", person="dan@example.com")]
    )
    with writing(engine) as connection:
        bind_chat(connection, 1, platform="slack", external_id="T1", now=NOW)
        keys = {"platform": "slack", "external_id": "T1"}
        set_role(connection, 1, **keys, user_id="UADMIN", role="admin")
        set_role(connection, 1, **keys, user_id="ULEAD", role="lead")
        alice = person_of_alias(connection, 1, ALICE) or 0
        link_alias(connection, 1, LEAD.actor, alice)
        home = department_named(connection, 1, "Platform")
        set_home_department(connection, 1, alice, department_id=home)


@pytest.fixture
def desk(sqlite_engine: sa.Engine) -> Iterator[Wound]:
    """Where the company asks."""
    with closing(Wound(sqlite_engine)) as found:
        yield found


def kept(desk: Desk) -> list[Subscription]:
    with reading(desk.engine) as connection:
        return list_subscriptions(connection, 1)


def audited(desk: Desk) -> list[tuple[str, str, str]]:
    with reading(desk.engine) as connection:
        rows = connection.execute(sa.text("SELECT action, object, result FROM audit ORDER BY seq"))
        return [(str(row[0]), str(row[1]), str(row[2])) for row in rows]


def refuse(desk: Desk, line: str, who: Identity = ADMIN) -> str:
    """Both sentences of a refusal."""
    with pytest.raises(UserError) as caught:
        desk.report(line, who)
    assert caught.value.hint
    return str(caught.value)


def buttons(report: Report, verb: str = "do") -> list[str]:
    rows = [block for block in report.blocks if isinstance(block, Actions)]
    return [button.line for row in rows for button in row.buttons if button.verb == verb]


def notes(report: Report) -> str:
    return " ".join(block.text for block in report.blocks if isinstance(block, Note))
