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

    async def fill(self, asked: Asked, report: Report) -> None:
        """Put a report into the deferred answer: at once, and again when its picture is late."""

        async def edit(page: Page) -> None:
            await asked.interaction.edit_original_response(view=page.view, attachments=page.files)

        drawing = asyncio.create_task(self._picture(asked, report))
        try:
            page = Page(report, await self.button_values(_buttons(report), asked.identity))
            await asyncio.wait({drawing}, timeout=PATIENCE)
            late = not drawing.done()
            if late:
                await edit(page)
            picture = await drawing
            if picture is not None:
                await _with_or_without(replace(page, picture=picture), edit)
            elif not late:
                await edit(page)
        finally:
            drawing.cancel()

    async def post(self, asked: Asked, report: Report, *, nonce: str) -> None:
        """Put a report into the channel of the interaction, once for each nonce.

        Discord drops a second message with the same nonce within a few minutes.
        """
        interaction = asked.interaction
        place = interaction.channel_id
        assert place is not None  # noqa: S101  # the caller checked the right to write there
        channel = interaction.client.get_partial_messageable(place, guild_id=interaction.guild_id)

        async def send(page: Page) -> None:
            await channel.send(
                view=page.view,
                files=page.files,
                nonce=nonce,
                allowed_mentions=discord.AllowedMentions.none(),
            )

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


async def _with_or_without(page: Page, send: Callable[[Page], Awaitable[None]]) -> None:
    """Send a page; when it is refused with its picture, send the text alone."""
    try:
        await send(page)
    except discord.HTTPException as error:
        if page.picture is None:
            raise
        log.warning("discord.picture_refused", status=error.status, code=error.code)
        await send(replace(page, picture=None))


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
