"""P16 to P20: no lines of code but conditions, which are made as they are."""

from __future__ import annotations

import json
import re
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from storage.engine import opened, writing
from storage.outbox import DELIVERY
from tests.chaos.scene import Scene
from tests.chaos.stage import SCALE

LEASE: Final = 60.0 * SCALE


def told_to_end(scene: Scene) -> str:
    """SIGTERM while a message is on its way: a clean end, soon."""
    pid = scene.spawn()
    if not scene.waits_for(scene.is_sending):
        return "nothing was sent"
    began = time.monotonic()
    scene.nursery.signal(pid, signal.SIGTERM)
    code, seconds = scene.nursery.wait(pid), time.monotonic() - began
    scene.spawn()
    if code:
        return f"SIGTERM ended it with {code}"
    return "" if seconds < 10.0 else f"SIGTERM took {seconds:.1f} s"


def full(scene: Scene) -> str:
    """Nothing can be written: the health is red until it can, and the same process goes on.

    That nothing leaves without its mark shows in the end: it would be there twice.
    """
    mark = Path(scene.nursery.folder) / f"{time.monotonic_ns()}.full"
    log = scene.nursery.folder / "replicas.log"
    before = log.stat().st_size if log.exists() else 0
    scene.spawn(CHAOS_DISK=str(mark), CREDITBOT_LOG_LEVEL="INFO")
    if not scene.waits_for(lambda: _port(log, before) is not None):
        return "it did not start"
    port = _port(log, before)
    mark.touch()
    is_red = scene.waits_for(lambda: "full" in _health(port).get("database", ""))
    mark.unlink()
    if not is_red:
        return f"the health did not turn red: {_health(port)}"
    is_well = scene.waits_for(lambda: _health(port).get("database") == "up")
    return "" if is_well else f"the health stayed red: {_health(port)}"


def cut(scene: Scene) -> str:
    """The server ends every connection, again and again."""
    scene.spawn()
    with opened(scene.url) as engine:
        for _ in range(10):
            time.sleep(0.3)
            with writing(engine) as connection:
                connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
    return ""


def frozen(scene: Scene) -> str:
    """A replica sleeps through two leases while another one works."""
    pid = scene.spawn()
    if not scene.waits_for(scene.is_sending):
        return "nothing was sent"
    scene.nursery.signal(pid, signal.SIGSTOP)
    scene.spawn()
    time.sleep(2 * LEASE)
    scene.nursery.signal(pid, signal.SIGCONT)
    return ""


def unknown_kind(scene: Scene) -> str:
    """A row of a kind that only a newer version knows stays as it is."""
    with opened(scene.url) as engine:
        with writing(engine) as connection:
            one = sa.select(sa.func.min(DELIVERY.c.id)).scalar_subquery()
            newer = sa.update(DELIVERY).where(DELIVERY.c.id == one).values(kind="hologram")
            connection.execute(newer)
        scene.spawn()
        scene.waits_for(lambda: scene.count("sent") >= 4 and scene.has_ended(but="hologram"))
        with writing(engine) as connection:
            left = sa.update(DELIVERY).where(DELIVERY.c.kind == "hologram")
            still = left.where(DELIVERY.c.state == "planned").values(kind="notice")
            touched = connection.execute(still).rowcount != 1
    return "the unknown kind was touched" if touched else ""


CONDITIONS: Final[dict[str, Callable[[Scene], str]]] = {
    "P16": told_to_end,
    "P17": full,
    "P18": cut,
    "P19": frozen,
    "P20": unknown_kind,
}


def _port(log: Path, before: int) -> int | None:
    """Where the replica that started last is asked how it is, once it says so."""
    with log.open("rb") as said:
        said.seek(before)
        found = re.findall(rb'"health_port": (\d+)', said.read())
    return int(found[-1]) if found else None


def _health(port: int | None) -> dict[str, str]:
    """The parts of a replica; nothing while it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5) as reply:
            said = reply.read()
    except urllib.error.HTTPError as error:  # 503 is an answer
        said = error.read()
    except OSError:
        return {}
    with suppress(json.JSONDecodeError):
        return dict(json.loads(said)["parts"])
    return {}
