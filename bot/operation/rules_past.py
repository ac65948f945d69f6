"""Task rules over past usage: asked for in chat, done by the service's clock or the program.

It may take minutes and writes in parts, so no answer waits for it.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from analytics.numbers import count_text, counted
from storage.apart import Apart
from storage.engine import reading, writing
from storage.preferences import set_state, state
from storage.task_rules import Reapplied, reapply
from storage.workspaces import WorkspaceInfo, list_workspaces

ASKED, DONE = "task_rules_asked", "task_rules_done"


def ask_for(connection: sa.Connection, workspace_id: int, *, actor: str) -> None:
    """Remember that somebody wants the rules applied to the past."""
    set_state(connection, ASKED, actor, workspace_id=workspace_id)


def last_run(connection: sa.Connection, workspace_id: int) -> str | None:
    """What the last run came to, in words, or that one is due; None before the first."""
    if state(connection, ASKED, workspace_id):
        return "They are being applied to past usage."
    return state(connection, DONE, workspace_id)


def apply_asked(engine: sa.Engine, *, now: datetime) -> dict[str, Reapplied]:
    """Apply the rules of every workspace that asked for it; what came of it, by workspace.

    What is interrupted is done again.
    """
    with reading(engine) as connection:
        found = list_workspaces(connection)
        asked = {one: state(connection, ASKED, one.id) for one in found}
    runs = {}
    with Apart() as apart:
        for workspace, actor in asked.items():
            with apart.turn(workspace.name):
                if actor:
                    runs[workspace.name] = _apply(engine, workspace, actor, now)
    return runs


def _apply(engine: sa.Engine, workspace: WorkspaceInfo, actor: str, now: datetime) -> Reapplied:
    run = reapply(engine, workspace, actor=actor, now=now)
    words = f"{counted(run.changed, 'event')} of {count_text(run.read)} changed"
    local = now.astimezone(workspace.clock().zone)
    with writing(engine) as connection:
        set_state(connection, ASKED, "", workspace_id=workspace.id)
        done = f"Last applied to the past on {local:%Y-%m-%d at %H:%M}: {words}."
        set_state(connection, DONE, done, workspace_id=workspace.id)
    return run
