"""What happens after a command, a click or a form: acknowledge, claim, ask, fill the answer.

Invariant: the first answer is an acknowledgement and what follows is an edit of it, which may be
repeated without harm; a follow-up that the library repeats would be a second message.
"""

from __future__ import annotations

import asyncio
import io
import secrets
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import assert_never, cast

import aiohttp
import discord
import structlog

from analytics.errors import UserError
from analytics.report import Button, Report
from bot.context import Identity
from bot.desk import Desk, Wish
from bot.platforms.discord.asking import Asked, Interaction, identity_of
from bot.platforms.discord.filling import FORM, Filling, nonce_of
from bot.platforms.discord.form import filled_line, form_of, submitted_fields

log = structlog.get_logger()
ALREADY_ACKNOWLEDGED = 40060
STALE = "This button is no longer valid. Ask again with `/credits`."
OUTDATED = "This command has changed. Reload Discord and try again."
NOWHERE = (
    "In direct messages creditbot answers people of exactly one connected server. "
    "Ask in a channel of your server instead."
)


class Answers:
    """Answers interactions through the desk; one for each connection."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._filling = Filling(desk)
        self._running: set[asyncio.Task[object]] = set()

    # ---- the ways in

    async def command(self, interaction: Interaction, line: str) -> None:
        """Answer a native command privately."""
        async with self._answering(interaction):
            await _once(interaction.response.defer(ephemeral=True, thinking=True))
            asked = await self._claimed(interaction)
            if asked is not None:
                await self._answer(asked, line)

    async def click(self, interaction: Interaction, value: str) -> None:
        """Do what a button says, with the rights of the person who clicked."""
        async with self._answering(interaction):
            asked = await self._claimed(interaction)
            if asked is not None:
                await self._grant(asked, await self._wish(value, asked.identity))

    async def submit(self, interaction: Interaction, value: str) -> None:
        """Answer the line of a submitted form."""
        async with self._answering(interaction):
            asked = await self._claimed(interaction)
            if asked is None:
                return
            wish = await self._wish(value, asked.identity)
            if wish is None:
                await _say(interaction, STALE)
                return
            components = cast("dict[str, list[dict[str, object]]]", interaction.data)["components"]
            try:
                line = filled_line(wish.line, submitted_fields(components))
            except UserError as error:
                await _say(interaction, str(error))
                return
            await self._answer_in_place(asked, line)

    async def completions(
        self, interaction: Interaction, *, command: str, param: str, text: str
    ) -> list[str]:
        """What a beginning may become; nothing for somebody who may not ask."""
        identity = await identity_of(self._desk, interaction)
        if identity is None:
            return []
        complete = self._desk.completions
        return await self._desk.run_blocking(lambda: complete(command, param, text, identity))

    async def failed(self, interaction: Interaction, error: Exception) -> None:
        """Tell the person in one sentence, with a reference that also stands in the log."""
        reference = secrets.token_hex(4)
        log.error("discord.failed", reference=reference, exc_info=error)
        text = f"Sorry, this answer failed; the mistake is ours. Reference {reference}."
        # Often the token is void or the network away, and that is why; the log has everything.
        with suppress(discord.DiscordException, aiohttp.ClientError, OSError):
            await _say(interaction, text)

    async def outdated(self, interaction: Interaction) -> None:
        """Tell somebody whose Discord still shows commands of an older version."""
        async with self._answering(interaction):
            await _say(interaction, OUTDATED)

    async def finish(self, seconds: float) -> None:
        """Let the answers under way end; cancel those that take longer."""
        if not self._running:
            return
        _, late = await asyncio.wait(self._running, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    @asynccontextmanager
    async def _answering(self, interaction: Interaction) -> AsyncIterator[None]:
        """The outermost door of one interaction."""
        task = cast("asyncio.Task[object]", asyncio.current_task())
        self._running.add(task)
        try:
            yield
        except Exception as error:  # noqa: BLE001  # the outermost door; `failed` logs it
            await self.failed(interaction, error)
        finally:
            self._running.discard(task)

    async def _claimed(self, interaction: Interaction) -> Asked | None:
        """Who asks, when this interaction is seen for the first time; None: nothing is to do."""
        identity = await identity_of(self._desk, interaction)
        if identity is None:
            await _say(interaction, NOWHERE)
            return None
        key = str(interaction.id)
        fresh = await self._desk.run_blocking(lambda: self._desk.is_new(key, identity))
        return Asked(interaction, identity) if fresh else None

    async def _wish(self, value: str, identity: Identity) -> Wish | None:
        return await self._desk.run_blocking(lambda: self._desk.wish(value, identity))

    # ---- wishes

    async def _grant(self, asked: Asked, wish: Wish | None) -> None:
        if wish is None:
            await _say(asked.interaction, STALE)
            return
        match wish.verb:
            case "ask":
                await self._answer_in_place(asked, wish.line)
            case "csv":
                await self._send_table(asked, wish.line)
            case "share":
                await self._share(asked, wish.line)
            case "edit":
                await self._open_form(asked, wish.line)
            case never:
                assert_never(never)

    async def _answer(self, asked: Asked, line: str) -> None:
        report = await self._desk.ask(line, asked.identity)
        await self._filling.fill(asked, report)

    async def _answer_in_place(self, asked: Asked, line: str) -> None:
        """Rewrite the clicker's own message; a public one stays, the answer comes privately."""
        response, message = asked.interaction.response, asked.interaction.message
        if message is None or not message.flags.ephemeral:
            await _once(response.defer(ephemeral=True, thinking=True))
            await self._answer(asked, line)
            return
        await _once(response.defer())
        report = await self._desk.ask(line, asked.identity)
        if report.line:
            await self._filling.fill(asked, report)
        else:  # a refusal must not wipe out the numbers that the person was looking at
            await self._filling.add(asked, report)

    async def _send_table(self, asked: Asked, line: str) -> None:
        interaction, identity = asked.interaction, asked.identity
        await _once(interaction.response.defer(ephemeral=True, thinking=True))
        made = await self._desk.run_blocking(lambda: self._desk.table(line, identity))
        if isinstance(made, Report):
            await self._filling.fill(asked, made)
            return
        name, table = made
        if len(table) > interaction.filesize_limit:
            await _say(interaction, "This table is too large for a file here; narrow the range.")
            return
        file = discord.File(io.BytesIO(table), name)
        await interaction.edit_original_response(content="The table as CSV:", attachments=[file])

    async def _share(self, asked: Asked, line: str) -> None:
        interaction, identity = asked.interaction, asked.identity
        await _once(interaction.response.defer(ephemeral=True, thinking=True))
        if not _may_post(interaction):
            await _say(interaction, "You or creditbot may not write in this channel.")
            return
        desk, channel = self._desk, str(interaction.channel_id)
        report = await desk.run_blocking(lambda: desk.shared(line, identity, channel=channel))
        if not report.line:
            await self._filling.fill(asked, report)
            return
        await self._filling.post(asked, report, nonce=nonce_of("share", str(interaction.id)))
        await _say(interaction, "Shared to this channel.")

    async def _open_form(self, asked: Asked, line: str) -> None:
        button = Button("Edit", line, "edit")
        values = await self._filling.button_values((button,), asked.identity, prefix=FORM)
        if button not in values:
            await _say(asked.interaction, "The form cannot be opened now; try again in a moment.")
            return
        try:
            form = form_of(line, values[button])
        except UserError as error:
            await _say(asked.interaction, str(error))
            return
        await asked.interaction.response.send_modal(form)


async def _once(acknowledging: Coroutine[object, object, object]) -> None:
    """Acknowledge; not knowing whether it arrived before is no reason to stop.

    40060 says that this interaction has its first answer: the frame came twice, or our reply to
    it was lost.  The claim that follows tells the two apart.
    """
    try:
        await acknowledging
    except discord.HTTPException as error:
        if error.code != ALREADY_ACKNOWLEDGED:
            raise


async def _say(interaction: Interaction, text: str) -> None:
    """One private sentence, by whatever way is still open."""
    waiting = discord.InteractionResponseType.deferred_channel_message
    if interaction.response.type is waiting:
        await interaction.edit_original_response(content=text)
    elif interaction.response.is_done():
        await interaction.followup.send(text, ephemeral=True)
    else:
        await interaction.response.send_message(text, ephemeral=True)


def _may_post(interaction: Interaction) -> bool:
    """Whether both the person and creditbot may write where the button was clicked."""
    both = discord.Permissions(interaction.permissions.value & interaction.app_permissions.value)
    in_thread = isinstance(interaction.channel, discord.Thread)
    return both.send_messages_in_threads if in_thread else both.send_messages
