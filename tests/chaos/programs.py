"""P14 and P15: an import dies in the transaction that crosses a threshold, a migration in its own.

Both are programs beside the service, run as an operator runs them.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import command

from storage.budgets import set_budget
from storage.engine import opened, reading, writing
from storage.levels import check_levels
from storage.migrate import HEAD, KNOWN, configuration, is_current
from storage.routes import add_route
from storage.workspaces import create_workspace, find_workspace, list_workspaces
from tests.cast import ZONE
from tests.chaos.load import CREATOR, Load, fill, places_of
from tests.chaos.scene import Scene

EVENTS: Final = 5
LATER: Final = Load(messages=6, channels=1, span=0.1, attach="")  # after a migration


def crossing(scene: Scene) -> str:
    """Usage and alert are kept both or neither; the same file again counts once, warns once."""
    now = datetime.now(UTC)
    with opened(scene.url) as engine:
        with writing(engine) as connection:
            _limit(connection, scene, now)
        check_levels(engine, now)
    file = _usage(Path(scene.nursery.folder), now)
    if not _run(scene, "import", str(file), **scene.armed):
        return "the import did not fail"
    if (kept := _kept(scene.url)) not in ((0, 0), (EVENTS, 1)):
        return f"usage and alerts after the failure: {kept}"
    if said := _run(scene, "import", str(file)):
        return f"the import again: {said}"
    if (kept := _kept(scene.url)) != (EVENTS, 1):
        return f"usage and alerts in the end: {kept}"
    scene.spawn()
    return "" if scene.waits_for(lambda: scene.count("sent") > 0) else "no warning was sent"


def _limit(connection: sa.Connection, scene: Scene, now: datetime) -> None:
    """A budget that the usage reaches, and the channel that its alerts go to."""
    load = Load(messages=1, channels=1, span=1.0, only=scene.cell.platform)
    home = find_workspace(connection, None).id
    (channel,) = places_of(connection, home, scene.platforms.where, load, start=now)
    add_route(connection, home, destination_id=channel, actor=CREATOR, now=now)
    set_budget(
        connection,
        home,
        scope="workspace",
        target_id=0,
        period="monthly",
        amount=EVENTS * 1_000_000,  # each event is one credit
        now=now,
    )


def migration(scene: Scene) -> str:
    """Who starts next finishes it, and no row is lost."""
    now = datetime.now(UTC)
    with opened(scene.url) as engine:
        with writing(engine) as connection:
            command.upgrade(configuration(connection), KNOWN[-2])
            create_workspace(connection, "kept", zone=ZONE, now=now)
        if not _run(scene, "migrate", **scene.armed):
            return "the migration did not fail"
        if said := _run(scene, "migrate"):
            return f"the migration again: {said}"
        with reading(engine) as connection:
            names = {known.name for known in list_workspaces(connection)}
        if not is_current(engine) or names != {"default", "kept"}:
            return f"the tables are not those of {HEAD}, or of the workspaces remain {names}"
    load = replace(LATER, only=scene.cell.platform)
    fill(scene.url, scene.platforms.where, load, start=now)
    scene.spawn()
    return ""


# What happens, and how many messages people are to see then.
PROGRAMS: Final[dict[str, tuple[Callable[[Scene], str], int]]] = {
    "P14": (crossing, 1),
    "P15": (migration, LATER.messages),
}


def _usage(folder: Path, now: datetime) -> Path:
    file = folder / "usage.csv"
    at = (now - timedelta(minutes=1)).isoformat()
    with file.open("w", newline="") as text:
        rows = csv.writer(text)
        rows.writerow(["id", "at", "model", "person", "credits"])
        rows.writerows(
            [f"event-{n}", at, "gpt-4o", "alice@example.com", "1"] for n in range(EVENTS)
        )
    return file


def _run(scene: Scene, *words: str, **more: str) -> str:
    """What a program that failed said; empty when it went well."""
    run = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-m", "bot", *words],
        env={**os.environ, "CREDITBOT_DATABASE_URL": scene.url, **more},
        capture_output=True,
        text=True,
        check=False,
    )
    return f"exit {run.returncode}: {run.stderr[-500:]}" if run.returncode else ""


def _kept(url: str) -> tuple[int, int]:
    """How many usage events and alerts there are."""
    with opened(url) as engine, reading(engine) as connection:
        counts = [
            connection.scalar(sa.text(f"SELECT count(*) FROM {table}"))  # noqa: S608  # our names
            for table in ("usage_event", "alert")
        ]
    return int(counts[0] or 0), int(counts[1] or 0)
