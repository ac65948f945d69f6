"""How a report becomes messages: text at once, the chart with it when it is quick, never without.

A rejected message is sent again plainer, each form once: without its chart, without native
tables, as bare text.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import structlog

from analytics.errors import UserError
from analytics.figures import (
    Figure,
)
from analytics.report import (
    Actions,
    Button,
    Export,
    Note,
    Report,
)
from bot.context import Identity
from bot.platforms.slack.envelopes import row_id
from bot.platforms.slack.faults import NETWORK, TROUBLE, BlocksRejected, word_of
from bot.platforms.slack.outlets import Outlet, sentence
from bot.platforms.slack.pictures import Clients, Files, Untrusted, Upload
from bot.platforms.slack.standing import Standing
from bot.render.slack import SlackMessage, fallback, message, plain
from bot.renewing import Renewing, announced
from storage.errors import StorageError

if TYPE_CHECKING:
    from bot.desk import Desk

log = structlog.get_logger()
CHARTS = frozenset({"image", "data_visualization"})
MAX_VALUE = 2000  # characters in a button: docs.slack.dev/reference/block-kit/block-elements
CHART_SECONDS = 20.0  # drawing and Slack's look at the file, for a message that cannot be changed
MAX_FILE = 1_000_000_000  # bytes: slack.com/help/articles/201330736
FILES = 1_000  # whose ids are remembered, so that an equal chart is uploaded once
NOT_DRAWN = Note("The chart could not be drawn.")
DRAWING = Note("The chart follows in a moment.")


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody asked: a channel, and a thread of it."""

    channel: str
    thread: str | None = None


NOWHERE = Place("")


class Answers:
    """Shows reports in outlets; text waits at most `patience` seconds for its chart."""

    def __init__(self, desk: Desk, clients: Clients, files: Files, *, patience: float) -> None:
        self._desk = desk
        self._clients = clients
        self._files = files
        self._patience = patience
        self._standing = Standing()
        self._renewing = Renewing(desk)
        self._uploaded: OrderedDict[str, str] = OrderedDict()  # digest of a figure to its file

    async def answer(self, line: str, identity: Identity, outlet: Outlet, *, key: str = "") -> None:
        """Ask the line and show what comes out, unless a newer answer took its place."""
        self._standing.claim(outlet)
        report = await self._desk.ask(line, identity, key=key)
        if self._standing.is_gone(outlet):
            return
        if report.export is not None:
            await self.send_file(report.export, identity, outlet)
        elif report.renews is None or not outlet.renews:
            await self.show(report, identity, outlet)
        else:
            await self.show(announced(report, report.renews.lasts), identity, outlet)
            again = partial(self._show_again, identity=identity, outlet=outlet)
            self._renewing.start(report, identity, again, uses=outlet.changes)

    async def send_file(
        self, wanted: Export, identity: Identity, outlet: Outlet, *, place: Place = NOWHERE
    ) -> None:
        """Send an answer as a file into the conversation with the bot, and say so elsewhere."""
        made = await self._desk.export(wanted.line, wanted.form, identity, largest=MAX_FILE)
        if isinstance(made, Report):
            await self.show(made, identity, outlet)
            return
        opened = await self._clients.reads.conversations_open(users=identity.user_id)
        direct: str = opened["channel"]["id"]
        # A thread of another channel does not exist in the direct conversation.
        thread = place.thread if place.channel == direct else None
        file = Upload(made.name, made.content, title=made.name, alt=made.alt)
        try:
            await self._files.send(file, channel=direct, thread=thread)
        except NETWORK:
            await outlet.show(sentence("Slack did not answer. Ask again if no file came."))
            return
        if place.channel != direct and not outlet.alone:
            await outlet.show(sentence(f"I sent you {made.name} as a direct message."))

    async def _show_again(self, report: Report, *, identity: Identity, outlet: Outlet) -> bool:
        """Put a newer form into the place of an answer; False when that is over."""
        if self._standing.is_gone(outlet):
            return False
        report, values = await self._with_buttons(report, identity)
        try:
            await self._deliver(_forms(report, None, values), outlet, renew=True)
        except (*TROUBLE, Untrusted) as error:
            log.info("slack.renewal_ended", reason=word_of(error))
            return False
        return True

    async def leave(self) -> None:
        """Renew nothing any more."""
        await self._renewing.end()

    async def show(self, report: Report, identity: Identity, outlet: Outlet) -> None:
        """Show a report; raises one of `faults.TROUBLE` when nothing of it could be sent."""
        if outlet.alone:
            report = report.without("share")
        report, values = await self._with_buttons(report, identity)
        if report.figure is None:
            await self._deliver(_forms(report, None, values), outlet)
            return
        drawing = asyncio.create_task(self._picture(report))
        try:
            # Not wait_for: a picture that is late must go on being drawn.
            await asyncio.wait({drawing}, timeout=self._patience)
            if drawing.done():
                await self._deliver(_final(report, drawing.result(), values), outlet)
                return
            first = replace(report, blocks=(*report.blocks, DRAWING))
            await self._deliver(_forms(first, None, values), outlet)
            image = await drawing
            if self._standing.is_gone(outlet):
                return
            if outlet.renews:
                await self._deliver(_final(report, image, values), outlet, renew=True)
            else:
                await self._deliver(_chart_alone(report, image), outlet)
        finally:
            drawing.cancel()

    async def show_once(self, report: Report, identity: Identity, outlet: Outlet) -> None:
        """Show a report in one message, with its chart if that comes in time."""
        report, values = await self._with_buttons(report, identity)
        if report.figure is None:
            await self._deliver(_forms(report, None, values), outlet)
            return
        try:
            async with asyncio.timeout(CHART_SECONDS):
                image = await self._picture(report)
        except TimeoutError:
            image = None
        await self._deliver(_final(report, image, values), outlet)

    async def _deliver(
        self, forms: Iterator[SlackMessage], outlet: Outlet, *, renew: bool = False
    ) -> None:
        """Send the first form that Slack takes."""
        send = outlet.renew if renew else outlet.show
        # In a thread: writing a long table would keep the loop for a hundred milliseconds.
        while form := await self._desk.run_blocking(partial(next, forms, None)):
            try:
                await send(_named(form, outlet.token))
            except BlocksRejected as error:
                log.warning("slack.blocks_rejected", reason=str(error))
                self._uploaded.clear()  # a file that was deleted in Slack may be why
            else:
                return

    async def _with_buttons(
        self, report: Report, identity: Identity
    ) -> tuple[Report, Mapping[Button, str]]:
        """The report and what its buttons carry; without buttons when those cannot be stored."""
        rows = [block for block in report.blocks if isinstance(block, Actions)]
        buttons = [button for row in rows for button in row.buttons]
        work = partial(self._desk.button_values, buttons, identity, longest=MAX_VALUE)
        try:
            return report, await self._desk.run_blocking(work)
        except (UserError, StorageError) as error:
            log.warning("slack.buttons_left_out", reason=error.message)
            rest = tuple(block for block in report.blocks if not isinstance(block, Actions))
            return replace(report, blocks=rest), {}

    async def _picture(self, report: Report) -> str | None:
        """The file id of the uploaded chart; None when it could not be drawn or uploaded."""
        figure = report.figure
        if figure is None:
            return None
        digest = hashlib.sha256(f"{report.theme}{figure!r}".encode()).hexdigest()
        known = self._uploaded.get(digest)
        if known is not None:
            return known
        drawn = await self._desk.picture(report, "light")
        file_id = None if drawn is None else await self._upload(figure, drawn)
        if file_id is not None:
            self._uploaded[digest] = file_id
            if len(self._uploaded) > FILES:
                self._uploaded.popitem(last=False)
        return file_id

    async def _upload(self, figure: Figure, drawn: bytes) -> str | None:
        name = f"creditbot-{figure.kind.replace('_', '-')}.png"
        file = Upload(name, drawn, title=figure.title, alt=figure.alt)
        try:
            file_id = await self._files.send(file)
            if await self._files.is_ready(file_id):
                return file_id
            log.warning("slack.picture_not_ready")
        except (*TROUBLE, Untrusted) as error:
            log.warning("slack.picture_not_uploaded", reason=word_of(error))
        return None


def _named(form: SlackMessage, answer: str) -> SlackMessage:
    """The message with named rows of buttons: a click tells which answer it is under."""
    blocks = [
        block | {"block_id": row_id(answer, number)} if block["type"] == "actions" else block
        for number, block in enumerate(form.blocks)
    ]
    return replace(form, blocks=blocks)


def _forms(
    report: Report, image: str | None, values: Mapping[Button, str]
) -> Iterator[SlackMessage]:
    """The same answer from its richest form to bare text."""
    full = message(report, image=image, values=values)
    yield full
    blocks = [block for block in full.blocks if block["type"] not in CHARTS]
    if len(blocks) < len(full.blocks):
        yield replace(full, blocks=blocks)
    yield fallback(report, values)
    yield SlackMessage(text=plain(report), blocks=[])


def _final(
    report: Report, image: str | None, values: Mapping[Button, str]
) -> Iterator[SlackMessage]:
    if image is None:
        report = replace(report, blocks=(*report.blocks, NOT_DRAWN))
    return _forms(report, image, values)


def _chart_alone(report: Report, image: str | None) -> Iterator[SlackMessage]:
    if image is None:
        yield sentence(NOT_DRAWN.text)
        return
    full = message(report, image=image, values={})
    charts: Sequence[dict[str, object]] = [b for b in full.blocks if b["type"] in CHARTS]
    yield replace(full, blocks=list(charts))
