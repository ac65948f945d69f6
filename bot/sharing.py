"""Sharing an answer with a channel: who may, and what the audit says of it.

The post is outside of the database, so its button is claimed before and settled after; a claim
that nobody settles ends by itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import sqlalchemy as sa
import structlog

from analytics.errors import UserError
from analytics.report import Report
from bot.asking import Asking
from bot.buttons import Buttons, Wish
from bot.changing import Changes
from bot.context import Context, Identity
from bot.registry import run
from storage.engine import reading
from storage.errors import StorageError

log = structlog.get_logger()
ShareResult = Literal["refused", "begun", "done", "failed", "unknown"]
LONGEST = 5.0  # seconds that the question may take


class Shares:
    """Shares of every workspace in one database."""

    def __init__(
        self, engine: sa.Engine, asking: Asking, changes: Changes, buttons: Buttons
    ) -> None:
        self._engine = engine
        self._asking = asking
        self._changes = changes
        self._buttons = buttons

    def shared(self, line: str, identity: Identity, *, channel: str) -> Report:
        """The report for a channel, or the refusal; raises UserError or StorageError."""
        with reading(self._engine, seconds=LONGEST) as connection:
            ctx = self._asking.context(connection, identity)
            found = _shareable(line, ctx)
        if isinstance(found, UserError):
            self._record(line, identity, channel=channel, result="refused")
            raise found
        self._record(found.line, identity, channel=channel, result="begun")
        return found

    def ended(self, wish: Wish, identity: Identity, *, channel: str, result: ShareResult) -> None:
        """Record what came of a share, and settle its button."""
        if result != "refused":  # which has its row already, or came before the share began
            try:
                self._record(wish.line, identity, channel=channel, result=result)
            except (UserError, StorageError) as error:
                log.error("share.result_not_recorded", result=result, reason=error.message)  # noqa: TRY400  # a busy database needs no traceback
        self._buttons.settle(wish, identity, again=result in ("refused", "failed"))

    def _record(self, line: str, identity: Identity, *, channel: str, result: ShareResult) -> None:
        place = f"{identity.platform}:{channel}"
        self._changes.record(line, identity, action="share", object_=place, result=result)


def _shareable(line: str, ctx: Context) -> Report | UserError:
    """The answer if the asker may see it and a channel may show it, else why not."""
    ctx = replace(ctx, own={})  # a channel has no taste of its own
    try:
        report = run(line, ctx)
    except UserError as error:
        return error
    if ctx.people_visibility == "everyone":
        return report
    try:
        return run(line, ctx.for_channel)
    except UserError:
        rows_for = ctx.people_visibility
        return UserError(
            f"This shows people's rows, which are for {rows_for} here, not for a channel.",
            hint="Share an answer that names nobody, such as `by-model`.",
        )
