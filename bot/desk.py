"""The desk where lines are answered: one door for Slack, Discord, the terminal and the scheduler.

A line comes with the identity that a platform vouches for; out comes a report, never an
exception: mistakes, missing rights and our own bugs are reports too.  Blocking work runs in a
small thread pool, pictures in the drawing process; `now` is read here, once for each question.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TypeVar

import sqlalchemy as sa
import structlog

import bot.commands  # noqa: F401  # registers every command
from analytics.errors import UserError
from analytics.report import (
    Button,
    Form,
    Note,
    Report,
)
from bot.asking import Asking
from bot.briefing import REPORTS, gather_briefing
from bot.buttons import Buttons, Wish
from bot.changing import Changes, Taken, keep_last_chat
from bot.context import Context, Identity, NotAllowed
from bot.drawing import Drawing
from bot.exports import Draft, File, drafted, drawn_here, too_large, unlimited
from bot.pacing import EXPORTS, QUESTIONS, Arrivals, Pace, Pacing, Turns
from bot.places import closed_conversation, reopen
from bot.registry import Call, complete, exportable, find_command, parse, run
from bot.render.pdf import Briefing
from bot.sharing import ShareResult, Shares
from charts import Document, ThemeName
from storage import actions
from storage.engine import reading, writing
from storage.errors import StorageError
from storage.preferences import set_state, state
from storage.workspaces import bound_workspace

__all__ = ["Desk", "ShareResult", "Wish", "apology", "refusal"]

log = structlog.get_logger()
Result = TypeVar("Result")
THREADS = 4
LONGEST_QUESTION = 5.0  # seconds
PATIENCE = 2.0  # seconds that a note which can be made the next time waits for the database


class Desk:
    """Answers lines over one database.

    `workspace` fixes the workspace for identities that come from this computer's terminal;
    identities of a chat platform belong to the workspace their team or guild is bound to.
    `pause` is how an answer that renews itself waits.
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
        self._asking = Asking(now=now, owners=owners, workspace=workspace)
        self._buttons = Buttons(engine, self._asking)
        self._changes = Changes(engine, self._asking)
        self._shares = Shares(engine, self._asking, self._changes, self._buttons)
        self.pause: Callable[[float], Awaitable[None]] = asyncio.sleep
        self._pacing = pacing
        self._is_shared = engine.dialect.name != "sqlite"  # with other replicas
        self._arrivals, self._turns = Arrivals(), Turns()
        self._threads = ThreadPoolExecutor(THREADS, "desk")

    # ---- for everybody who can wait

    def report(self, line: str, identity: Identity, *, key: str = "", action: str = "") -> Report:
        """The report of a line; raises UserError or StorageError.

        A line that changes something does so once for each `key`, what it arrived by, and for
        each stored `action`, whose button was pressed: of that Taken is raised.
        """
        chosen = parse(line).command
        self._hear(identity)
        if chosen.changes:
            try:
                return self._changes.make(line, identity, key=key, action=action)
            except NotAllowed:
                self._changes.record(line, identity, action=chosen.name, result="refused")
                raise
        patience = None if identity.platform == "terminal" else LONGEST_QUESTION
        with reading(self.engine, seconds=patience) as connection:
            ctx = self._asking.context(connection, identity, for_anyone=chosen.for_anyone)
            report = run(line, ctx)
        if ctx.came_over and not identity.guest:
            with suppress(RuntimeError):  # the desk closes
                self._threads.submit(self._note_chat, ctx)  # nobody waits for that
        return report

    def _note_chat(self, ctx: Context) -> None:
        """Remember by which identity a person asked last; a busy database forgets it this time."""
        with suppress(StorageError), writing(self.engine, patience=PATIENCE) as connection:
            keep_last_chat(connection, ctx)

    def _hear(self, identity: Identity) -> None:
        """Open a conversation again that took nothing: its person just spoke in it."""
        if identity.place is None or not identity.place.is_direct or identity.guest:
            return
        with suppress(UserError, StorageError):
            with reading(self.engine) as connection:
                closed = closed_conversation(self._asking.context(connection, identity))
            if closed is not None:
                with writing(self.engine) as connection:
                    reopen(self._asking.context(connection, identity), closed)

    def answer(self, line: str, identity: Identity, *, key: str = "") -> Report:
        """The report of a line; what went wrong is a report, too."""
        return self._told(identity, lambda: self.report(line, identity, key=key))

    def pressed(self, wish: Wish, identity: Identity, *, key: str = "") -> Report | None:
        """Change what a button says and take the button, both or neither.

        None where it was taken meanwhile; what went wrong is a report.
        """
        work = partial(self.report, wish.line, identity, key=key, action=wish.action)
        try:
            return self._told(identity, work)
        except Taken:
            return None

    @staticmethod
    def _told(identity: Identity, work: Callable[[], Report]) -> Report:
        try:
            return work()
        except (UserError, StorageError) as error:
            return refusal(error)
        except Taken:
            raise
        except Exception:  # the outermost door: our bug must not reach the person
            reference = secrets.token_hex(4)
            log.exception("line.failed", reference=reference, actor=identity.actor)
            return apology(reference)

    def completions(self, name: str, param: str, text: str, identity: Identity) -> list[str]:
        """Up to 25 completions for a parameter; none when the asker may not ask at all."""
        with suppress(UserError, StorageError), reading(self.engine) as connection:
            return complete(
                find_command(name), param, text, self._asking.context(connection, identity)
            )
        return []

    def draft(self, line: str, form: Form, identity: Identity) -> Draft | Report:
        """What a line's file is made of, or the report that says why not.

        A table has every row, unless the line itself names a limit.
        Three files an hour for each person; those with people's rows are in the audit.
        """
        try:
            call = exportable(line)
        except UserError as error:
            return refusal(error)
        report = self.answer(unlimited(call, form), identity)
        if not report.line:
            return report
        call = parse(report.line)
        try:
            briefing = self._briefing(call, report, identity) if form == "pdf" else None
            draft = drafted(report, form, briefing=briefing, today=self.now().date())
            self._pace(identity, EXPORTS)
            if call.shows_people or briefing is not None or report.names_people:
                self._changes.record(line, identity, action="export", object_=form, result="done")
        except (UserError, StorageError) as error:
            return refusal(error)
        return draft

    def _briefing(self, call: Call, report: Report, identity: Identity) -> Briefing | None:
        """The answers around a monthly report; None for any other line."""
        if call.command.name not in REPORTS:
            return None
        with reading(self.engine) as connection:
            return gather_briefing(call, report, self._asking.context(connection, identity))

    # ---- buttons

    def button_values(
        self, buttons: Sequence[Button], identity: Identity, *, longest: int
    ) -> Mapping[Button, str]:
        """What each button carries, at most `longest` characters."""
        return self._buttons.values(buttons, identity, longest=longest)

    def wish(self, value: str, identity: Identity, *, key: str = "") -> Wish | None:
        """What a clicked value asks for; None for one that is altered, expired or used.

        `key` is what the click is recognised by when it arrives again.  Raises StorageError when
        it cannot be told now.
        """
        return self._buttons.wish(value, identity, key=key)

    def shared(self, line: str, identity: Identity, *, channel: str) -> Report:
        """The report for a channel; begun and refused shares are in the audit.

        Whoever posts it tells `share_ended` what came of it.
        """
        try:
            return self._shares.shared(line, identity, channel=channel)
        except (UserError, StorageError) as error:
            return refusal(error)

    def share_ended(
        self, wish: Wish, identity: Identity, *, channel: str, result: ShareResult
    ) -> None:
        """Record whether a share that was begun was posted; the post itself is not undone.

        Its button may be pressed again when surely nothing was posted.
        """
        self._shares.ended(wish, identity, channel=channel, result=result)

    # ---- the door

    async def is_new(self, key: str, identity: Identity, *further: str) -> bool:
        """Whether an inbound envelope comes for the first time, by any key, to any replica.

        Raises TooMuch for somebody who sends new ones too fast, and StorageError where replicas
        share a database that cannot tell.
        """
        place = f"{identity.platform}:{identity.external_id}"
        keys = (key, *further)
        if not self._arrivals.are_new(place, keys):
            return False
        self._pace(identity, QUESTIONS)
        if not self._is_shared:
            return True
        return await self.run_blocking(lambda: self._came_first(identity.platform, place, keys))

    def _came_first(self, platform: str, place: str, keys: Sequence[str]) -> bool:
        """Kept before anything is answered: what two replicas get, one of them answers."""
        with writing(self.engine) as connection:
            known_as = [f"{place}:{key}" for key in keys]
            return actions.first_arrival(connection, known_as, platform=platform, now=self.now())

    def _pace(self, identity: Identity, pace: Pace) -> None:
        if self._pacing is not None and identity.platform != "terminal":
            self._pacing.take(identity.actor, pace)

    # ---- places, and what the program remembers

    def bind_team(self, platform: str, external_id: str) -> str | None:
        """Bind an unbound team to the default workspace; the workspace's name.

        None for a team that is bound already.  Raises StorageError where it is not clear which
        workspace is meant, DatabaseBusy when it should be tried again.
        """
        with writing(self.engine) as connection:
            return self._asking.bind(connection, platform, external_id)

    def bound(self, platform: str, external_ids: Sequence[str]) -> list[str]:
        """Those of a platform's teams that talk to a workspace.  Raises StorageError."""
        with reading(self.engine) as connection:
            return [team for team in external_ids if bound_workspace(connection, platform, team)]

    def remembered(self, name: str) -> str | None:
        """What the program remembered under a name.  Raises StorageError."""
        with reading(self.engine) as connection:
            return state(connection, name)

    def remember(self, name: str, value: str) -> None:
        """Remember a value of the program's own.  Raises StorageError."""
        with writing(self.engine) as connection:
            set_state(connection, name, value)

    # ---- the same for the event loop

    async def run_blocking(self, work: Callable[[], Result]) -> Result:
        """Run blocking work in the desk's threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def ask(self, line: str, identity: Identity, *, key: str = "") -> Report:
        """`answer` without blocking the loop, a few at once for each team or guild."""
        answer = partial(self.answer, line, identity, key=key)
        return await self._in_turn(identity, answer)

    async def press(self, wish: Wish, identity: Identity, *, key: str = "") -> Report | None:
        """`pressed`, in the same way."""
        return await self._in_turn(identity, partial(self.pressed, wish, identity, key=key))

    async def _in_turn(self, identity: Identity, work: Callable[[], Result]) -> Result | Report:
        try:
            async with self._turns.turn(f"{identity.platform}:{identity.external_id}"):
                return await self.run_blocking(work)
        except UserError as error:
            return refusal(error)

    async def export(
        self, line: str, form: Form, identity: Identity, *, largest: int | None = None
    ) -> File | Report:
        """A line's answer as a file of at most `largest` bytes, or the report that says why not."""
        draft = await self.run_blocking(lambda: self.draft(line, form, identity))
        if isinstance(draft, Report):
            return draft
        content = await self._written(draft)
        if content is None:
            words = "The picture" if draft.form == "png" else "The file"
            return refusal(UserError(f"{words} could not be drawn.", hint="Try it as CSV."))
        if largest is not None and len(content) > largest:
            return refusal(too_large(len(content), largest))
        return File(draft.name, content, draft.alt)

    async def _written(self, draft: Draft) -> bytes | None:
        """The content of a file, drawn where it is a picture or a document."""
        what, drawing = draft.what, self.drawing
        if isinstance(what, bytes):
            return what
        if drawing is None:
            return await self.run_blocking(lambda: drawn_here(what, draft.theme))
        if isinstance(what, Document):
            return await drawing.print(what)
        return await drawing.draw(what, draft.theme)

    async def picture(self, report: Report, usual: ThemeName) -> bytes | None:
        """The report's chart as PNG; None when it has none or it could not be drawn.

        `usual` is the theme where nobody chose another.
        """
        if self.drawing is None or report.figure is None:
            return None
        try:
            return await self.drawing.draw(report.figure, report.theme or usual)
        except Exception:  # drawing is another program's business; the text must go out
            log.exception("picture.failed", kind=report.figure.kind)
            return None

    def close(self) -> None:
        """Let running work end and take no more."""
        self._threads.shutdown(wait=True, cancel_futures=True)


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
