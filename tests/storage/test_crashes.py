"""A writer that dies leaves ledger and rollups, or neither; a rebuild loses nothing of writers."""

from __future__ import annotations

import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage.engine import open_engine
from storage.errors import DatabaseBusy
from storage.labels import Labels
from storage.ledger import Ledger
from storage.rebuild import rebuild
from storage.timekeys import DAY_US, to_micros
from storage.verify import verify
from tests.cast import NOW, event
from tests.storage.killed_writer import WHOLE
from tests.storage.world import feed, world

ROOT = Path(__file__).parents[2]


def test_a_kill_in_the_middle_leaves_both_or_none(engine: sa.Engine) -> None:
    place = world(engine)
    steps = [str(step) for step in random.Random(7).sample(range(5, 130), 14)]  # noqa: S311  # places to die
    url = engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.storage.killed_writer", url, str(place.workspace.id)]
    run = subprocess.run(  # noqa: S603  # our own interpreter and module
        [*command, *steps], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout == "14"
    assert list(verify(engine, place.workspace)) == []
    with engine.connect() as connection:
        count = connection.execute(sa.text("SELECT count(*) FROM usage_event")).scalar_one()
    assert count % WHOLE == 0
    assert count > 0


def test_no_writer_gets_in_while_a_rebuild_has_cells_in_its_hands(
    postgres_engine: sa.Engine,
) -> None:
    place = world(postgres_engine)
    place.write(event(model="alpha"))
    url = postgres_engine.url.update_query_dict({"options": "-c lock_timeout=100"})
    impatient = open_engine(url.render_as_string(hide_password=False))
    ledger = Ledger(impatient, place.workspace, place.labels)

    elsewhen = event(model="alpha", ts=to_micros(NOW) - 99 * DAY_US)  # shares no cell

    def write(*_: int) -> None:
        with pytest.raises(DatabaseBusy):
            ledger.write([elsewhen], feed(), now=NOW)

    rebuild(postgres_engine, place.workspace, progress=write)
    impatient.dispose()
    place.check()


def test_a_rebuild_beside_writers_loses_nothing(engine: sa.Engine) -> None:
    place = world(engine)
    calls = [[event(model="alpha") for _ in range(25)] for _ in range(12)]
    ledger = Ledger(engine, place.workspace, Labels(engine, place.workspace.id))
    with ThreadPoolExecutor(2) as pool:
        writes = [pool.submit(ledger.write, call, feed(), now=NOW) for call in calls]
        for _ in range(4):
            rebuild(engine, place.workspace)
        accepted = sum(write.result().accepted for write in writes)
    assert accepted == 300
    for call in calls:
        place.oracle.write(call, "feed")
    place.check()
