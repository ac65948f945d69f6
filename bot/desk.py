"""The desk where lines are answered: one door for Slack, Discord, the terminal and the scheduler.

A line comes with the identity that a platform vouches for; out comes a report, never an
exception: mistakes, missing rights and our own bugs are reports too.  Blocking work runs in a
small thread pool, pictures in the drawing process; `now` is read here, once for each question.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar, cast

import sqlalchemy as sa
import structlog

import bot.commands  # noqa: F401  # registers every command
from analytics.errors import UserError
from analytics.report import Button, Note, Report
from bot.context import Asker, Context, Identity, Role, Visibility
from bot.drawing import Drawing
from bot.pacing import Pacing
from bot.registry import complete, find_command, parse, run
from bot.render import csv as csv_renderer
from charts import ThemeName
from storage import actions, audit
from storage.catalog import Catalog
from storage.engine import reading, writing
from storage.errors import StorageError
from storage.labels import person_of_alias
from storage.preferences import preference
from storage.reading import Reader
from storage.roles import role_of
from storage.workspaces import (
    WorkspaceInfo,
    bound_workspace,
    find_workspace,
    workspace_by_id,
)

log = structlog.get_logger()
Verb = Literal["ask", "csv", "share", "edit"]
VERBS: tuple[Verb, ...] = ("ask", "csv", "share", "edit")
Result = TypeVar("Result")
THREADS = 4
LONGEST_QUESTION = 5.0  # seconds
ONCE, MANY = "once", "id"  # how a button names its stored action: pressed once, or again


@dataclass(frozen=True, slots=True)
class Wish:
    """What a clicked button asks for."""

    verb: Verb
    line: str


class NotBound(UserError):  # noqa: N818  # the state is the name
    """The team or guild of the asker belongs to no workspace."""

    def __init__(self, identity: Identity) -> None:
        super().__init__(
            "creditbot is not connected to this place yet.",
            hint="Its operator can connect it with "
            f"`creditbot workspace bind {identity.platform}:{identity.external_id}`.",
        )


class Desk:
    """Answers lines over one database.

    `workspace` fixes the workspace for identities that come from this computer's terminal;
    identities of a chat platform belong to the workspace their team or guild is bound to.
    """

    def __init__(
        self,
        engine: sa.Engine,
        *,
        now: Callable[[], datetime],
        owners: Sequence[str] = (),
        workspace: str | None = None,
        drawing: Drawing | None = None,
        pacing: Pacing | None = None,
    ) -> None:
        self.engine = engine
        self.now = now
        self.drawing = drawing
        self._owners = frozenset(owners)
        self._workspace = workspace
        self._pacing = pacing
        self._threads = ThreadPoolExecutor(THREADS, "desk")

    # ---- for everybody who can wait

    def report(self, line: str, identity: Identity) -> Report:
        """The report of a line; raises UserError or StorageError."""
        self._pace(identity)
        with reading(self.engine, seconds=LONGEST_QUESTION) as connection:
            return run(line, self._context(connection, identity))

    def answer(self, line: str, identity: Identity) -> Report:
        """The report of a line; what went wrong is a report, too."""
        try:
            return self.report(line, identity)
        except (UserError, StorageError) as error:
            return refusal(error)
        except Exception:  # the outermost door: our bug must not reach the person
            reference = secrets.token_hex(4)
            log.exception("line.failed", reference=reference, actor=identity.actor)
            return apology(reference)

    def completions(self, name: str, param: str, text: str, identity: Identity) -> list[str]:
        """Up to 25 completions for a parameter; none when the asker may not ask at all."""
        with suppress(UserError, StorageError), reading(self.engine) as connection:
            return complete(find_command(name), param, text, self._context(connection, identity))
        return []

    def table(self, line: str, identity: Identity) -> tuple[str, bytes] | Report:
        """File name and CSV of a line's tables, or the report that says why not."""
        report = self.answer(line, identity)
        if report.period is None and not report.line:
            return report
        stamp = f"{self.now():%Y-%m-%d}"
        name = parse(report.line).command.name
        return f"creditbot-{name}-{stamp}.csv", csv_renderer.render(report)

    # ---- buttons

    def button_values(
        self, buttons: Sequence[Button], identity: Identity, *, longest: int
    ) -> Mapping[Button, str]:
        """What each button carries, at most `longest` characters.

        One that only asks carries its line; one that changes something, or whose line is too
        long, the id of a stored action.
        """
        plain = {b: f"{b.verb}:{b.line}" for b in buttons if b.verb != "share"}
        values = {b: value for b, value in plain.items() if len(value) <= longest}
        stored = [b for b in buttons if b not in values]
        if not stored:
            return values
        with writing(self.engine) as connection:
            workspace = self._workspace_of(connection, identity)
            for button in stored:
                action = actions.store_action(
                    connection,
                    workspace.id,
                    kind=button.verb,
                    line=button.line,
                    platform=identity.platform,
                    user_id=identity.user_id if button.verb == "share" else None,
                    now=self.now(),
                )
                values[button] = f"{ONCE if button.verb == 'share' else MANY}:{action}"
        return values

    def wish(self, value: str, identity: Identity) -> Wish | None:
        """What a clicked value asks for; None for one that is altered, expired or used."""
        verb, _, rest = value.partition(":")
        if verb in VERBS and verb != "share":
            return Wish(cast("Verb", verb), rest)
        if verb not in (ONCE, MANY):
            return None
        with suppress(UserError, StorageError), writing(self.engine) as connection:
            workspace = self._workspace_of(connection, identity)
            found = actions.take_action(
                connection,
                workspace.id,
                rest,
                platform=identity.platform,
                user_id=identity.user_id,
                now=self.now(),
                single_use=verb == ONCE,
            )
            return Wish(cast("Verb", found.kind), found.line) if found else None
        return None

    def shared(self, line: str, identity: Identity, *, channel: str) -> Report:
        """The report for a channel, recorded in the audit; a refusal is recorded, too."""
        try:
            with reading(self.engine, seconds=LONGEST_QUESTION) as connection:
                ctx = self._context(connection, identity)
                report = self._tried(line, ctx)
        except (UserError, StorageError) as error:
            return refusal(error)
        try:
            with writing(self.engine) as connection:
                audit.record(
                    connection,
                    ctx.reader.workspace.id,
                    at=ctx.now,
                    actor=identity.actor,
                    role=ctx.asker.role,
                    action="share",
                    object=f"{identity.platform}:{channel}",
                    after=report.line or line,
                    result="done" if report.line else "refused",
                )
        except StorageError as error:
            return refusal(error)
        return report

    @staticmethod
    def _tried(line: str, ctx: Context) -> Report:
        try:
            return run(line, ctx)
        except UserError as error:
            return refusal(error)

    def is_new(self, key: str, identity: Identity) -> bool:
        """Whether an inbound envelope is seen for the first time; unbound teams are never new."""
        with suppress(UserError, StorageError), writing(self.engine) as connection:
            workspace = self._workspace_of(connection, identity)
            return actions.first_seen(
                connection, workspace.id, platform=identity.platform, key=key, now=self.now()
            )
        return True

    # ---- the same for the event loop

    async def run_blocking(self, work: Callable[[], Result]) -> Result:
        """Run blocking work in the desk's threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def ask(self, line: str, identity: Identity) -> Report:
        """`answer` without blocking the loop."""
        return await self.run_blocking(lambda: self.answer(line, identity))

    async def picture(self, report: Report, theme: ThemeName) -> bytes | None:
        """The report's chart as PNG; None when it has none or it could not be drawn."""
        if self.drawing is None or report.figure is None:
            return None
        return await self.drawing.draw(report.figure, theme)

    def close(self) -> None:
        """Let running work end and take no more."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    # ---- who asks

    def _pace(self, identity: Identity) -> None:
        if self._pacing is None or identity.platform == "terminal":
            return
        wait = self._pacing.wait_for(identity.actor)
        if wait:
            raise UserError(
                "That was a lot at once.", hint=f"Try again in {math.ceil(wait)} seconds."
            )

    def _context(self, connection: sa.Connection, identity: Identity) -> Context:
        workspace = self._workspace_of(connection, identity)
        reader = Reader(connection, workspace, Catalog.load(connection, workspace.id))
        wall = preference(connection, workspace.id, "people_visibility") or "everyone"
        return Context(
            now=self.now(),
            reader=reader,
            asker=self._asker(connection, workspace, identity),
            people_visibility=cast("Visibility", wall),
        )

    def _workspace_of(self, connection: sa.Connection, identity: Identity) -> WorkspaceInfo:
        if identity.platform == "terminal":
            return find_workspace(connection, self._workspace)
        bound = bound_workspace(connection, identity.platform, identity.external_id)
        if bound is None:
            raise NotBound(identity)
        if identity.guest:
            raise UserError(
                "Guests and people of other organisations cannot ask here.",
                hint="Ask a member of this workspace to share an answer with you.",
            )
        return workspace_by_id(connection, bound)

    def _asker(
        self, connection: sa.Connection, workspace: WorkspaceInfo, identity: Identity
    ) -> Asker:
        local = identity.user_id if identity.platform == "terminal" else None
        aliases = [alias for alias in (identity.actor, identity.email, local) if alias]
        people = (person_of_alias(connection, workspace.id, alias) for alias in aliases)
        person = next((found for found in people if found is not None), None)
        if local and person is None:
            raise UserError(f"I know no person '{local}'.", hint="Check the name after --as.")
        return Asker(identity, self._role(connection, workspace, identity), person)

    def _role(
        self, connection: sa.Connection, workspace: WorkspaceInfo, identity: Identity
    ) -> Role:
        if identity.platform == "terminal":
            return "member" if identity.user_id else "owner"
        if identity.actor in self._owners:
            return "owner"
        return role_of(
            connection,
            workspace.id,
            platform=identity.platform,
            external_id=identity.external_id,
            user_id=identity.user_id,
        )


def refusal(error: UserError | StorageError) -> Report:
    """A mistake in the frame of an answer: what was wrong, what helps.  It carries no line."""
    hint = (Note(error.hint, "hint"),) if error.hint else ()
    return Report(title=error.message, headline=error.message, blocks=hint)


def apology(reference: str) -> Report:
    """Our own bug, in the frame of an answer."""
    return Report(
        title="Something went wrong here",
        headline="Sorry, this answer failed; the mistake is ours.",
        blocks=(Note(f"Reference {reference} stands in the log.", "hint"),),
    )
