"""Changes that people order: what is changed, what ordered it, and its button, in one transaction.

A process that dies leaves all of it or nothing: no button that was used up and did nothing.
"""

from __future__ import annotations

import sqlalchemy as sa

from analytics.errors import UserError
from analytics.report import Report
from bot.asking import Asking
from bot.context import LAST_CHAT, Context, Identity
from bot.registry import run
from storage import actions, audit
from storage.engine import writing
from storage.preferences import set_preference


class Taken(Exception):  # noqa: N818  # the state is the name
    """The button, or the click on it, did its work before."""


class Changes:
    """What changes something in one database."""

    def __init__(self, engine: sa.Engine, asking: Asking) -> None:
        self._engine = engine
        self._asking = asking

    def make(self, line: str, identity: Identity, *, key: str = "", action: str = "") -> Report:
        """Run a line that changes something, once for each key and for each stored action.

        Raises UserError or StorageError, and then nothing was changed or taken; Taken where the
        action was.
        """
        with writing(self._engine) as connection:
            ctx = self._asking.context(connection, identity, may_change=True)
            if action:
                _take(connection, ctx, action, key)
            elif key and not _is_new(connection, ctx, key):
                raise UserError("This was done already.", hint="Nothing was changed again.")
            report = run(line, ctx)
            if ctx.came_over:
                keep_last_chat(connection, ctx)
            return report

    def record(
        self, line: str, identity: Identity, *, action: str, result: str, object_: str = ""
    ) -> None:
        """Keep in the audit what somebody did or tried without a change of its own."""
        with writing(self._engine) as connection:
            ctx = self._asking.context(connection, identity)
            audit.record(
                connection,
                ctx.reader.workspace.id,
                at=ctx.now,
                actor=identity.actor,
                role=ctx.asker.role,
                action=action,
                object=object_,
                after=line,
                result=result,
            )


def _take(connection: sa.Connection, ctx: Context, action: str, key: str) -> None:
    identity = ctx.asker.identity
    found = actions.take_action(
        connection,
        ctx.reader.workspace.id,
        action,
        platform=identity.platform,
        user_id=identity.user_id,
        now=ctx.now,
        single_use=True,
    )
    if found is None or (key and not _is_new(connection, ctx, key)):
        raise Taken


def _is_new(connection: sa.Connection, ctx: Context, key: str) -> bool:
    place, platform = ctx.reader.workspace.id, ctx.asker.identity.platform
    return actions.first_seen(connection, place, platform=platform, key=key, now=ctx.now)


def keep_last_chat(connection: sa.Connection, ctx: Context) -> None:
    """Remember by which identity a person asks: there personal warnings go."""
    person, actor = ctx.asker.person_id, ctx.asker.identity.actor
    if person is not None:
        place = ctx.reader.workspace.id
        set_preference(connection, place, LAST_CHAT, actor, person_id=person)
