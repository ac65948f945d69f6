"""What buttons carry, and what a clicked one asks for.

One that only asks carries its line and runs with the rights of whoever clicks; one that changes
something carries the id of a stored action, good for one press.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import sqlalchemy as sa
import structlog

from analytics.errors import UserError
from analytics.report import Button, Verb
from bot.asking import Asking
from bot.context import Identity
from storage import actions
from storage.engine import reading, writing
from storage.errors import StorageError

log = structlog.get_logger()
VERBS: tuple[Verb, ...] = ("ask", "csv", "share", "edit")
ONCE, MANY = "once", "id"  # how a button names its stored action: pressed once, or again


@dataclass(frozen=True, slots=True)
class Wish:
    """What a clicked button asks for; `action` is the stored row of one that works once."""

    verb: Verb
    line: str
    action: str = field(default="", compare=False)


class Buttons:
    """The buttons of every workspace in one database."""

    def __init__(self, engine: sa.Engine, asking: Asking) -> None:
        self._engine = engine
        self._asking = asking

    def values(
        self, buttons: Sequence[Button], identity: Identity, *, longest: int
    ) -> Mapping[Button, str]:
        """What each button carries, at most `longest` characters."""
        plain = {b: f"{b.verb}:{b.line}" for b in buttons if b.verb != "share"}
        values = {b: value for b, value in plain.items() if len(value) <= longest}
        stored = [b for b in buttons if b not in values]
        if stored:
            with writing(self._engine) as connection:
                values |= self._stored(connection, stored, identity)
        return values

    def _stored(
        self, connection: sa.Connection, buttons: Sequence[Button], identity: Identity
    ) -> Mapping[Button, str]:
        workspace = self._asking.workspace_of(connection, identity)
        values = {}
        for button in buttons:
            action = actions.store_action(
                connection,
                workspace.id,
                kind=button.verb,
                line=button.line,
                platform=identity.platform,
                user_id=identity.user_id if button.verb == "share" else None,
                now=self._asking.now(),
            )
            values[button] = f"{ONCE if button.verb == 'share' else MANY}:{action}"
        return values

    def wish(self, value: str, identity: Identity) -> Wish | None:
        """What a clicked value asks for; None for one that is altered, expired or used.

        Raises StorageError when that cannot be told now.
        """
        verb, _, rest = value.partition(":")
        if verb in VERBS and verb != "share":
            return Wish(cast("Verb", verb), rest)
        if verb not in (ONCE, MANY):
            return None
        single_use = verb == ONCE
        with (writing if single_use else reading)(self._engine) as connection:
            try:
                workspace = self._asking.workspace_of(connection, identity)
            except UserError:
                return None
            found = actions.take_action(
                connection,
                workspace.id,
                rest,
                platform=identity.platform,
                user_id=identity.user_id,
                now=self._asking.now(),
                single_use=single_use,
            )
        if found is None:
            return None
        return Wish(cast("Verb", found.kind), found.line, found.id if single_use else "")

    def give_back(self, wish: Wish, identity: Identity) -> None:
        """Let a button be pressed again: what it asked for was surely not done."""
        if not wish.action:
            return
        try:
            with writing(self._engine) as connection:
                workspace = self._asking.workspace_of(connection, identity)
                actions.give_back(connection, workspace.id, wish.action)
        except (UserError, StorageError) as error:
            log.warning("button.not_given_back", reason=error.message)
