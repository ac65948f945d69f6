"""A workspace is a closed world, and a chat team belongs to one of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
import sqlalchemy as sa

from storage.engine import reading, writing
from storage.errors import DatabaseBusy, StorageError
from storage.timekeys import to_micros
from storage.workspaces import (
    bind_chat,
    bound_workspace,
    create_workspace,
    find_workspace,
    list_workspaces,
    preference,
    release_chat,
    set_credit_unit,
    set_preference,
    set_state,
    state,
    workspace_by_id,
)
from tests.cast import NOW
from tests.databases import elsewhere, home


def test_a_new_workspace_is_found_by_name_without_case(engine: sa.Engine) -> None:
    created = elsewhere(engine)
    with reading(engine) as connection:
        assert find_workspace(connection, "  ELSEWHERE ") == created
        assert workspace_by_id(connection, created.id) == created
        assert [known.name for known in list_workspaces(connection)] == ["default", "Elsewhere"]


def test_without_a_name_the_default_one_is_meant(engine: sa.Engine) -> None:
    elsewhere(engine)
    with reading(engine) as connection:
        assert find_workspace(connection, None).name == "default"


def test_without_a_name_and_a_default_the_only_one_is_meant_or_nothing(
    sqlite_engine: sa.Engine,
) -> None:
    with writing(sqlite_engine) as connection:
        connection.execute(sa.text("UPDATE workspace SET name = 'Acme'"))
        assert find_workspace(connection, None).name == "Acme"
        create_workspace(connection, "Bolt", zone="UTC", now=NOW)
        with pytest.raises(StorageError, match=r'not clear which.*"Acme", "Bolt"'):
            find_workspace(connection, None)


def test_an_unknown_name_is_answered_with_the_known_ones(engine: sa.Engine) -> None:
    with (
        reading(engine) as connection,
        pytest.raises(StorageError, match=r'no workspace "acme".*Known are: "default"'),
    ):
        find_workspace(connection, "acme")


def test_an_unknown_number_is_a_sentence(engine: sa.Engine) -> None:
    with (
        reading(engine) as connection,
        pytest.raises(StorageError, match="no workspace number 7"),
    ):
        workspace_by_id(connection, 7)


def test_two_workspaces_made_at_once_never_share_a_number(postgres_engine: sa.Engine) -> None:
    with ThreadPoolExecutor() as pool:
        with writing(postgres_engine) as connection:
            create_workspace(connection, "Acme", zone="UTC", now=NOW)
            rival = pool.submit(elsewhere, postgres_engine)
            while not waits_for_us(connection):
                assert not rival.done()
        with pytest.raises(DatabaseBusy, match="try again"):
            rival.result()


def waits_for_us(connection: sa.Connection) -> bool:
    """Whether another session of this database waits for the end of this transaction."""
    connection.exec_driver_sql("SELECT pg_stat_clear_snapshot()")
    waiting = connection.exec_driver_sql(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return bool(waiting.scalar())


@pytest.mark.parametrize("name", ["default", " DEFAULT\n", "default\u200b"])
def test_a_name_is_given_once_however_it_is_written(sqlite_engine: sa.Engine, name: str) -> None:
    with (
        writing(sqlite_engine) as connection,
        pytest.raises(StorageError, match="already a workspace"),
    ):
        create_workspace(connection, name, zone="UTC", now=NOW)


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("../../etc/passwd", "Europe/Berlin"),
        ("Europe", "Europe/"),
        ("x" * 5000, "Europe/Berlin"),
        ("UTC\0", "UTC"),
    ],
)
def test_a_zone_that_does_not_exist_is_answered_with_near_ones(
    sqlite_engine: sa.Engine, typed: str, near: str
) -> None:
    with (
        writing(sqlite_engine) as connection,
        pytest.raises(StorageError, match="no time zone") as caught,
    ):
        create_workspace(connection, "Acme", zone=typed, now=NOW)
    assert near in caught.value.hint
    assert len(str(caught.value)) < 300


def test_the_clock_of_a_workspace_knows_its_days(engine: sa.Engine) -> None:
    late = to_micros(datetime.fromisoformat("2026-03-30T23:30:00-04:00"))
    there, here = elsewhere(engine).clock(), home(engine).clock()
    assert here.keys(late).day == there.keys(late).day + 1


def test_a_team_belongs_to_one_workspace_and_never_moves_silently(engine: sa.Engine) -> None:
    ours, theirs = home(engine), elsewhere(engine)
    with writing(engine) as connection:
        for _ in range(2):
            bind_chat(connection, ours.id, platform="slack", external_id="T1", now=NOW)
        with pytest.raises(StorageError, match='"T1" already belongs to "default"'):
            bind_chat(connection, theirs.id, platform="slack", external_id="T1", now=NOW)
        assert bound_workspace(connection, "slack", "T1") == ours.id
        assert bound_workspace(connection, "discord", "T1") is None


def test_a_released_team_can_be_bound_elsewhere(engine: sa.Engine) -> None:
    ours, theirs = home(engine), elsewhere(engine)
    with writing(engine) as connection:
        bind_chat(connection, ours.id, platform="slack", external_id="T1", now=NOW)
        assert not release_chat(connection, theirs.id, platform="slack", external_id="T1")
        assert release_chat(connection, ours.id, platform="slack", external_id="T1")
        bind_chat(connection, theirs.id, platform="slack", external_id="T1", now=NOW)
        assert bound_workspace(connection, "slack", "T1") == theirs.id


def test_the_credit_of_one_workspace_is_not_that_of_another(engine: sa.Engine) -> None:
    ours, theirs = home(engine), elsewhere(engine)
    with writing(engine) as connection:
        set_credit_unit(connection, ours.id, "ai_credit")
        assert workspace_by_id(connection, ours.id).credit_unit == "ai_credit"
        assert workspace_by_id(connection, theirs.id).credit_unit is None


def test_a_preference_holds_for_whom_it_was_made_until_it_is_made_again(
    engine: sa.Engine,
) -> None:
    ours, theirs = home(engine).id, elsewhere(engine).id
    with writing(engine) as connection:
        set_preference(connection, ours, "zone", "UTC")
        set_preference(connection, ours, "zone", "Asia/Tokyo", person_id=7)
        set_preference(connection, ours, "zone", "Europe/Paris")
        assert preference(connection, ours, "zone") == "Europe/Paris"
        assert preference(connection, ours, "zone", person_id=7) == "Asia/Tokyo"
        assert preference(connection, theirs, "zone") is None


def test_state_of_the_installation_is_not_that_of_a_workspace(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        set_state(connection, "commands", "abc")
        set_state(connection, "commands", "def")
        assert state(connection, "commands") == "def"
        assert state(connection, "commands", home(engine).id) is None


def test_a_state_is_no_longer_than_a_row_of_any_database(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        set_state(connection, "long", "x" * 2000)
        with pytest.raises(ValueError, match="2001"):
            set_state(connection, "long", "x" * 2001)
