"""Writers that die by SIGKILL in the middle of a write: `python -m ... URL WORKSPACE STEP...`.

Every step forks a writer that kills itself before the so-many-th statement.  Prints how many died.
"""

from __future__ import annotations

import os
import signal
import sys

import sqlalchemy as sa

from storage.engine import open_engine, reading
from storage.events import Granularity
from storage.labels import Labels
from storage.ledger import Ledger
from storage.timekeys import DAY_US, to_micros
from storage.workspaces import workspace_by_id
from tests.cast import NOW, event
from tests.storage.world import feed

WHOLE = 30  # events of one call
DAY = to_micros(NOW) // DAY_US * DAY_US - DAY_US


def write_and_die(url: str, workspace_id: int, step: int) -> None:
    """Write again and again until the statement at which this process ends."""
    engine = open_engine(url)
    with reading(engine) as connection:
        workspace = workspace_by_id(connection, workspace_id)
    ledger = Ledger(engine, workspace, Labels(engine, workspace_id))
    done = 0

    def count(*_: object) -> None:
        nonlocal done
        done += 1
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(engine, "before_cursor_execute", count)
    sa.event.listen(engine, "commit", count)
    for number in range(10):
        name = f"{step}-{number}"
        events = [event(event_id=f"{name}-{n}", model="alpha") for n in range(WHOLE)]
        ledger.write(events, feed(), now=NOW)
        rows = [
            event(event_id=f"row-{n}", ts=DAY, granularity=Granularity.DAY, prompts=step + number)
            for n in range(WHOLE)
        ]
        ledger.replace_slices(rows, feed(), now=NOW)


def main(url: str, workspace_id: int, steps: list[int]) -> int:
    """How many of the writers were killed."""
    killed = 0
    for step in steps:
        child = os.fork()
        if child == 0:
            write_and_die(url, workspace_id, step)
            os._exit(0)
        killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
    return killed


if __name__ == "__main__":
    sys.stdout.write(str(main(sys.argv[1], int(sys.argv[2]), list(map(int, sys.argv[3:])))))
