"""What budgets used is always what the ledger says, whatever is written, taken back or broken."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage.engine import writing
from storage.errors import DatabaseUnusable
from storage.failpoints import SETTING, FailpointReached, rearm
from storage.rebuild import rebuild
from storage.verify import verify
from tests.cast import NOW, event
from tests.storage.budgeted import Budgeted, budgeted
from tests.storage.world import feed

ROOT = Path(__file__).parents[2]


@pytest.fixture
def place(engine: sa.Engine) -> Budgeted:
    return budgeted(engine)


def test_undo_and_deletion_lower_what_is_used(place: Budgeted) -> None:
    budget = place.limit(100)
    place.look()
    number = place.place.import_batch(7)
    place.spend(50, origin=feed(number))
    (event_id,) = place.spend(20)
    assert place.used_by(budget.id) == 70
    place.place.delete(event_id)
    place.place.undo(number)
    assert place.used_by(budget.id) == 0
    place.check()


def test_what_is_sent_again_counts_once(place: Budgeted) -> None:
    budget = place.limit(100)
    place.look()
    same = [event(event_id="same", model="alpha", credits=80)]
    for _ in range(3):
        place.place.ledger.write(same, feed(), now=NOW)
    assert place.told() == [[75]]
    assert place.used_by(budget.id) == 80


def test_verify_finds_and_rebuild_mends_a_wrong_row(place: Budgeted) -> None:
    budget = place.limit(100)
    place.look()
    place.spend(10)
    place.check()
    with writing(place.engine) as connection:
        connection.execute(sa.text("UPDATE budget_usage SET used = 11"))
    workspace = place.place.workspace
    (found,) = [one for one in verify(place.engine, workspace) if one.table == "budget_usage"]
    assert (found.key[0], found.ledger, found.rollup) == (budget.id, (10,), (11,))
    rebuild(place.engine, workspace)
    place.check()


def test_a_row_is_verified_where_nothing_was_used(place: Budgeted) -> None:
    place.limit(100)
    place.look()
    with writing(place.engine) as connection:
        connection.execute(sa.text("UPDATE budget_usage SET used = 1"))
    assert len(list(verify(place.engine, place.place.workspace))) == 1


# ---- P14


@pytest.mark.parametrize("act", ["raise", "dbdrop"])
def test_p14_usage_and_alert_are_both_there_or_both_not(
    place: Budgeted, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    place.limit(100)
    place.look()
    batch = [event(event_id=f"e{n}", model="alpha", credits=40) for n in range(2)]
    rearm()
    monkeypatch.setenv(SETTING, f"P14:{act}")
    with pytest.raises((FailpointReached, DatabaseUnusable)):
        place.place.ledger.write(batch, feed(), now=NOW)
    assert (place.alerts(), set(place.used().values())) == ([], {0})
    place.place.ledger.write(batch, feed(), now=NOW)
    place.place.ledger.write(batch, feed(), now=NOW)
    assert place.told() == [[75]]
    place.check()


WRITE = """
import sys
from storage.engine import open_engine, reading
from storage.labels import Labels
from storage.ledger import Ledger
from storage.workspaces import workspace_by_id
from tests.cast import NOW, event
from tests.storage.world import feed

engine = open_engine(sys.argv[1])
with reading(engine) as connection:
    workspace = workspace_by_id(connection, int(sys.argv[2]))
batch = [event(event_id=f"e{n}", model="alpha", credits=40) for n in range(2)]
Ledger(engine, workspace, Labels(engine, workspace.id)).write(batch, feed(), now=NOW)
"""


def test_p14_a_process_that_dies_there_leaves_nothing_and_its_sender_tries_again(
    place: Budgeted,
) -> None:
    place.limit(100)
    place.look()
    url = place.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", WRITE, url, str(place.place.workspace.id)]
    ended = [
        subprocess.run(command, cwd=ROOT, env=os.environ | armed, check=False).returncode  # noqa: S603  # our own interpreter
        for armed in ({SETTING: "P14:kill"}, {}, {})
    ]
    assert ended == [-signal.SIGKILL, 0, 0]
    assert place.told() == [[75]]
    place.check()
