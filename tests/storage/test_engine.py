"""What is said of a database that fails, and that names of people are never read as its words."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from storage.engine import reading, writing
from storage.errors import DatabaseBusy, TooSlow


def test_a_name_that_reads_like_a_failure_of_the_database_is_none(engine: sa.Engine) -> None:
    task = {"w": 1, "i": 1, "name": "fix malformed invoices: database is locked"}
    statement = sa.text("INSERT INTO task VALUES (:w, :i, :name, :name)")
    with pytest.raises(IntegrityError) as failure, writing(engine) as connection:
        connection.execute(statement, [task, task])
    assert "SQL parameters hidden" in str(failure.value)


def test_a_database_that_stays_locked_is_busy(sqlite_engine: sa.Engine) -> None:
    with writing(sqlite_engine), pytest.raises(DatabaseBusy):
        _delete_without_waiting(sqlite_engine)


def _delete_without_waiting(engine: sa.Engine) -> None:
    with reading(engine) as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=0")
        connection.execute(sa.text("DELETE FROM task"))


def test_a_question_that_takes_too_long_is_stopped(engine: sa.Engine) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    with pytest.raises(TooSlow), reading(engine, seconds=0.05) as connection:
        connection.execute(sa.text(endless))
