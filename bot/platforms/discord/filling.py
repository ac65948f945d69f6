"""A report as a Discord message: its buttons, its picture, and what to do without either."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

import aiohttp
import discord
import structlog

from analytics.errors import UserError
from analytics.report import (
    Actions,
    Button,
    Report,
)
from bot.context import Identity
from bot.desk import Desk
from bot.platforms.discord.asking import Asked, Interaction
from bot.platforms.discord.layout import layout_of, picture_file
from bot.render import discord as renderer
from bot.renewing import Renewing, announced
from storage.errors import StorageError

log = structlog.get_logger()
CLICK = "c|"
MAX_CUSTOM_ID = 100
PATIENCE = 1.0  # seconds that a text waits for its picture before it goes out alone
Values = Mapping[Button, str]
Send = Callable[[discord.ui.LayoutView, list[discord.File]], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Page:
    """A report with what its buttons carry and, when there is one, its picture."""

    report: Report
    values: Values
    picture: bytes | None = None

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
        self._renewed: dict[int, int] = {}  # message to the interaction that renews it
        self._renewing = Renewing(desk)

    def lacks_only_its_picture(self, interaction: Interaction) -> bool:
        """Whether the text of this answer is out already."""
        return interaction.id in self._awaited.values()

    async def fill(self, asked: Asked, report: Report) -> None:
        """Put a report into the deferred answer: at once, and again when its picture is late."""
        if asked.interaction.guild_id is None:  # who else should read it there?
            report = report.without("share")
        if report.renews is not None:
            await self._fill_and_renew(asked, report, seconds=report.renews.lasts)
            return
        drawing = asyncio.create_task(self._picture(asked, report))
        try:
            page = Page(report, await self._button_values(report, asked.identity))
            await asyncio.wait({drawing}, timeout=PATIENCE)
            if drawing.done():
                await self._edit(asked, replace(page, picture=drawing.result()))
            else:
                await self._edit_late(asked, page, drawing)
        finally:
            drawing.cancel()

    async def _fill_and_renew(self, asked: Asked, report: Report, *, seconds: float) -> None:
        """Fill the answer now and go on; the token of an interaction lives 15 minutes."""
        values = await self._button_values(report, asked.identity)
        message = await self._edit(asked, Page(announced(report, seconds), values))
        self._renewed[message] = asked.interaction.id

        def is_ours() -> bool:
            # A click may have put another answer there meanwhile, and that one stays.
            return self._renewed.get(message) == asked.interaction.id

        async def again(newer: Report) -> bool:
            if not is_ours():
                return False
            try:
                await self._edit(asked, Page(newer, values))
            except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
                log.info("discord.renewal_ended", reason=str(error))
                return False
            return True

        def over() -> None:
            if is_ours():
                del self._renewed[message]

        self._renewing.start(report, asked.identity, again, over=over)

    async def leave(self) -> None:
        """Renew nothing any more."""
        await self._renewing.end()

    async def _edit(self, asked: Asked, page: Page) -> int:
        """Write the answer; the number of its message, which now waits for no older picture."""

        async def edit(view: discord.ui.LayoutView, files: list[discord.File]) -> int:
            answer = asked.interaction.edit_original_response
            return (await answer(view=view, attachments=files)).id

        message = await self._with_or_without_picture(page, edit)
        self._awaited.pop(message, None)
        if self._renewed.get(message) != asked.interaction.id:
            self._renewed.pop(message, None)
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

        async def send(view: discord.ui.LayoutView, files: list[discord.File]) -> int:
            message = await channel.send(
                view=view,
                files=files,
                nonce=nonce,
                allowed_mentions=discord.AllowedMentions.none(),
            )
            return message.id

        public = report.without("share").without("do")
        values = await self._button_values(public, asked.identity)
        picture = await self._picture(asked, public)
        await self._with_or_without_picture(Page(public, values, picture), send)

    async def add(self, asked: Asked, report: Report) -> None:
        """Put a report without picture and buttons beside an answer, for the same person."""
        view = await self._view(Page(report, {}))
        await asked.interaction.followup.send(view=view, ephemeral=True)

    async def _button_values(self, report: Report, identity: Identity) -> Values:
        """The custom_id of each button; none when the database cannot keep what they stand for."""
        buttons, longest = _buttons(report), MAX_CUSTOM_ID - len(CLICK)
        make = self._desk.button_values
        try:
            values = await self._desk.run_blocking(lambda: make(buttons, identity, longest=longest))
        except (UserError, StorageError) as error:
            log.warning("discord.buttons_left_out", reason=error.message)
            return {}
        return {button: f"{CLICK}{value}" for button, value in values.items()}

    async def _picture(self, asked: Asked, report: Report) -> bytes | None:
        interaction = asked.interaction
        if interaction.guild_id is not None and not interaction.app_permissions.attach_files:
            return None
        picture = await self._desk.picture(report, "dark")
        if picture is not None and len(picture) > interaction.filesize_limit:
            log.warning("discord.picture_too_large", size=len(picture))
            return None
        return picture

    async def _with_or_without_picture(self, page: Page, send: Send) -> int:
        """Send a page, or when it is refused with its picture the text alone; its number."""
        try:
            return await send(await self._view(page), page.files)
        except discord.HTTPException as error:
            if page.picture is None:
                raise
            log.warning("discord.picture_refused", status=error.status, code=error.code)
            return await send(await self._view(replace(page, picture=None)), [])

    async def _view(self, page: Page) -> discord.ui.LayoutView:
        """The components of a message; writing a long table would keep the loop for 100 ms."""
        image = page.picture is not None
        components = await self._desk.run_blocking(
            lambda: renderer.message(page.report, image=image, values=page.values)
        )
        return layout_of(components)


def _buttons(report: Report) -> list[Button]:
    blocks = (block for block in report.blocks if isinstance(block, Actions))
    return [button for block in blocks for button in block.buttons]
