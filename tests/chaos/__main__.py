"""`make chaos`: storms of random kills and the crash-point matrix, as text and as JSON.

python -m tests.chaos                       both engines, then every cell
python -m tests.chaos storm --engine sqlite --seed 8
python -m tests.chaos matrix P9 P17:real    the cells whose names hold a word
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tests.chaos.matrix import cells, outcomes
from tests.chaos.storm import LONG, SHORT, Plan, storm
from tests.chaos.verdict import Verdict
from tests.databases import Postgres, postgres_server, sqlite_copy


def main() -> int:
    """Run and report; the exit code says whether everything held."""
    args = _parser().parse_args()
    found: dict[str, Any] = {}
    with postgres_server() as server, _folder(keep=args.keep) as folder:
        if args.what in ("storm", "all"):
            plans = SHORT if args.short else LONG
            chosen = {name: plans[name] for name in args.engine or plans}
            found["storm"] = _storms(chosen, server, folder, seed=args.seed)
        if args.what in ("matrix", "all"):
            found["matrix"] = _matrix(args.words, server, folder)
    print(json.dumps(found, indent=1))
    return 0 if all(part["held"] for part in found.values()) else 1


def _storms(
    plans: dict[str, Plan], server: Postgres, folder: Path, *, seed: int | None
) -> dict[str, Any]:
    verdicts = {}
    for engine, plan in plans.items():
        home = folder / f"storm-{engine}"
        home.mkdir()
        seeded = plan if seed is None else replace(plan, seed=seed)
        with _database(engine, home, server) as url:
            verdicts[engine] = one = storm(home, url, seeded)
        print(f"storm, {engine}: {_line(one)}", flush=True)
    held = all(one.is_clean for one in verdicts.values())
    return {"held": held, **{engine: asdict(one) for engine, one in verdicts.items()}}


def _line(one: Verdict) -> str:
    """The goals beside what was seen: all of them are 0."""
    wrong = f"{one.lost} lost, {one.doubled} doubled, {one.early} before Retry-After"
    ran = f"{one.kills} kills, {one.due} due, {one.seconds:.0f} s"
    return f"{wrong}, {one.open_rows} without an end; {ran}: {'held' if one.is_clean else one}"


def _matrix(words: Sequence[str], server: Postgres, folder: Path) -> dict[str, Any]:
    chosen = [cell for cell in cells() if not words or any(word in str(cell) for word in words)]
    home = folder / "matrix"
    home.mkdir()
    wrong = {}
    for cell, what in outcomes(chosen, home, server):
        print(f"{cell}: {what or 'held'}", flush=True)
        if what:
            wrong[str(cell)] = what
    return {"held": not wrong, "cells": len(chosen), "wrong": wrong}


@contextmanager
def _folder(*, keep: bool) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="creditbot-chaos-"))
    try:
        yield folder
    finally:
        if keep:
            print(folder)
        else:
            shutil.rmtree(folder)


@contextmanager
def _database(engine: str, folder: Path, server: Postgres) -> Iterator[str]:
    if engine == "sqlite":
        yield sqlite_copy(folder)
        return
    with server.database() as lent:
        yield lent.url.render_as_string(hide_password=False)


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("what", nargs="?", choices=("storm", "matrix", "all"), default="all")
    made.add_argument("words", nargs="*", help="of the matrix: only cells that hold one")
    made.add_argument("--short", action="store_true", help="the storms of `make test`")
    made.add_argument("--engine", action="append", choices=tuple(LONG), help="of the storms")
    made.add_argument("--seed", type=int, help="of the dice; the run is never quite the same")
    made.add_argument("--keep", action="store_true", help="keep the folder and say where it is")
    return made


if __name__ == "__main__":
    sys.exit(main())
