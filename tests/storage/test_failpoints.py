"""Named places to fail at: only where the environment says so, once a process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage.engine import writing
from storage.errors import DatabaseUnusable
from storage.failpoints import SETTING, FailpointReached, failpoint, rearm

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    rearm()
    yield
    rearm()


def test_nothing_happens_unless_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    failpoint("P1")
    monkeypatch.setenv(SETTING, "P1:raise")
    failpoint("P9")
    with pytest.raises(FailpointReached, match="P1"):  # neither call before used it up
        failpoint("P1")


def test_a_point_acts_once_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, "P9:raise")
    with pytest.raises(FailpointReached, match="P9"):
        failpoint("P9")
    failpoint("P9")


def test_a_process_dies_at_its_point() -> None:
    words = "from storage.failpoints import failpoint; failpoint('P4'); print('alive')"
    run = subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, "-c", words],
        cwd=ROOT,
        env={SETTING: "P4:kill"},
        capture_output=True,
        check=False,
    )
    assert (run.returncode, run.stdout) == (-9, b"")


def test_a_database_goes_in_the_middle_of_a_transaction(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rename() -> None:
        with writing(engine) as connection:
            connection.execute(sa.text("UPDATE workspace SET name='lost'"))
            failpoint("P14", connection)

    monkeypatch.setenv(SETTING, "P14:dbdrop")
    with pytest.raises(DatabaseUnusable):
        rename()
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT name FROM workspace")).scalar() == "default"


def test_without_a_connection_the_database_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(SETTING, "P1:dbdrop")
    with pytest.raises(DatabaseUnusable):
        failpoint("P1")


def test_a_point_that_is_set_wrongly_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, "P1:explode")
    with pytest.raises(ValueError, match="explode"):
        failpoint("P1")
