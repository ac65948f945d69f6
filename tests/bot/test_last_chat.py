"""By which identity a person asks is remembered when it changes, and costs nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from bot.context import LAST_CHAT, Identity
from bot.desk import Desk
from storage.engine import reading, writing
from storage.labels import link_alias
from storage.preferences import preference
from storage.workspaces import bind_chat
from tests.analytics.spending import march
from tests.analytics.world import World
from tests.cast import ALICE, NOW

SLACK = Identity("slack", "T1", "UALICE")
DISCORD = Identity("discord", "G1", "77")
STRANGER = Identity("slack", "T1", "UNOBODY")


@pytest.fixture
def desk(sqlite_engine: sa.Engine) -> Iterator[Desk]:
    """Alice talks to us in Slack and in Discord."""
    world = World(sqlite_engine)
    march(world)
    alice = world.labels.person_id(ALICE)
    with writing(sqlite_engine) as connection:
        for identity in (SLACK, DISCORD):
            where = {"platform": identity.platform, "external_id": identity.external_id}
            bind_chat(connection, 1, **where, now=NOW)
            link_alias(connection, 1, identity.actor, person_id=alice)
    found = Desk(sqlite_engine, now=lambda: NOW)
    yield found
    found.close()


def is_kept(desk: Desk, identity: Identity) -> bool:
    """Whether an identity is the last before long: a thread of the desk keeps it."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and last(desk) != identity.actor:
        time.sleep(0.01)
    return last(desk) == identity.actor


def last(desk: Desk) -> str | None:
    """What is kept."""
    with reading(desk.engine) as connection:
        return preference(connection, 1, LAST_CHAT, person_id=1)


@pytest.mark.parametrize("line", ["by-model", "preferences set theme=dark"])
def test_the_identity_that_asked_last_is_kept(desk: Desk, line: str) -> None:
    for identity in (SLACK, DISCORD, SLACK):
        desk.answer(line, identity)
        assert is_kept(desk, identity)


def test_who_is_nobody_here_and_who_sits_at_the_terminal_leave_nothing(desk: Desk) -> None:
    desk.answer("by-model", STRANGER)
    desk.answer("by-model", Identity("terminal", "", ALICE))
    desk.close()
    assert last(desk) is None


def test_asking_again_by_the_same_writes_nothing(desk: Desk) -> None:
    desk.answer("preferences set theme=dark", SLACK)
    writes: list[str] = []

    @sa.event.listens_for(desk.engine, "before_cursor_execute")
    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.lstrip().startswith(("INSERT", "UPDATE")):
            writes.append(statement)

    desk.answer("by-model", SLACK)
    desk.close()
    assert writes == []
