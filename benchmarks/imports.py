"""`creditbot import`: memory must not grow with the file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.lab import Lab
from benchmarks.measurement import Measurement, spending
from storage.events import UsageEvent
from storage.timekeys import from_micros

TIMES = 2
MIB = 1 << 20
# A process starts with the peak of the one that started it, and ours is large: hence a small one.
LAUNCHER = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
PEAK_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss


@dataclass(frozen=True, slots=True)
class Import:
    """What one import took."""

    peak: float
    seconds: float


def measure(lab: Lab) -> list[Measurement]:
    """Peak memory with a file twice as large, and the speed of the large one."""
    # With the small file, too, the database outgrows SQLite's page cache of 64 MiB.
    events = lab.sample * 2
    small, large = _file(lab, events), _file(lab, events * TIMES)
    first, second = _import(lab, small), _import(lab, large)
    size = large.stat().st_size / MIB
    return [
        Measurement(
            f"import of {size:.0f} MiB: peak memory, beside half of it",
            second.peak / first.peak,
            1.2,
            "x",
            note=f"{second.peak / MIB:.0f} MiB",
        ),
        Measurement("import: speed", events * TIMES / second.seconds, None, "events/s"),
    ]


def _import(lab: Lab, file: Path) -> Import:
    others = {name: text for name, text in os.environ.items() if not name.startswith("CREDITBOT_")}
    command = [sys.executable, "-m", "bot", "import", str(file), "--source", "events"]
    with spending() as spent:
        done = subprocess.run(  # noqa: S603  # our own program on our own file
            [sys.executable, "-c", LAUNCHER, *command],
            env={**others, "CREDITBOT_DATABASE_URL": f"sqlite:///{lab.fresh()}"},
            cwd=lab.folder,
            stdout=subprocess.PIPE,
            check=True,
        )
    return Import(int(done.stdout) * PEAK_UNIT, spent.wall)


def _file(lab: Lab, events: int) -> Path:
    """A file of our own format, one JSON object a line."""
    file = lab.folder / f"events-{events}.jsonl"
    with file.open("w", encoding="utf-8") as out:
        for event in lab.full_events(events):
            out.write(json.dumps(_record(event)) + "\n")
    return file


def _record(event: UsageEvent) -> dict[str, object]:
    return {
        "id": event.event_id,
        "at": from_micros(event.ts).isoformat(),
        "person": event.person,
        "department": event.department,
        "project": event.project,
        "task": event.task,
        "model": event.model,
        "provider": event.provider,
        "ok": event.ok,
        "tokens_in": event.tokens_in,
        "tokens_out": event.tokens_out,
        "latency_ms": event.latency_ms,
        "rating": event.rating,
    }
