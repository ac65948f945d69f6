"""What buttons carry, and what a clicked one asks for.

One that only asks carries its line and runs with the rights of whoever clicks; one that changes
something carries the id of a stored action, good for one press.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

import sqlalchemy as sa
import structlog

from analytics.errors import UserError
from analytics.report import (
    FORMS,
    Button,
    Verb,
)
from bot.asking import Asking
from bot.context import Identity
from bot.registry import parse
from storage import actions
from storage.engine import reading, writing
from storage.errors import DatabaseBusy, StorageError

log = structlog.get_logger()
VERBS: tuple[Verb, ...] = ("ask", *FORMS, "edit")  # a button may carry these with its line
SINGLE: Mapping[Verb, str] = {"do": "do", "share": "once"}  # good for one press
LONGEST = 80  # characters that a button may carry on every platform: Discord has 100
PATIENCE = 0.2  # seconds that an answer waits to store its buttons
MANY = "id"  # how a button names a stored action that may be pressed again


@dataclass(frozen=True, slots=True)
class Wish:
    """What a clicked button asks for; `action` is the stored row of one that works once."""

    verb: Verb
    line: str
    action: str = field(default="", compare=False)


def public_values(
    connection: sa.Connection,
    workspace_id: int,
    buttons: Sequence[Button],
    *,
    platform: str,
    now: datetime,
) -> Mapping[Button, str]:
    """What the buttons of a post that nobody asked for carry: whoever has the right may press.

    Stored in the transaction that makes the post, so each one works or the post is not there.
    """
    values = {}
    for button in buttons:
        value = f"{button.verb}:{button.line}"
        if button.verb in SINGLE or len(value) > LONGEST:
            action = actions.store_action(
                connection,
                workspace_id,
                kind=button.verb,
                line=button.line,
                platform=platform,
                user_id=None,
                now=now,
            )
            value = f"{SINGLE.get(button.verb, MANY)}:{action}"
        values[button] = value
    return values


class Buttons:
    """The buttons of every workspace in one database."""

    def __init__(self, engine: sa.Engine, asking: Asking) -> None:
        self._engine = engine
        self._asking = asking

    def values(
        self, buttons: Sequence[Button], identity: Identity, *, longest: int
    ) -> Mapping[Button, str]:
        """What each button carries, at most `longest` characters.

        Those that must be stored are left out while the database is busy: an answer does not wait.
        """
        plain = {b: f"{b.verb}:{b.line}" for b in buttons if b.verb not in SINGLE}
        values = {b: value for b, value in plain.items() if len(value) <= longest}
        stored = [b for b in buttons if b not in values]
        if not stored:
            return values
        try:
            with writing(self._engine, patience=PATIENCE) as connection:
                return values | dict(self._stored(connection, stored, identity))
        except DatabaseBusy:
            log.warning("button.left_out", verbs=[button.verb for button in stored])
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
                user_id=identity.user_id if button.verb in SINGLE else None,
                now=self._asking.now(),
            )
            values[button] = f"{SINGLE.get(button.verb, MANY)}:{action}"
        return values

    def wish(self, value: str, identity: Identity, *, key: str) -> Wish | None:
        """What a clicked value asks for; None for one that is altered, expired or used.

        What changes something takes its button itself, in its own transaction.  What is shared is
        claimed here, and the click remembered by its key, if it has one: `settle` ends the claim,
        or time does.  Raises StorageError when that cannot be told now.
        """
        verb, _, rest = value.partition(":")
        if verb in VERBS:
            return None if verb == "ask" and _changes(rest) else Wish(verb, rest)
        single_use = verb in SINGLE.values()
        if not single_use and verb != MANY:
            return None
        claims = verb == SINGLE["share"]
        with (writing if claims else reading)(self._engine) as connection:
            try:
                workspace = self._asking.workspace_of(connection, identity)
            except UserError:
                return None
            platform, now = identity.platform, self._asking.now()
            if (
                claims
                and key
                and not actions.first_seen(
                    connection, workspace.id, platform=platform, key=key, now=now
                )
            ):
                return None
            found = actions.take_action(
                connection,
                workspace.id,
                rest,
                platform=platform,
                user_id=identity.user_id,
                now=now,
                single_use=claims,
            )
        # One that works once must not be named like one that works often, nor the other way.
        if found is None or (found.kind in SINGLE) != single_use or _changes_by_asking(found):
            return None
        return Wish(cast("Verb", found.kind), found.line, found.id if single_use else "")

    def settle(self, wish: Wish, identity: Identity, *, again: bool) -> None:
        """End the claim of a button: it may be pressed again, or never more."""
        if not wish.action:
            return
        try:
            with writing(self._engine) as connection:
                workspace = self._asking.workspace_of(connection, identity)
                if again:
                    actions.give_back(connection, workspace.id, wish.action)
                else:
                    actions.use_up(connection, workspace.id, wish.action, now=self._asking.now())
        except (UserError, StorageError) as error:
            log.warning("button.not_settled", again=again, reason=error.message)


def _changes_by_asking(found: actions.StoredAction) -> bool:
    return found.kind == "ask" and _changes(found.line)


def _changes(line: str) -> bool:
    """Whether a line changes something, which a button that only asks must not."""
    try:
        return parse(line).command.changes
    except UserError:
        return False
