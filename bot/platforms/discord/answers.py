"""What happens after a command, a click or a form: acknowledge, claim, ask, fill the answer.

Invariant: the first answer is an acknowledgement and what follows is an edit of it, which may be
repeated without harm; a follow-up that the library repeats would be a second message.
"""

from __future__ import annotations

import asyncio
import io
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Literal, assert_never, cast

import aiohttp
import discord
import structlog

from analytics.errors import UserError
from analytics.report import (
    FORMS,
    Export,
    Report,
)
from bot.buttons import MANY, SINGLE, Wish
from bot.context import Identity
from bot.desk import Desk
from bot.pacing import TooMuch
from bot.platforms.discord.asking import PLATFORM, Asked, Interaction, identity_of
from bot.platforms.discord.filling import Filling
from bot.platforms.discord.form import filled_line, form_of, submitted_fields
from bot.platforms.discord.layout import MAX_ALT
from bot.platforms.discord.nonces import nonce_of
from storage.errors import StorageError

log = structlog.get_logger()
ALREADY_ACKNOWLEDGED = 40060
UNAUTHORIZED = 401
FORM = "f|"
FAREWELL_SECONDS = 1.0
STALE = "This button is no longer valid. Ask again with `/credits`."
OUTDATED = "This command has changed. Reload Discord and try again."
NOWHERE = (
    "In direct messages creditbot answers people of exactly one connected server. "
    "Ask in a channel of your server instead."
)
SILENT = "You or creditbot may not write in this channel."
LEAVING = "creditbot is being restarted and did not get to this. Ask again in a moment."
SHARED = {
    "done": "Shared to this channel.",
    "failed": "Discord refused the message, so nothing was shared. You can press the button again.",
    "unknown": "Discord did not answer. Look into the channel before you share it again.",
}


class Answers:
    """Answers interactions through the desk; one for each connection.

    `token_refused` is called when Discord no longer takes the bot's token, which the gateway need
    not notice.
    """

    def __init__(self, desk: Desk, *, token_refused: Callable[[], None]) -> None:
        self._desk = desk
        self._token_refused = token_refused
        self._filling = Filling(desk)
        self._running: dict[asyncio.Task[object], Interaction] = {}

    # ---- the ways in: Discord waits 3 seconds for a first answer, and the database perhaps longer

    async def command(self, interaction: Interaction, line: str) -> None:
        """Answer a native command privately."""
        async with self._answering(interaction):
            await _acknowledge(interaction)
            asked = await self._claimed(interaction)
            if asked is not None:
                await self._answer(asked, line)

    async def click(self, interaction: Interaction, value: str) -> None:
        """Do what a button says, with the rights of the person who clicked."""
        async with self._answering(interaction):
            verb, _, line = value.partition(":")
            if verb == "edit":
                await _open_form(interaction, value, line)
            elif verb == MANY:
                await self._click_stored(interaction, value)
            elif verb in ("ask", *FORMS, *SINGLE.values()):
                await self._acknowledge_and_grant(interaction, value, in_place=verb == "ask")
            else:
                await _say(interaction, STALE)

    async def submit(self, interaction: Interaction, value: str) -> None:
        """Answer the line of a submitted form."""
        async with self._answering(interaction):
            if value.partition(":")[0] not in ("edit", MANY):
                await _say(interaction, STALE)
                return
            await _acknowledge(interaction, in_place=True)
            asked = await self._claimed(interaction)
            if asked is None:
                return
            wish = await self._wish(interaction, asked.identity, value)
            if wish is None:
                await _say(interaction, STALE)
                return
            components = cast("dict[str, list[dict[str, object]]]", interaction.data)["components"]
            await self._answer_in_place(asked, filled_line(wish.line, submitted_fields(components)))

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
        self._look_at(error)
        reference = secrets.token_hex(4)
        log.error("discord.failed", reference=reference, exc_info=error)
        text = f"Sorry, this answer failed; the mistake is ours. Reference {reference}."
        await _try_to_say(interaction, text)

    async def outdated(self, interaction: Interaction) -> None:
        """Tell somebody whose Discord still shows commands of an older version."""
        async with self._answering(interaction):
            await _say(interaction, OUTDATED)

    async def finish(self, seconds: float) -> None:
        """Let the answers under way end; cancel those that take longer, and tell who waits."""
        await self._filling.leave()
        if not self._running:
            return
        _, late = await asyncio.wait(self._running, timeout=seconds)
        cut_off = [self._running[task] for task in late]
        waiting = [one for one in cut_off if not self._filling.lacks_only_its_picture(one)]
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        await self._filling.leave()  # one of them may have begun to renew its answer meanwhile
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await asyncio.gather(*(_try_to_say(one, LEAVING) for one in waiting))

    def _look_at(self, error: Exception) -> None:
        if isinstance(error, discord.HTTPException) and error.status == UNAUTHORIZED:
            self._token_refused()

    @asynccontextmanager
    async def _answering(self, interaction: Interaction) -> AsyncIterator[None]:
        """The outermost door of one interaction."""
        task = cast("asyncio.Task[object]", asyncio.current_task())
        self._running[task] = interaction
        try:
            yield
        except (UserError, StorageError) as error:
            if isinstance(error, TooMuch) and error.told:
                await _try_to_vanish(interaction)
            else:
                await _try_to_say(interaction, str(error))
        except Exception as error:  # noqa: BLE001  # the outermost door; `failed` logs it
            await self.failed(interaction, error)
        finally:
            del self._running[task]

    async def _claimed(self, interaction: Interaction) -> Asked | None:
        """Who asks, when this interaction is seen for the first time; None: nothing is to do.

        Raises TooMuch.
        """
        identity = await identity_of(self._desk, interaction)
        who = identity or Identity(PLATFORM, "", str(interaction.user.id))
        if not await self._desk.is_new(str(interaction.id), who):
            return None
        if identity is None:
            await _say(interaction, NOWHERE)
            return None
        return Asked(interaction, identity)

    async def _wish(self, interaction: Interaction, identity: Identity, value: str) -> Wish | None:
        wish, key = self._desk.wish, str(interaction.id)
        return await self._desk.run_blocking(lambda: wish(value, identity, key=key))

    # ---- wishes

    async def _click_stored(self, interaction: Interaction, value: str) -> None:
        """A line too long for its button: only reading it tells how to acknowledge."""
        identity = await identity_of(self._desk, interaction)
        wish = await self._wish(interaction, identity, value) if identity else None
        if wish is None:
            await _say(interaction, STALE if identity else NOWHERE)
        elif wish.verb == "edit":
            await _open_form(interaction, value, wish.line)
        else:
            await self._acknowledge_and_grant(interaction, value, in_place=wish.verb == "ask")

    async def _acknowledge_and_grant(
        self, interaction: Interaction, value: str, *, in_place: bool
    ) -> None:
        await _acknowledge(interaction, in_place=in_place)
        asked = await self._claimed(interaction)
        if asked is None:
            return
        if value.startswith(f"{SINGLE['share']}:") and not _may_post(interaction):
            await _say(interaction, SILENT)  # before the button is used up
            return
        await self._grant(asked, await self._wish(interaction, asked.identity, value))

    async def _grant(self, asked: Asked, wish: Wish | None) -> None:
        if wish is None:
            await _say(asked.interaction, STALE)
            return
        match wish.verb:
            case "ask":
                await self._answer_in_place(asked, wish.line)
            case "do":
                await self._do(asked, wish)
            case "csv" | "json" | "pdf" | "png":
                await self._send_file(asked, Export(wish.verb, wish.line))
            case "share":
                await self._share(asked, wish)
            case "edit":  # a form can only be a first answer, and this one has had its own
                await _say(asked.interaction, STALE)
            case never:
                assert_never(never)

    async def _answer(self, asked: Asked, line: str) -> None:
        report = await self._desk.ask(line, asked.identity, key=str(asked.interaction.id))
        if report.export is not None:
            await self._send_file(asked, report.export)
        else:
            await self._filling.fill(asked, report)

    async def _answer_in_place(self, asked: Asked, line: str) -> None:
        """Rewrite the clicker's own message; a public one stays, the answer comes privately."""
        report = await self._desk.ask(line, asked.identity, key=str(asked.interaction.id))
        if report.export is not None:
            await self._send_file(asked, report.export)
        elif report.line or not _is_private(asked.interaction):
            await self._filling.fill(asked, report)
        else:  # a refusal must not wipe out the numbers that the person was looking at
            await self._filling.add(asked, report)

    async def _do(self, asked: Asked, wish: Wish) -> None:
        """Change what the button says."""
        key = str(asked.interaction.id)
        report = await self._desk.press(wish, asked.identity, key=key)
        if report is None:
            await _say(asked.interaction, STALE)
        else:
            await self._filling.fill(asked, report)

    async def _send_file(self, asked: Asked, wanted: Export) -> None:
        """Send a file beside the answer; only the asker sees it."""
        interaction = asked.interaction
        made = await self._desk.export(
            wanted.line, wanted.form, asked.identity, largest=interaction.filesize_limit
        )
        if isinstance(made, Report):
            await self._filling.fill(asked, made)
            return
        file = discord.File(io.BytesIO(made.content), made.name, description=made.alt[:MAX_ALT])
        await interaction.edit_original_response(content=f"{made.name}:", attachments=[file])

    async def _share(self, asked: Asked, wish: Wish) -> None:
        desk, identity = self._desk, asked.identity
        channel = str(asked.interaction.channel_id)
        ended = partial(desk.share_ended, wish, identity, channel=channel)
        report = await desk.run_blocking(lambda: desk.shared(wish.line, identity, channel=channel))
        if not report.line:
            await desk.run_blocking(partial(ended, result="refused"))
            await self._filling.fill(asked, report)
            return
        result = await self._posted(asked, report)
        await desk.run_blocking(partial(ended, result=result))
        await _say(asked.interaction, SHARED[result])

    async def _posted(self, asked: Asked, report: Report) -> Literal["done", "failed", "unknown"]:
        """What came of a post: only what Discord answered is certain."""
        nonce = nonce_of("share", str(asked.interaction.id))
        try:
            await self._filling.post(asked, report, nonce=nonce)
        except (discord.DiscordServerError, aiohttp.ClientError, OSError) as error:
            log.warning("discord.post_unknown", reason=str(error))
            return "unknown"
        except discord.HTTPException as error:
            self._look_at(error)
            log.warning("discord.post_refused", status=error.status, code=error.code)
            return "failed"
        return "done"


async def _open_form(interaction: Interaction, value: str, line: str) -> None:
    """The form is the first answer itself; it carries what its button carried, and writes nothing.

    Raises UserError for a line of an older version.
    """
    await _once(interaction.response.send_modal(form_of(line, f"{FORM}{value}")))


def _is_private(interaction: Interaction) -> bool:
    """Whether what was clicked is the clicker's own answer, which may be rewritten."""
    return interaction.message is not None and interaction.message.flags.ephemeral


async def _acknowledge(interaction: Interaction, *, in_place: bool = False) -> None:
    """Promise an answer: in the place of what was clicked where that is private, else a new one."""
    if in_place and _is_private(interaction):
        await _once(interaction.response.defer())
    else:
        await _once(interaction.response.defer(ephemeral=True, thinking=True))


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
        return
    if not interaction.response.is_done():
        try:
            await interaction.response.send_message(text, ephemeral=True)
        except discord.HTTPException as error:  # another replica may have acknowledged it
            if error.code != ALREADY_ACKNOWLEDGED:
                raise
        else:
            return
    await interaction.followup.send(text, ephemeral=True)


async def _try_to_say(interaction: Interaction, text: str) -> None:
    """`_say`, where the token may be void or the network away: the log has everything."""
    with suppress(discord.DiscordException, aiohttp.ClientError, OSError):
        await _say(interaction, text)


async def _try_to_vanish(interaction: Interaction) -> None:
    """Take back the promise of an answer; a message that was clicked stays as it is."""
    if interaction.response.type is discord.InteractionResponseType.deferred_channel_message:
        with suppress(discord.DiscordException, aiohttp.ClientError, OSError):
            await interaction.delete_original_response()


def _may_post(interaction: Interaction) -> bool:
    """Whether both the person and creditbot may write where the button was clicked."""
    both = discord.Permissions(interaction.permissions.value & interaction.app_permissions.value)
    in_thread = isinstance(interaction.channel, discord.Thread)
    return both.send_messages_in_threads if in_thread else both.send_messages
