"""Migrations build exactly the models' schema, from empty and from each released version.

One of the tests that matter most: a difference here is found when history is already written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

from storage.engine import open_engine, reading, writing
from storage.errors import DatabaseUnusable, SchemaOutdated, StorageError
from storage.migrate import (
    HEAD,
    Upgrade,
    configuration,
    is_current,
    require_current,
    require_tables,
    upgrade,
)
from storage.records import EVENT
from storage.rollups import BY_NAME
from storage.subscriptions import list_subscriptions
from storage.workspaces import create_workspace, list_workspaces
from tests.cast import NOW, ZONE
from tests.databases import Postgres

FIRST = "0001_first_light"
UNASKED = "0003_unasked"
DIGEST = {
    "workspace_id": 1,
    "destination_id": 1,
    "line": "digest daily",
    "schedule": "daily 09:00",
    "zone": ZONE,
    "next_first_day": 20_500,
    "catchup": "latest",
    "attach": "",
    "skip_empty": False,
    "skip_next": False,
    "is_paused": False,
    "created_by": "slack:T1:UALICE",
    "created_at": "2026-03-01 00:00:00+00:00",
    "rev": 1,
    "fail_streak": 0,
}


def picture(engine: sa.Engine) -> dict[str, Any]:
    """Everything the database itself says about its tables, in an order of our own."""
    inspector = sa.inspect(engine)

    def told(found: list[Any]) -> list[str]:
        return sorted(repr(sorted(one.items(), key=repr)) for one in found)

    return {
        table: {
            "columns": [repr(column) for column in map(_plain, inspector.get_columns(table))],
            "key": inspector.get_pk_constraint(table),
            "unique": told(inspector.get_unique_constraints(table)),
            "checks": told(inspector.get_check_constraints(table)),
            "indexes": told([_index(index) for index in inspector.get_indexes(table)]),
            "options": inspector.get_table_options(table),
        }
        for table in sorted(inspector.get_table_names())
        if table != "alembic_version"
    }


def _plain(column: Any) -> dict[str, str]:  # noqa: ANN401  # SQLAlchemy's reflected column
    return {name: repr(value) for name, value in sorted(column.items())}


def _index(index: Any) -> dict[str, Any]:  # noqa: ANN401  # SQLAlchemy's reflected index
    options = index.get("dialect_options", {})
    return {**index, "dialect_options": {name: str(value) for name, value in options.items()}}


def _walk_to(engine: sa.Engine, step: str) -> None:
    """The database as an earlier release left it."""
    from alembic import command

    with writing(engine) as connection:
        command.upgrade(configuration(connection), step)


def test_the_steps_build_what_the_models_say(empty_engine: sa.Engine) -> None:
    SQLModel.metadata.create_all(empty_engine)
    declared = picture(empty_engine)
    SQLModel.metadata.drop_all(empty_engine)
    upgrade(empty_engine, zone=ZONE, now=NOW)
    assert picture(empty_engine) == declared


def test_a_first_release_becomes_the_same_and_knows_how_fast_its_models_were(
    empty_engine: sa.Engine,
) -> None:
    SQLModel.metadata.create_all(empty_engine)
    declared = picture(empty_engine)
    SQLModel.metadata.drop_all(empty_engine)
    _walk_to(empty_engine, FIRST)
    with writing(empty_engine) as connection:
        _put_first_tokens(connection)
    done = upgrade(empty_engine, zone=ZONE, now=NOW)
    assert (done.before, done.after) == (FIRST, HEAD)
    if empty_engine.dialect.name == "sqlite":
        assert done.backup is not None
        assert "-before-0001_first_light-" in done.backup.name
    assert picture(empty_engine) == declared
    with reading(empty_engine) as connection:
        speeds = connection.execute(sa.text("SELECT * FROM speed_day ORDER BY model_id")).all()
    assert [tuple(row) for row in speeds] == [
        (1, 20_500, 7, 900, 2, 600, 50),
        (1, 20_500, 8, 5, 1, 0, 0),
    ]


def test_months_and_totals_of_a_first_release_are_summed_from_its_days(
    empty_engine: sa.Engine,
) -> None:
    _walk_to(empty_engine, FIRST)
    last_of_january, first_of_february = 20_484, 20_485
    with writing(empty_engine) as connection:
        for day, bin_, count in (
            (20_454, 3, 2),
            (last_of_january, 3, 5),
            (first_of_february, 3, 1),
        ):
            key = {"workspace_id": 1, "day": day, "model_id": 7}
            _put(connection, "lat_model_day", {**key, "bin": bin_, "lat_n": count})
            label = {"workspace_id": 1, "day": day, "project_id": 4}
            for model in (7, 8):
                sums = {"events": count, "prompts": 1, "credits": model}
                _put(connection, "usage_project_day", {**label, "model_id": model, **sums})
        for day, nano in ((20_454, 9), (last_of_january, -9), (first_of_february, 4)):  # a refund
            cost = {"workspace_id": 1, "day": day, "model_id": 7, "currency": "USD"}
            _put(connection, "cost_day", {**cost, "cost_nano": nano, "cost_n": 0})
        for model in (7, 8):
            hour = {"workspace_id": 1, "bucket": 9, "model_id": model, "events": 1}
            _put(connection, "usage_hour", {**hour, "lat_sum": 100 * model, "lat_n": 1})
        _put(connection, "usage_hour_total", {"workspace_id": 1, "bucket": 9, "events": 2})
    upgrade(empty_engine, zone=ZONE, now=NOW)
    with reading(empty_engine) as connection:
        found = {
            name: [tuple(row) for row in connection.execute(sa.text(f"SELECT * FROM {name}"))]  # noqa: S608  # our names
            for name in ("lat_model_month", "cost_month", "usage_hour_total")
        }
        totals = sa.text("SELECT day, events, prompts, credits FROM usage_project_day_total")
        days = sorted(tuple(row) for row in connection.execute(totals))
    assert sorted(found["lat_model_month"]) == [(1, 24_312, 7, 3, 7), (1, 24_313, 7, 3, 1)]
    assert found["cost_month"] == [(1, 24_313, 7, "USD", 4, 0)]
    assert found["usage_hour_total"] == [(1, 9, 2, 0, 0, 1500, 2)]
    assert days[0] == (20_454, 4, 2, 15)  # both models together


def _put(connection: sa.Connection, table: str, row: Mapping[str, object]) -> None:
    """A row of an earlier release; what is not given is 0."""
    names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
    connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), row)  # noqa: S608  # our names


def _put_first_tokens(connection: sa.Connection) -> None:
    """Events in the tables of the first release: (id, model, prompts, tokens, latency, ttft)."""
    given = [
        ("a", 7, 1, 50, 1000, 400),
        ("b", 7, 1, 0, 1000, 500),
        ("c", 8, 1, 50, None, 5),
        ("d", 8, 3, 50, None, 5),
        ("e", 9, 1, 50, 1000, None),
    ]
    zeros = {column.name: 0 for column in EVENT.columns}
    for name, model, prompts, tokens, latency, ttft in given:
        row = {"event_id": name, "model_id": model, "prompts": prompts, "tokens_out": tokens}
        row |= {"workspace_id": 1, "source_id": 1, "day": 20_500, "latency_ms": latency}
        connection.execute(sa.insert(EVENT).values({**zeros, **row}))
        connection.execute(
            sa.text(
                "INSERT INTO usage_detail (workspace_id, source_id, event_id, ttft_ms, revision)"
                " VALUES (1, 1, :name, :ttft, 0)"
            ),
            {"name": name, "ttft": ttft},
        )


def test_alembic_finds_nothing_to_change(engine: sa.Engine) -> None:
    with reading(engine) as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, SQLModel.metadata) == []


def test_sqlite_text_keys_are_kept_in_the_tables_that_rollups_are(
    sqlite_engine: sa.Engine,
) -> None:
    with reading(sqlite_engine) as connection:
        built = connection.execute(sa.text("SELECT name, sql FROM sqlite_master")).all()
    compact = {name for name, sql in built if sql and sql.rstrip().endswith("WITHOUT ROWID")}
    assert compact == {*BY_NAME, "usage_source_day"}


def test_the_newest_step_is_the_one_the_program_asks_for(sqlite_engine: sa.Engine) -> None:
    with reading(sqlite_engine) as connection:
        steps = ScriptDirectory.from_config(configuration(connection))
    assert steps.get_heads() == [HEAD]


def test_a_new_database_has_the_default_workspace_and_a_second_walk_changes_nothing(
    empty_engine: sa.Engine,
) -> None:
    assert upgrade(empty_engine, zone=ZONE, now=NOW) == Upgrade(None, HEAD, None)
    assert upgrade(empty_engine, zone="UTC", now=NOW) == Upgrade(HEAD, HEAD, None)
    with reading(empty_engine) as connection:
        assert [(known.name, known.zone) for known in list_workspaces(connection)] == [
            ("default", ZONE)
        ]


def test_a_walk_that_fails_leaves_nothing_behind(empty_engine: sa.Engine) -> None:
    with pytest.raises(StorageError, match=r'no time zone "Europe/Brlin".*Europe/Berlin'):
        upgrade(empty_engine, zone="Europe/Brlin", now=NOW)
    assert sa.inspect(empty_engine).get_table_names() == []


def test_an_empty_database_is_not_current_and_says_what_to_type(empty_engine: sa.Engine) -> None:
    assert not is_current(empty_engine)
    with pytest.raises(SchemaOutdated, match="Run `creditbot migrate`"):
        require_current(empty_engine)


def test_a_migrated_database_is_current(engine: sa.Engine) -> None:
    require_current(engine)
    assert is_current(engine)


def test_a_database_of_a_newer_program_is_refused_and_not_touched(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999_later'"))
    with pytest.raises(SchemaOutdated, match=r'"9999_later".*newer'):
        upgrade(engine, zone=ZONE, now=NOW)


def test_a_running_program_goes_on_where_a_newer_one_has_added_tables(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999_later'"))
    assert require_tables(engine) == "9999_later"
    with pytest.raises(SchemaOutdated, match=r'"9999_later".*newer'):  # but none starts there
        require_current(engine)


def test_digests_of_the_release_before_stay_and_its_processes_make_more(
    empty_engine: sa.Engine,
) -> None:
    _walk_to(empty_engine, UNASKED)
    with writing(empty_engine) as connection:
        create_workspace(connection, "default", zone=ZONE, now=NOW)
        _put(connection, "subscription", {**DIGEST, "id": 1})
    assert upgrade(empty_engine, zone=ZONE, now=NOW).before == UNASKED
    with writing(empty_engine) as connection:
        _put(connection, "subscription", {**DIGEST, "id": 2})  # it knows nothing of the columns
        kept = list_subscriptions(connection, 1)
    assert [(one.id, one.line, one.quiet) for one in kept] == [
        (1, "digest daily", None),
        (2, "digest daily", None),
    ]


def test_a_database_of_another_program_is_refused_and_not_touched(empty_engine: sa.Engine) -> None:
    with writing(empty_engine) as connection:
        connection.execute(sa.text("CREATE TABLE person (shoe_size INTEGER)"))
    with pytest.raises(DatabaseUnusable, match='table "person" that is not creditbot'):
        upgrade(empty_engine, zone=ZONE, now=NOW)
    assert sa.inspect(empty_engine).get_table_names() == ["person"]


def test_a_sqlite_file_with_tables_is_copied_before_it_is_changed(tmp_path: Path) -> None:
    file = tmp_path / "it's 100% mine.db"
    engine = open_engine(f"sqlite:///{file}")
    with writing(engine) as connection:
        connection.execute(sa.text("CREATE TABLE shoes AS SELECT 46 AS size"))
    done = upgrade(engine, zone=ZONE, now=NOW)
    engine.dispose()
    assert done.backup == tmp_path / "it's 100% mine-before-creditbot-20260330T120500Z.db"
    with closing(sqlite3.connect(done.backup)) as copy:
        assert copy.execute("SELECT name FROM sqlite_master").fetchall() == [("shoes",)]
        assert copy.execute("SELECT size FROM shoes").fetchall() == [(46,)]


def test_without_a_copy_nothing_is_changed(tmp_path: Path) -> None:
    with closing(
        sqlite3.connect(tmp_path / "creditbot-before-creditbot-20260330T120500Z.db")
    ) as db:
        db.execute("CREATE TABLE earlier (copy TEXT)")
    engine = open_engine(f"sqlite:///{tmp_path / 'creditbot.db'}")
    with writing(engine) as connection:
        connection.execute(sa.text("CREATE TABLE shoes (size INTEGER)"))
    with pytest.raises(DatabaseUnusable, match="Nothing was changed"):
        upgrade(engine, zone=ZONE, now=NOW)
    assert sa.inspect(engine).get_table_names() == ["shoes"]


def test_a_new_sqlite_file_can_give_back_space(sqlite_engine: sa.Engine) -> None:
    with reading(sqlite_engine) as connection:
        incremental = 2
        assert connection.exec_driver_sql("PRAGMA auto_vacuum").scalar() == incremental


def test_a_missing_folder_is_a_sentence(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'nowhere' / 'creditbot.db'}")
    with pytest.raises(DatabaseUnusable, match="Check that the folder exists"):
        upgrade(engine, zone=ZONE, now=NOW)


def test_two_programs_that_migrate_at_once_build_one_database(postgres: Postgres) -> None:
    with postgres.database("template0") as engine, ThreadPoolExecutor() as pool:
        walks = [pool.submit(upgrade, engine, zone=ZONE, now=NOW) for _ in range(3)]
        assert {walk.result().after for walk in walks} == {HEAD}
        with reading(engine) as connection:
            assert len(list_workspaces(connection)) == 1
