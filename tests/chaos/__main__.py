"""`make chaos`: the goals of delivery beside what was seen, as text and as JSON."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

from tests.chaos.storm import LONG, SHORT, storm
from tests.databases import postgres_server, sqlite_copy


def main() -> int:
    """Run and report; the exit code says whether everything held."""
    args = _parser().parse_args()
    plans = SHORT if args.short else LONG
    if args.seed is not None:
        plans = {name: replace(plan, seed=args.seed) for name, plan in plans.items()}
    found = {}
    for engine in args.engine or plans:
        folder = Path(tempfile.mkdtemp(prefix="creditbot-chaos-"))
        try:
            with postgres_server() as server:
                if engine == "sqlite":
                    url = sqlite_copy(folder)
                    found[engine] = storm(folder, url, plans[engine])
                else:
                    with server.database() as lent:
                        url = lent.url.render_as_string(hide_password=False)
                        found[engine] = storm(folder, url, plans[engine])
        finally:
            if not args.keep:
                shutil.rmtree(folder)
            else:
                print(folder)
        print(json.dumps({engine: asdict(found[engine])}, indent=1))
    return 0 if all(one.is_clean for one in found.values()) else 1


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--short", action="store_true")
    made.add_argument("--engine", action="append")
    made.add_argument("--seed", type=int, help="of the dice; the run is never quite the same")
    made.add_argument("--keep", action="store_true")
    return made


if __name__ == "__main__":
    sys.exit(main())
