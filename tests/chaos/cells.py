"""Runs cells of the matrix: `python -m tests.chaos.cells [WORD ...]`, by words of names."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.matrix import SCALE, Cell, cells, run
from tests.chaos.stage import staged
from tests.databases import Postgres, postgres_server, sqlite_copy

CALM = ("--retry-after", "0.05")


def outcomes(chosen: Iterable[Cell], folder: Path, server: Postgres) -> Iterator[tuple[Cell, str]]:
    """Each cell with what went wrong, empty when nothing did."""
    with staged(folder, "", weather=CALM, channels=1, scale=SCALE) as (platforms, nursery):
        for n, cell in enumerate(chosen):
            if cell.no_meaning:
                yield cell, f"without meaning: {cell.no_meaning}"
                continue
            with _database(cell, folder / str(n), server) as url:
                yield cell, run(cell, url, platforms, nursery)


@contextmanager
def _database(cell: Cell, folder: Path, server: Postgres) -> Iterator[str]:
    if cell.engine == "sqlite":
        folder.mkdir()
        yield sqlite_copy(folder)
        return
    with server.database() as lent:
        yield lent.url.render_as_string(hide_password=False)


def main(words: list[str]) -> int:
    """Print each cell; the exit code says whether all went well."""
    chosen = [cell for cell in cells() if not words or any(word in str(cell) for word in words)]
    failed = 0
    with tempfile.TemporaryDirectory() as folder, postgres_server() as server:
        for cell, wrong in outcomes(chosen, Path(folder), server):
            failed += bool(wrong) and not wrong.startswith("without meaning")
            sys.stdout.write(f"{cell}: {wrong or 'well'}\n")
            sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
