"""The team that the bot token belongs to, tied to the default workspace at the first start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from storage import audit
from storage.engine import writing
from storage.errors import StorageError
from storage.workspaces import bind_chat, bound_workspace, find_workspace

if TYPE_CHECKING:
    from bot.desk import Desk

log = structlog.get_logger()


def bind_own_team(desk: Desk, team: str) -> None:
    """Let the team talk to the default workspace unless it is bound already.

    The operator vouches for the team with its token.  Where several workspaces exist and none is
    the default, the team stays unbound until `creditbot workspace bind`.
    """
    try:
        with writing(desk.engine) as connection:
            if bound_workspace(connection, "slack", team) is not None:
                return
            workspace = find_workspace(connection, None)
            bind_chat(connection, workspace.id, platform="slack", external_id=team, now=desk.now())
            audit.record(
                connection,
                workspace.id,
                at=desk.now(),
                actor="creditbot",
                role="owner",
                action="bind",
                object=f"slack:{team}",
                after=workspace.name,
            )
    except StorageError as error:
        log.warning("slack.team_not_bound", reason=error.message)
    else:
        log.info("slack.team_bound", team=team, workspace=workspace.name)
