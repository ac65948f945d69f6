"""Audit rows form a chain that shows where somebody reached in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from storage.audit import broken_link, record
from storage.engine import reading, writing
from tests.cast import NOW
from tests.databases import elsewhere, home


def write(engine: sa.Engine, workspace_id: int, *, number: int = 0) -> None:
    with writing(engine) as connection:
        record(
            connection,
            workspace_id,
            at=NOW + timedelta(microseconds=number),
            actor="slack:T1:U1",
            role="admin",
            action="budget.set",
            object="budget:1",
            before=None,
            after=f'{{"limit": {number}}} – "é"',
        )


@pytest.fixture
def chain(engine: sa.Engine) -> int:
    """The workspace that got five audit rows."""
    for number in range(5):
        write(engine, home(engine).id, number=number)
    return home(engine).id


def broken(engine: sa.Engine, workspace_id: int) -> int | None:
    with reading(engine) as connection:
        return broken_link(connection, workspace_id)


def tamper(engine: sa.Engine, statement: str) -> None:
    with writing(engine) as connection:
        if engine.dialect.name == "sqlite":
            for trigger in ("audit_no_update", "audit_no_delete"):
                connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        connection.exec_driver_sql(statement)


def test_an_untouched_chain_holds_and_an_empty_one_too(engine: sa.Engine, chain: int) -> None:
    assert broken(engine, chain) is None
    assert broken(engine, elsewhere(engine).id) is None


@pytest.mark.parametrize(
    ("statement", "row"),
    [
        ("UPDATE audit SET after = '{\"limit\": 9}' WHERE seq = 3", 3),
        ("UPDATE audit SET actor = 'slack:T1:U2' WHERE seq = 5", 5),
        ("UPDATE audit SET at = '2026-03-30 12:05:01' WHERE seq = 1", 1),
        ("UPDATE audit SET hash = 'f00' WHERE seq = 2", 2),
        ("DELETE FROM audit WHERE seq = 1", 2),
        ("DELETE FROM audit WHERE seq = 3", 4),
        ("UPDATE audit SET seq = seq + 10 WHERE seq >= 4", 14),
        ("UPDATE audit SET workspace_id = 9 WHERE seq = 2", 3),
    ],
)
def test_a_changed_or_missing_row_breaks_the_chain_where_it_was(
    engine: sa.Engine, chain: int, statement: str, row: int
) -> None:
    tamper(engine, statement)
    assert broken(engine, chain) == row


@pytest.mark.parametrize("statement", ["UPDATE audit SET role = 'x'", "DELETE FROM audit"])
def test_sqlite_itself_refuses_to_touch_a_row(sqlite_engine: sa.Engine, statement: str) -> None:
    write(sqlite_engine, 1)
    with (
        pytest.raises(DatabaseError, match="append-only"),
        writing(sqlite_engine) as connection,
    ):
        connection.exec_driver_sql(statement)


def test_writers_at_once_make_one_chain(engine: sa.Engine) -> None:
    workspace_id = home(engine).id
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(write, engine, workspace_id, number=n) for n in range(12)]:
            done.result()
    with reading(engine) as connection:
        assert connection.exec_driver_sql("SELECT max(seq) FROM audit").scalar() == 12
    assert broken(engine, workspace_id) is None


def test_each_workspace_has_its_own_chain(engine: sa.Engine, chain: int) -> None:
    theirs = elsewhere(engine).id
    write(engine, theirs)
    tamper(engine, "UPDATE audit SET role = 'owner' WHERE workspace_id = 2")
    assert broken(engine, chain) is None
    assert broken(engine, theirs) == 1


def test_a_row_that_was_rolled_back_leaves_no_gap(engine: sa.Engine, chain: int) -> None:
    with engine.connect() as connection:
        record(connection, chain, at=NOW, actor="a", role="admin", action="b", object="c")
        connection.rollback()
    write(engine, chain)
    assert broken(engine, chain) is None


def test_hostile_and_long_values_are_kept_short_and_the_chain_holds(engine: sa.Engine) -> None:
    nasty = "\0\ud800\u202e" + "é" * 5000
    with writing(engine) as connection:
        record(
            connection,
            1,
            at=NOW,
            actor=nasty,
            role="member",
            action="role.set",
            object=nasty,
            before="",
            after=nasty,
            result="refused",
        )
        assert connection.exec_driver_sql("SELECT length(after) FROM audit").scalar() == 500
    assert broken(engine, 1) is None
