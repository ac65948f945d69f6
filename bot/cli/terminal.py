"""What every command of the program shares: settings, engine, clock, options, exit codes."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Annotated

import sqlalchemy as sa
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress

from bot.settings import Settings
from storage.audit import record
from storage.engine import opened
from storage.errors import StorageError
from storage.migrate import require_current
from storage.workspaces import WorkspaceInfo

WorkspaceOption = Annotated[
    str | None, typer.Option("--workspace", help="Name of the workspace; without it the default.")
]
EXIT_MISTAKE = 2

out = Console(highlight=False, markup=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
at_end = ExitStack()  # what a command opened; `main` closes it


def utc_now() -> datetime:
    """The wall clock; everything below the terminal gets its time from here."""
    return datetime.now(UTC)


def load_settings() -> Settings:
    """The settings; raises StorageError naming the one that cannot be read."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"CREDITBOT_{'_'.join(map(str, first['loc'])).upper()}"
        words = first["msg"].removeprefix("Value error, ").rstrip(".")
        raise StorageError(f"{name} cannot be used: {words}.", hint="See .env.example.") from None


def current_engine(settings: Settings) -> sa.Engine:
    """An engine on an up-to-date database; raises StorageError."""
    engine = at_end.enter_context(opened(settings.database_url))
    require_current(engine)
    return engine


def operator() -> str:
    """Who acts at this terminal, for the audit."""
    return f"terminal:{getpass.getuser()}"[:64]


def note(
    connection: sa.Connection,
    workspace: WorkspaceInfo,
    *,
    now: datetime,
    action: str,
    what: str,
) -> None:
    """Record a change made at this terminal in the audit."""
    record(
        connection,
        workspace.id,
        at=now,
        actor=operator(),
        role="owner",
        action=action,
        object=what[:200],
    )


@contextmanager
def progress(words: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr while something long runs, kept off anything but a terminal.

    Gives what is called with how much is done and how much there is.
    """
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(words)
        yield lambda done, whole: bar.update(task, completed=done, total=whole)
