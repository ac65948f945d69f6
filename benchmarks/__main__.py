"""`python -m benchmarks`: every goal beside what was measured, in one table."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.lab import EVENTS, Lab
from benchmarks.measurement import Measurement

# Imported one by one: the drawing process imports this module, and would hold all of them.
BENCHES = (
    "startup",
    "ingest",
    "budgets",
    "imports",
    "questions",
    "due_times",
    "planning",
    "alerting",
    "takeover",
    "cards",
    "memory",
    "assign",
    "chat",
    "loop_lag",
    "postgres",
    "methods",
)
LARGE = 10_000_000
MARKS = {True: "yes", False: "no", None: ""}


def main(arguments: Sequence[str]) -> int:
    """Run the benches and print their table or JSON; gives the exit code."""
    chosen = _parser().parse_args(arguments)
    events = LARGE if chosen.large else chosen.events
    errors = Console(stderr=True)
    folder = Path(tempfile.mkdtemp(prefix="creditbot-bench-"))
    # Milliseconds mean little on a busy machine, ratios a little more.
    found = [Measurement("load of the machine before", os.getloadavg()[0], None, "processes")]
    try:
        lab = Lab(
            folder,
            events=events,
            small=events // 10,
            sample=min(events, 100_000),
            keep=chosen.keep,
        )
        for name in chosen.only or BENCHES:
            errors.print(f"{name} ...", style="dim")
            found += measure(name, lab)
    finally:
        shutil.rmtree(folder)
    if chosen.json:
        print(json.dumps([asdict(one) | {"met": one.is_met} for one in found], indent=1))
    else:
        Console().print(table(found))
    return 0


def measure(name: str, lab: Lab) -> list[Measurement]:
    """What one bench measures."""
    measured: list[Measurement] = import_module(f"benchmarks.{name}").measure(lab)
    return measured


def table(found: Sequence[Measurement]) -> Table:
    """Goal, measured, met."""
    lines = Table("goal", "measured", "met", box=None)
    for one in found:
        value = "not measured" if one.value is None else f"{one.value:,.3g} {one.unit}"
        note = f" ({one.note})" if one.note else ""
        lines.add_row(_goal(one), value + note, MARKS[one.is_met])
    return lines


def _goal(one: Measurement) -> str:
    if one.bound is None:
        return one.goal
    return f"{one.goal} {'>=' if one.at_least else '<='} {one.bound:g} {one.unit}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="BENCH", help=f"of {', '.join(BENCHES)}")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--events", type=int, default=EVENTS, help="in the databases")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="keep its SQLite databases, or use those there"
    )
    parser.add_argument("--large", action="store_true", help=f"{LARGE:,} events; about an hour")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
