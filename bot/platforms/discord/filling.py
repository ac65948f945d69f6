"""A report as a Discord message: its buttons, its picture, and what to do without either."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import discord
import structlog

from analytics.errors import UserError
from analytics.report import Actions, Button, Report
from bot.context import Identity
from bot.desk import Desk
from bot.platforms.discord.asking import Asked
from bot.platforms.discord.layout import layout_of, picture_file
from bot.render import discord as renderer
from storage.errors import StorageError

log = structlog.get_logger()
CLICK, FORM = "c|", "f|"
MAX_CUSTOM_ID = 100
PATIENCE = 1.0  # seconds that a text waits for its picture before it goes out alone
Values = Mapping[Button, str]


@dataclass(frozen=True, slots=True)
class Page:
    """A report with what its buttons carry and, when there is one, its picture."""

    report: Report
    values: Values
    picture: bytes | None = None

    @property
    def view(self) -> discord.ui.LayoutView:
        """The components of the message."""
        image = self.picture is not None
        return layout_of(renderer.message(self.report, image=image, values=self.values))

    @property
    def files(self) -> list[discord.File]:
        """The chart, or nothing."""
        figure = self.report.figure
        return [picture_file(self.picture, figure)] if self.picture and figure else []


class Filling:
    """Writes reports into answers and channels; a picture never costs the text its way out."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._awaited: dict[int, int] = {}  # message to the interaction whose picture it lacks

    async def fill(self, asked: Asked, report: Report) -> None:
        """Put a report into the deferred answer: at once, and again when its picture is late."""
        drawing = asyncio.create_task(self._picture(asked, report))
        try:
            page = Page(report, await self.button_values(_buttons(report), asked.identity))
            await asyncio.wait({drawing}, timeout=PATIENCE)
            if drawing.done():
                await self._edit(asked, replace(page, picture=drawing.result()))
            else:
                await self._edit_late(asked, page, drawing)
        finally:
            drawing.cancel()

    async def _edit(self, asked: Asked, page: Page) -> int:
        """Write the answer; the number of its message, which now waits for no older picture."""

        async def edit(page: Page) -> int:
            answer = asked.interaction.edit_original_response
            return (await answer(view=page.view, attachments=page.files)).id

        message = await _with_or_without(page, edit)
        self._awaited.pop(message, None)
        return message

    async def _edit_late(
        self, asked: Asked, page: Page, drawing: asyncio.Task[bytes | None]
    ) -> None:
        message = await self._edit(asked, page)
        self._awaited[message] = asked.interaction.id
        try:
            picture = await drawing
            # A click may have put another answer there meanwhile, and that one stays.
            if picture is not None and self._awaited.get(message) == asked.interaction.id:
                await self._edit(asked, replace(page, picture=picture))
        finally:
            if self._awaited.get(message) == asked.interaction.id:
                del self._awaited[message]

    async def post(self, asked: Asked, report: Report, *, nonce: str) -> None:
        """Put a report into the channel of the interaction, once for each nonce.

        Discord drops a second message with the same nonce within a few minutes.
        """
        interaction = asked.interaction
        place = interaction.channel_id
        assert place is not None  # noqa: S101  # the caller checked the right to write there
        channel = interaction.client.get_partial_messageable(place, guild_id=interaction.guild_id)

        async def send(page: Page) -> int:
            message = await channel.send(
                view=page.view,
                files=page.files,
                nonce=nonce,
                allowed_mentions=discord.AllowedMentions.none(),
            )
            return message.id

        public = _without_shares(report)
        values = await self.button_values(_buttons(public), asked.identity)
        picture = await self._picture(asked, public)
        await _with_or_without(Page(public, values, picture), send)

    async def add(self, asked: Asked, report: Report) -> None:
        """Put a report without picture and buttons beside an answer, for the same person."""
        await asked.interaction.followup.send(view=Page(report, {}).view, ephemeral=True)

    async def button_values(
        self, buttons: Sequence[Button], identity: Identity, *, prefix: str = CLICK
    ) -> Values:
        """The custom_id of each button; none when the database cannot keep what they stand for."""
        longest = MAX_CUSTOM_ID - len(prefix)
        make = self._desk.button_values
        try:
            values = await self._desk.run_blocking(lambda: make(buttons, identity, longest=longest))
        except (UserError, StorageError) as error:
            log.warning("discord.buttons_left_out", reason=error.message)
            return {}
        return {button: f"{prefix}{value}" for button, value in values.items()}

    async def _picture(self, asked: Asked, report: Report) -> bytes | None:
        interaction = asked.interaction
        if interaction.guild_id is not None and not interaction.app_permissions.attach_files:
            return None
        try:
            picture = await self._desk.picture(report, "dark")
        except Exception:  # drawing is another program's business; the text must go out
            log.exception("discord.picture_failed")
            return None
        if picture is not None and len(picture) > interaction.filesize_limit:
            log.warning("discord.picture_too_large", size=len(picture))
            return None
        return picture


def nonce_of(*parts: str) -> str:
    """At most 25 characters, equal for equal parts and never for others."""
    digest = hashlib.sha256("|".join(parts).encode()).digest()
    return base64.b32encode(digest).decode()[:25]


async def _with_or_without(page: Page, send: Callable[[Page], Awaitable[int]]) -> int:
    """Send a page, or when it is refused with its picture the text alone; the message's number."""
    try:
        return await send(page)
    except discord.HTTPException as error:
        if page.picture is None:
            raise
        log.warning("discord.picture_refused", status=error.status, code=error.code)
        return await send(replace(page, picture=None))


def _buttons(report: Report) -> list[Button]:
    blocks = (block for block in report.blocks if isinstance(block, Actions))
    return [button for block in blocks for button in block.buttons]


def _without_shares(report: Report) -> Report:
    """What is shared already needs no button for it."""
    blocks = (
        Actions(tuple(b for b in block.buttons if b.verb != "share"))
        if isinstance(block, Actions)
        else block
        for block in report.blocks
    )
    return replace(report, blocks=tuple(blocks))
