"""The crash-point matrix: a replica dies, fails or loses its database at a named place.

Each cell has a database of its own with one digest, its file and one alert that are due, and ends
when a healthy replica has had time to finish: every message was seen once.  P16 to P20 are no lines
of code but conditions, which are made as they are: signals, a full disk, a lost connection.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from storage.engine import opened, reading, writing
from storage.outbox import DELIVERY
from tests.chaos.stage import Load, Nursery, Platforms, fill
from tests.chaos.storm import is_open
from tests.chaos.verdict import judge

SCALE: Final = 0.05
LEASE: Final = 60.0 * SCALE
PATIENCE: Final = 60.0  # seconds for a cell on a busy machine
CODE_POINTS: Final = tuple(f"P{n}" for n in range(1, 16))
ACTS: Final = ("kill", "raise", "dbdrop")
CONDITIONS: Final = {
    "P16": "SIGTERM while sending",
    "P17": "disk full",
    "P18": "connections lost",
    "P19": "SIGSTOP for two leases",
    "P20": "a kind of a newer version",
}
ENGINES: Final = ("sqlite", "postgresql")
PLATFORMS: Final = ("slack", "discord")
WITHOUT_MEANING: Final = {
    ("P14", ""): "storage.thresholds: no message is on its way; tests/storage/test_failpoints.py",
    ("P15", ""): "storage.migrate: nothing is sent during a migration; the same tests",
    ("P17", "postgresql"): "the disk of a database server is not the bot's",
    ("P18", "sqlite"): "a file has no connection that could be lost",
}
# One cell of each kind, for every test run.
SAMPLE: Final = (
    ("P2", "kill", "slack", "postgresql"),
    ("P5", "raise", "discord", "sqlite"),
    ("P7", "kill", "slack", "sqlite"),
    ("P9", "kill", "slack", "postgresql"),
    ("P10", "kill", "discord", "sqlite"),
    ("P11", "dbdrop", "slack", "postgresql"),
    ("P13", "raise", "discord", "postgresql"),
    ("P19", "real", "discord", "sqlite"),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One point, what happens there, and where."""

    point: str
    act: str
    platform: str
    engine: str

    @property
    def no_meaning(self) -> str:
        """Why this cell cannot be; empty where it can."""
        everywhere = WITHOUT_MEANING.get((self.point, ""), "")
        return everywhere or WITHOUT_MEANING.get((self.point, self.engine), "")

    def __str__(self) -> str:
        """As in the tables of `make chaos`."""
        return f"{self.point}:{self.act} {self.platform} {self.engine}"


def cells() -> Iterator[Cell]:
    """Every cell, those without meaning as well."""
    for engine in ENGINES:
        for platform in PLATFORMS:
            for point in CODE_POINTS:
                yield from (Cell(point, act, platform, engine) for act in ACTS)
            yield from (Cell(point, "real", platform, engine) for point in CONDITIONS)


def run(cell: Cell, url: str, platforms: Platforms, nursery: Nursery) -> str:
    """What went wrong in a cell; empty when all is well."""
    load = Load(messages=6, channels=1, span=0.1)
    fill(url, platforms.where, load, start=datetime.now(UTC), only=cell.platform)
    home = {"CREDITBOT_DATABASE_URL": url}
    if cell.act != "real":
        wrong = _at_a_point(cell, nursery, home)
    else:
        wrong = REAL[cell.point](url, nursery, home)
    try:
        return wrong or _ended(cell, url, platforms)
    finally:
        for pid in list(nursery.living):
            nursery.kill(pid)


def _at_a_point(cell: Cell, nursery: Nursery, home: dict[str, str]) -> str:
    if cell.point == "P13":  # somebody must have died before there is anything to look for
        first = nursery.spawn(**home, CREDITBOT_FAILPOINT="P9:kill")
        nursery.wait(first)
    marker = str(Path(nursery.folder) / f"{time.monotonic_ns()}.reached")
    armed = {"CREDITBOT_FAILPOINT": f"{cell.point}:{cell.act}", "CHAOS_REACHED": marker}
    pid = nursery.spawn(**home, **armed)
    if not _until(lambda: Path(marker).exists()):
        return "the point was not reached"
    if cell.act == "kill":
        if (code := nursery.wait(pid)) != -signal.SIGKILL:
            return f"ended with {code}"
        nursery.spawn(**home)
    return ""


def _ended(cell: Cell, url: str, platforms: Platforms) -> str:
    """Wait until every row has ended; what is wrong then."""
    with opened(url) as engine:
        _until(lambda: not is_open(engine))
    verdict = judge(url, platforms.record)
    return "" if verdict.is_clean and verdict.due else f"{cell}: {verdict}"


# ---- conditions


def _told_to_end(url: str, nursery: Nursery, home: dict[str, str]) -> str:
    pid = nursery.spawn(**home)
    if not _until(lambda: _in_state(url, "sending") or _in_state(url, "sent")):
        return "nothing was sent"
    began = time.monotonic()
    nursery.signal(pid, signal.SIGTERM)
    code, seconds = nursery.wait(pid), time.monotonic() - began
    if code:
        return f"SIGTERM ended it with {code}"
    nursery.spawn(**home)
    return "" if seconds < 10.0 else f"SIGTERM took {seconds:.1f} s"


def _full(_: str, nursery: Nursery, home: dict[str, str]) -> str:
    """The file may not grow; what is sent nevertheless was marked before."""
    nursery.spawn(**home, CHAOS_DISK="full")
    time.sleep(2 * LEASE)
    for pid in list(nursery.living):
        nursery.kill(pid)
    nursery.spawn(**home)
    return ""


def _cut(url: str, nursery: Nursery, home: dict[str, str]) -> str:
    nursery.spawn(**home)
    with opened(url) as engine:
        for _ in range(10):
            time.sleep(0.3)
            with writing(engine) as connection:
                connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
    return ""


def _frozen(url: str, nursery: Nursery, home: dict[str, str]) -> str:
    """A replica sleeps through two leases while another one works."""
    pid = nursery.spawn(**home)
    if not _until(lambda: _in_state(url, "sending") or _in_state(url, "sent")):
        return "nothing was sent"
    nursery.signal(pid, signal.SIGSTOP)
    nursery.spawn(**home)
    time.sleep(2 * LEASE)
    nursery.signal(pid, signal.SIGCONT)
    return ""


def _unknown(url: str, nursery: Nursery, home: dict[str, str]) -> str:
    """A row of a kind that only a newer version knows stays as it is."""
    with opened(url) as engine:
        with writing(engine) as connection:
            one = sa.select(sa.func.min(DELIVERY.c.id)).scalar_subquery()
            newer = sa.update(DELIVERY).where(DELIVERY.c.id == one).values(kind="hologram")
            connection.execute(newer)
        nursery.spawn(**home)
        _until(lambda: _count(engine, "sent") >= 4 and not is_open(engine, but="hologram"))
        with writing(engine) as connection:
            left = sa.update(DELIVERY).where(DELIVERY.c.kind == "hologram")
            still = left.where(DELIVERY.c.state == "planned").values(kind="notice")
            touched = connection.execute(still).rowcount != 1
    return "the unknown kind was touched" if touched else ""


REAL: Final[dict[str, Callable[[str, Nursery, dict[str, str]], str]]] = {
    "P16": _told_to_end,
    "P17": _full,
    "P18": _cut,
    "P19": _frozen,
    "P20": _unknown,
}


def _until(ready: Callable[[], bool]) -> bool:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        if ready():
            return True
        time.sleep(0.05)
    return False


def _in_state(url: str, state: str) -> bool:
    with opened(url) as engine:
        return _count(engine, state) > 0


def _count(engine: sa.Engine, state: str) -> int:
    wanted = sa.select(sa.func.count()).where(DELIVERY.c.state == state)
    with reading(engine) as connection:
        return int(connection.scalar(wanted) or 0)
