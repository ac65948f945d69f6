"""Many writers that cross many thresholds at once; what was told must be everything, once.

`python -m benchmarks.racing URL WORKSPACE PEOPLE PROCESSES PROCESS` is one of those that write.
"""

from __future__ import annotations

import random
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from benchmarks.lab import GATEWAY, NOW
from storage.alerts import list_alerts
from storage.budgets import set_budget
from storage.engine import opened, reading, writing
from storage.errors import DatabaseBusy
from storage.events import UsageEvent
from storage.labels import Labels
from storage.ledger import Ledger
from storage.levels import check_levels
from storage.timekeys import to_micros
from storage.verify import verify
from storage.workspaces import WorkspaceInfo, workspace_by_id

THREADS = 8
THRESHOLDS = tuple(range(10, 101, 10))
LIMIT = 1_000  # micro-credits that each person may use, and uses
PIECES = 12
TWICE = 0.1  # of the batches are sent again by somebody else
LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Race:
    """So many people, each with a limit of LIMIT that random pieces of usage add up to."""

    people: int
    processes: int
    seed: int = 7

    @property
    def crossings(self) -> int:
        """Thresholds that are crossed in all, the workspace's own budget included."""
        return (self.people + 1) * len(THRESHOLDS)

    def prepare(self, engine: sa.Engine, workspace: WorkspaceInfo) -> None:
        """Give everybody a limit, and let the rows be made."""
        labels = Labels(engine, workspace.id)
        labels.prepare([_event(who, "", 0) for who in range(self.people)], now=NOW)
        targets = [labels.person_id(_name(who)) for who in range(self.people)]
        with writing(engine) as connection:
            for target in (0, *targets):
                set_budget(
                    connection,
                    workspace.id,
                    scope="person" if target else "workspace",
                    target_id=target,
                    period="monthly",
                    amount=LIMIT * (1 if target else self.people),
                    thresholds=THRESHOLDS,
                    now=NOW,
                )
        check_levels(engine, NOW)

    def batches(self, process: int) -> list[list[list[UsageEvent]]]:
        """What each thread of a process writes, batch by batch."""
        dice = random.Random(self.seed)
        events = [event for who in range(self.people) for event in _pieces(who, dice)]
        dice.shuffle(events)
        batches = list(_parts(events, dice))
        batches += [batch for batch in batches if dice.random() < TWICE]
        dice.shuffle(batches)
        ours = batches[process :: self.processes]
        return [ours[thread::THREADS] for thread in range(THREADS)]

    def write(self, engine: sa.Engine, workspace: WorkspaceInfo, process: int) -> None:
        """Write a process's part in many threads, while another looks at the levels."""
        is_over = threading.Event()

        def look() -> None:
            while not is_over.wait(LOOK_SECONDS):
                check_levels(engine, NOW)

        labels = Labels(engine, workspace.id)
        with ThreadPoolExecutor(THREADS + 1) as pool:
            watch = pool.submit(look)
            writers = [
                pool.submit(_write, Ledger(engine, workspace, labels), batches)
                for batches in self.batches(process)
            ]
            for writer in writers:
                writer.result()
            is_over.set()
            watch.result()

    def faults(self, engine: sa.Engine, workspace: WorkspaceInfo) -> int:
        """Thresholds that were not told exactly once, and sums that differ from the ledger."""
        with reading(engine) as connection:
            alerts = list_alerts(connection, workspace.id, limit=10 * self.crossings)
        told = Counter(
            (one.subject, percent) for one in alerts for percent in one.facts["percents"]
        )
        again = sum(times - 1 for times in told.values())
        return self.crossings - len(told) + again + len(list(verify(engine, workspace)))


def _write(ledger: Ledger, batches: Sequence[list[UsageEvent]]) -> None:
    for batch in batches:
        while True:
            try:
                ledger.write(batch, GATEWAY, now=NOW)
                break
            except DatabaseBusy:  # as a sender would
                continue


def _pieces(who: int, dice: random.Random) -> Iterator[UsageEvent]:
    cuts = sorted(dice.sample(range(1, LIMIT), PIECES - 1))
    for number, (start, end) in enumerate(zip([0, *cuts], [*cuts, LIMIT], strict=True)):
        yield _event(who, f"{who}-{number}", end - start)


def _parts(events: Sequence[UsageEvent], dice: random.Random) -> Iterator[list[UsageEvent]]:
    at = 0
    while at < len(events):
        size = dice.randint(1, 20)
        yield list(events[at : at + size])
        at += size


def _event(who: int, event_id: str, credits: int) -> UsageEvent:
    ts = to_micros(NOW - timedelta(minutes=1))
    return UsageEvent(event_id=event_id, ts=ts, model="gpt-4o", person=_name(who), credits=credits)


def _name(who: int) -> str:
    return f"racer-{who}@example.com"


def main(url: str, workspace_id: int, people: int, processes: int, process: int) -> None:
    """One of the processes."""
    with opened(url) as engine:
        with reading(engine) as connection:
            workspace = workspace_by_id(connection, workspace_id)
        Race(people, processes).write(engine, workspace, process)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
