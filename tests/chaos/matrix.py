"""The crash-point matrix: a replica dies, fails or loses its database at a named place.

Each cell has a database of its own with two digests, the files of one and four other messages that
are due, and ends when a healthy replica has had time to finish: every message was seen once.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.chaos.conditions import CONDITIONS
from tests.chaos.load import Load, fill
from tests.chaos.programs import PROGRAMS
from tests.chaos.scene import Cell, Scene
from tests.chaos.stage import SCALE, staged
from tests.chaos.verdict import judge
from tests.databases import TEMPLATE, Postgres, sqlite_copy

CALM: Final = ("--retry-after", "0.05")
POINTS: Final = tuple(f"P{n}" for n in range(1, 16))
ACTS: Final = ("kill", "raise", "dbdrop")
ENGINES: Final = ("sqlite", "postgresql")
PLATFORMS: Final = ("slack", "discord")
WITHOUT_MEANING: Final = {
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
    ("P12", "kill", "discord", "postgresql"),
    ("P13", "raise", "discord", "postgresql"),
    ("P14", "kill", "slack", "sqlite"),
    ("P17", "real", "slack", "sqlite"),
    ("P19", "real", "discord", "sqlite"),
)


def cells() -> Iterator[Cell]:
    """Every cell that can be."""
    for engine in ENGINES:
        for platform in PLATFORMS:
            for point in POINTS:
                yield from (Cell(point, act, platform, engine) for act in ACTS)
            for point in CONDITIONS:
                if (point, engine) not in WITHOUT_MEANING:
                    yield Cell(point, "real", platform, engine)


def outcomes(chosen: Iterable[Cell], folder: Path, server: Postgres) -> Iterator[tuple[Cell, str]]:
    """Each cell with what went wrong, empty when nothing did."""
    with staged(folder, "", weather=CALM, channels=1, scale=SCALE) as (platforms, nursery):
        for n, cell in enumerate(chosen):
            with _database(cell, folder / str(n), server) as url:
                yield cell, run(Scene(cell, url, platforms, nursery))


@contextmanager
def _database(cell: Cell, folder: Path, server: Postgres) -> Iterator[str]:
    is_empty = cell.point == "P15"  # it is migrated there
    if cell.engine == "sqlite":
        folder.mkdir()
        yield f"sqlite:///{folder / 'empty.db'}" if is_empty else sqlite_copy(folder)
        return
    with server.database("template0" if is_empty else TEMPLATE) as lent:
        yield lent.url.render_as_string(hide_password=False)


def run(scene: Scene) -> str:
    """What went wrong in a cell; empty when all is well."""
    cell = scene.cell
    try:
        if cell.point in PROGRAMS:
            act, due = PROGRAMS[cell.point]
            return act(scene) or _ended(scene, due=due)
        load = Load(6, channels=1, span=0.1, attach="csv,json,pdf", only=cell.platform)
        fill(scene.url, scene.platforms.where, load, start=datetime.now(UTC))
        happens = CONDITIONS.get(cell.point, _fails_at_its_point)
        return happens(scene) or _ended(scene, due=load.due)
    finally:
        for pid in list(scene.nursery.living):
            scene.nursery.kill(pid)


def _fails_at_its_point(scene: Scene) -> str:
    if scene.cell.point == "P13":  # somebody must have died before there is anything to look for
        first = scene.spawn(CREDITBOT_FAILPOINT="P9:kill")
        scene.nursery.wait(first)
    reached = Path(scene.nursery.folder) / f"{time.monotonic_ns()}.reached"
    pid = scene.spawn(**scene.armed, CHAOS_REACHED=str(reached))
    if not scene.waits_for(reached.exists):
        return "the point was not reached"
    if scene.cell.act == "kill":
        if (code := scene.nursery.wait(pid)) != -signal.SIGKILL:
            return f"ended with {code}"
        scene.spawn()
    return ""


def _ended(scene: Scene, *, due: int) -> str:
    """Wait until every row has ended; what is wrong then."""
    scene.waits_for(scene.has_ended)
    verdict = judge(scene.url, scene.platforms.record, due=due)
    return "" if verdict.is_clean else str(verdict)
