"""Keys with which programs send usage and read answers over HTTP."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from analytics.errors import UserError
from analytics.text import clean
from bot.cli.terminal import (
    WorkspaceOption,
    current_engine,
    load_settings,
    note,
    operator,
    out,
    utc_now,
)
from storage.engine import reading, writing
from storage.keys import KeyScope, create_key, list_keys, revoke_key
from storage.text import folded
from storage.workspaces import find_workspace

keys = typer.Typer(help="Keys of the HTTP interface.", no_args_is_help=True)


class Scope(StrEnum):
    """What a key opens."""

    INGEST = "ingest"
    ALLOWANCE = "allowance"
    EXPORT = "export"
    TRIALS = "trials"


_SCOPES: dict[Scope, KeyScope] = {
    Scope.INGEST: "ingest",
    Scope.ALLOWANCE: "allowance",
    Scope.EXPORT: "export",
    Scope.TRIALS: "trials",
}


@keys.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is: gateway.")],
    scope: Annotated[Scope, typer.Option("--scope", help="What it opens.")] = Scope.INGEST,
    workspace: WorkspaceOption = None,
) -> None:
    """Create a key and show it, this once."""
    if not folded(name):
        raise UserError(f"'{name}' is no name.", hint="Say whose key it is, for example gateway.")
    now = utc_now()
    with writing(current_engine(load_settings())) as connection:
        chosen = find_workspace(connection, workspace)
        made, secret = create_key(
            connection, chosen.id, name, _SCOPES[scope], created_by=operator(), now=now
        )
        what = f"{made.id} {made.name} {scope}"
        note(connection, chosen, now=now, action="keys.create", what=what)
    out.print(secret)
    out.print(f"Key {made.id} of {made.name} opens {scope} of workspace {chosen.name}.")
    out.print("Keep it now: it is not shown again.")


@keys.command("list")
def show(workspace: WorkspaceOption = None) -> None:
    """Every key with its use; never its secret."""
    with reading(current_engine(load_settings())) as connection:
        chosen = find_workspace(connection, workspace)
        found = list_keys(connection, chosen.id)
    zone = chosen.clock().zone
    table = Table("Key", "Name", "Opens", "Created", "Last used", "Revoked", box=None)
    for one in found:
        times = (_told(at, zone) for at in (one.created_at, one.last_used_at, one.revoked_at))
        table.add_row(one.id, clean(one.name), one.scope, *times)
    out.print(table if found else "There is no key yet.")


@keys.command("revoke")
def revoke(
    key: Annotated[str, typer.Argument(help="The id of a key, as `list` shows it.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Let a key open nothing from now on."""
    now = utc_now()
    with writing(current_engine(load_settings())) as connection:
        chosen = find_workspace(connection, workspace)
        gone = revoke_key(connection, chosen.id, key, now=now)
        if gone is None:
            # What was typed may be a whole key: it must not come back on the screen.
            raise UserError(
                "There is no live key with this id.", hint="`creditbot keys list` names them."
            )
        note(connection, chosen, now=now, action="keys.revoke", what=f"{gone.id} {gone.name}")
    out.print(f"Key {gone.id} of {gone.name} is revoked.")


def _told(at: datetime | None, zone: ZoneInfo) -> str:
    return "–" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
