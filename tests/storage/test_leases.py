"""A lease is held by one; it ends by itself, and its end is told by the database's clock."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa

from storage.engine import reading, writing
from storage.leases import Claim, acquire, database_clock, holder_of, release, renew
from tests.cast import NOW

LASTING = timedelta(seconds=10)
BEYOND = timedelta(seconds=21)  # twice the length, and one more


def take(engine: sa.Engine, holder: str, *, after: timedelta = timedelta()) -> Claim | None:
    with writing(engine) as connection:
        return acquire(connection, "gateway", holder=holder, lasting=LASTING, now=NOW + after)


def hold_on(engine: sa.Engine, claim: Claim, *, after: timedelta = timedelta()) -> bool:
    with writing(engine) as connection:
        return renew(connection, claim, now=NOW + after)


def holder(engine: sa.Engine, *, after: timedelta = timedelta()) -> str | None:
    with reading(engine) as connection:
        return holder_of(connection, "gateway", now=NOW + after)


def move_end(engine: sa.Engine, by: timedelta) -> None:
    """Move the end of every lease, as if the clock that decides had moved the other way."""
    with writing(engine) as connection:
        found = connection.execute(sa.text("SELECT until FROM lease")).scalar_one()
        if isinstance(found, str):
            words = sa.text("UPDATE lease SET until = datetime(until, :by) || '.000000'")
            connection.execute(words, {"by": f"{by.total_seconds():+} seconds"})
        else:
            connection.execute(sa.text("UPDATE lease SET until = until + :by"), {"by": by})


def test_one_holds_it_and_says_who(engine: sa.Engine) -> None:
    assert take(engine, "one")
    assert take(engine, "two") is None
    assert holder(engine) == "one"


def test_it_ends_by_itself(engine: sa.Engine) -> None:
    assert take(engine, "one")
    move_end(engine, -LASTING)
    assert holder(engine) is None
    assert take(engine, "two")
    assert holder(engine) == "two"


def test_who_lost_it_can_neither_renew_nor_release_it(engine: sa.Engine) -> None:
    first = take(engine, "one")
    assert first
    move_end(engine, -LASTING)
    assert take(engine, "two")
    with writing(engine) as connection:
        assert not renew(connection, first, now=NOW)
        assert not release(connection, first)
    assert holder(engine) == "two"


def test_renewed_it_lasts_from_then_on(engine: sa.Engine) -> None:
    claim = take(engine, "one")
    assert claim
    move_end(engine, -LASTING / 2)
    assert hold_on(engine, claim)
    move_end(engine, -LASTING / 2)
    assert take(engine, "two") is None


def test_released_it_is_there_at_once(engine: sa.Engine) -> None:
    claim = take(engine, "one")
    assert claim
    with writing(engine) as connection:
        assert release(connection, claim)
    assert take(engine, "two")


def test_an_end_that_no_claim_can_make_is_not_trusted(engine: sa.Engine) -> None:
    assert take(engine, "one")
    move_end(engine, BEYOND - LASTING)
    assert take(engine, "two")


def test_an_end_within_twice_its_length_is_trusted(engine: sa.Engine) -> None:
    assert take(engine, "one")
    move_end(engine, LASTING / 2)
    assert take(engine, "two") is None


def test_the_same_process_taking_it_twice_has_two_claims(engine: sa.Engine) -> None:
    first = take(engine, "one")
    move_end(engine, -LASTING)
    again = take(engine, "one")
    assert first
    assert again
    assert first.token != again.token
    assert not hold_on(engine, first)


def test_replicas_whose_clocks_differ_agree(postgres_engine: sa.Engine) -> None:
    assert take(postgres_engine, "one")
    assert take(postgres_engine, "two", after=timedelta(days=1)) is None
    assert take(postgres_engine, "three", after=-timedelta(days=1)) is None


def test_only_a_shared_database_has_a_clock_of_its_own(
    sqlite_engine: sa.Engine, postgres_engine: sa.Engine
) -> None:
    with reading(sqlite_engine) as connection:
        assert database_clock(connection) is None
    with reading(postgres_engine) as connection:
        told = database_clock(connection)
    assert told is not None
    assert told.utcoffset() == timedelta()


@contextmanager
def all_at_once(engine: sa.Engine, words: str, many: int) -> Iterator[None]:
    """Let every thread reach the statement before any of them runs it."""
    barrier = threading.Barrier(many)

    def wait(_: object, __: object, statement: str, *___: object) -> None:
        if words in statement:
            barrier.wait(10)

    sa.event.listen(engine, "before_cursor_execute", wait)
    try:
        yield
    finally:
        sa.event.remove(engine, "before_cursor_execute", wait)


@pytest.mark.parametrize("is_there", [False, True])
def test_of_many_at_once_one_gets_it(postgres_engine: sa.Engine, *, is_there: bool) -> None:
    if is_there:
        assert take(postgres_engine, "before")
        move_end(postgres_engine, -LASTING)
    with all_at_once(postgres_engine, "INSERT INTO lease", 5), ThreadPoolExecutor(5) as pool:
        claims = [one for one in pool.map(lambda n: take(postgres_engine, str(n)), range(5)) if one]
    assert len(claims) == 1
    assert hold_on(postgres_engine, claims[0])


def test_of_many_in_a_row_of_writers_one_gets_it(sqlite_engine: sa.Engine) -> None:
    # SQLite lets one writer in after the other, so a barrier inside a transaction would never open.
    with ThreadPoolExecutor(5) as pool:
        claims = [one for one in pool.map(lambda n: take(sqlite_engine, str(n)), range(20)) if one]
    assert len(claims) == 1
    assert hold_on(sqlite_engine, claims[0])


def test_one_that_ends_is_renewed_or_taken_but_never_both(engine: sa.Engine) -> None:
    for turn in range(10):
        claim = take(engine, "one")
        assert claim
        move_end(engine, -LASTING)
        with ThreadPoolExecutor(2) as pool:
            renewed, taken = pool.submit(hold_on, engine, claim), pool.submit(take, engine, "two")
        assert bool(renewed.result()) != bool(taken.result()), turn
        move_end(engine, -LASTING)
