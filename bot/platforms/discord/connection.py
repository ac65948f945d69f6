"""The connection to Discord: one client for each attempt, started anew by the supervisor."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import cast

import aiohttp
import discord
import structlog
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from bot.chat import Fatal
from bot.desk import Desk
from bot.platforms.discord.answers import FORM, Answers
from bot.platforms.discord.asking import Interaction
from bot.platforms.discord.commands import Tree, credits_group, tree_digest
from bot.platforms.discord.filling import CLICK
from bot.settings import Settings

log = structlog.get_logger()
TOKEN = "CREDITBOT_DISCORD_TOKEN"  # noqa: S105  # the name of the setting
LONGEST_WAIT = 30.0  # for a longer rate limit the library raises instead of sleeping
DOWN_SECONDS = 10.0  # the library's own pauses pass 15 s after a few drops; a new start does not
LEAVE_SECONDS = 1.0  # the library would wait 30 s for the other side to agree
FINISH_SECONDS = 3.0
BAD_TOKEN = 4004
Report = Callable[[str], None]
ClickedButton = discord.ui.Button[discord.ui.LayoutView]


class DiscordPlatform:
    """Discord in the running service; implements `bot.chat.Platform`.

    `guilds_timeout` is how long READY waits for the guilds to arrive, in seconds.
    """

    name = "discord"

    def __init__(
        self, settings: Settings, desk: Desk, *, report: Report, guilds_timeout: float = 2.0
    ) -> None:
        self._settings = settings
        self._desk = desk
        self._report = report
        self._guilds_timeout = guilds_timeout

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set.  Raises Fatal for a token that Discord refuses.

        The client is new each time: when the first connect to the gateway fails, the library's
        own reconnect dies of an AttributeError, and its login is not repeated at all.
        """
        token = _token(self._settings)
        client = DiscordClient(
            self._desk, report=self._report, guild_ready_timeout=self._guilds_timeout
        )
        tasks = {
            asyncio.create_task(client.start(token)),
            asyncio.create_task(client.lost()),
            asyncio.create_task(_stopped(stop)),
        }
        try:
            with _token_explained():
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            if not stop.is_set():
                raise ConnectionError("Discord closed the connection")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await client.leave_gateway()  # first: nothing comes in that could not be answered
            await client.answers.finish(FINISH_SECONDS)
            await client.close()


async def sync_commands(settings: Settings, desk: Desk, *, guild: int | None) -> int:
    """Tell Discord the commands, for everybody or for one guild at once; how many there are.

    Raises Fatal for a token or commands that Discord refuses, and when it cannot be reached.
    """
    token = _token(settings)
    client = discord.Client(intents=discord.Intents.none())
    tree = app_commands.CommandTree(client)
    tree.add_command(credits_group(Answers(desk, token_refused=lambda: None)))
    try:
        async with client:
            with _token_explained():
                await client.login(token)
            return await _sync(tree, desk) if guild is None else await _sync_guild(tree, guild)
    except discord.HTTPException as error:
        raise Fatal(f"Discord did not take the commands: {error.text or error.status}.") from error
    except aiohttp.ClientError as error:
        raise Fatal(f"Discord cannot be reached: {error}.") from error


class CarriedLine(
    discord.ui.DynamicItem[ClickedButton], template=re.compile(r"c\|(?P<value>.+)", re.DOTALL)
):
    """A button of any message of ours, found by what it carries."""

    def __init__(self, item: ClickedButton, value: str) -> None:
        super().__init__(item)
        self.value = value

    @classmethod
    async def from_custom_id(  # the library's signature
        cls,
        interaction: Interaction,
        item: discord.ui.Item[discord.ui.LayoutView],
        match: re.Match[str],
        /,
    ) -> CarriedLine:
        """The button that was clicked."""
        del interaction
        return cls(cast("ClickedButton", item), match["value"])

    async def callback(self, interaction: Interaction) -> None:
        """Do what the button says."""
        await cast("DiscordClient", interaction.client).answers.click(interaction, self.value)


class DiscordClient(discord.Client):
    """One connection with its commands; `answers` answers what comes in."""

    def __init__(self, desk: Desk, *, report: Report, guild_ready_timeout: float = 2.0) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True),  # none of the privileged ones is needed
            allowed_mentions=discord.AllowedMentions.none(),
            max_ratelimit_timeout=LONGEST_WAIT,
            guild_ready_timeout=guild_ready_timeout,
        )
        self._gone = asyncio.Event()
        self.answers = Answers(desk, token_refused=self._gone.set)
        self.tree: Tree = app_commands.CommandTree(self)
        self.tree.add_command(credits_group(self.answers))
        self.tree.error(self._refused)
        self._desk = desk
        self._report = report
        self._timer: asyncio.TimerHandle | None = None

    async def lost(self) -> None:
        """Wait until the connection stayed down for too long, then raise ConnectionError.

        The same when the token is refused: only a new login says so for certain.
        """
        await self._gone.wait()
        raise ConnectionError("the connection to Discord stayed down, or its token is refused")

    async def leave_gateway(self) -> None:
        """Take nothing more in; what was asked can still be answered."""
        gateway = cast("DiscordWebSocket | None", self.ws)  # None before the first connection
        if gateway is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(LEAVE_SECONDS):
                    await gateway.close(code=1000)

    async def close(self) -> None:
        """Close the connection; nothing of it is left running."""
        self._watch(down=False)
        await super().close()

    # ---- called by the library

    async def setup_hook(self) -> None:
        """Tell Discord the commands when they changed; without it the old ones go on working."""
        self.add_dynamic_items(CarriedLine)
        known = await self._desk.run_blocking(lambda: self._desk.remembered(_name(self)))
        if known == tree_digest(self.tree):
            return
        try:
            await _sync(self.tree, self._desk)
        except discord.HTTPException as error:
            log.warning("discord.commands_not_synced", status=error.status, code=error.code)

    async def on_ready(self) -> None:
        """Connected anew; it may come several times."""
        self._watch(down=False)
        self._report("up")

    async def on_resumed(self) -> None:
        """Connected again, nothing was missed."""
        self._watch(down=False)
        self._report("up")

    async def on_disconnect(self) -> None:
        """The connection dropped, or could not be made."""
        if not self.is_closed():
            self._watch(down=True)
            self._report("reconnecting")

    async def on_interaction(self, interaction: Interaction) -> None:
        """Forms, and buttons that nobody else knows; commands went to the tree before."""
        custom_id = str(cast("dict[str, object]", interaction.data or {}).get("custom_id", ""))
        if interaction.type is discord.InteractionType.modal_submit:
            await self.answers.submit(interaction, custom_id.removeprefix(FORM))
            return
        clicked = interaction.type is discord.InteractionType.component
        if clicked and not custom_id.startswith(CLICK):
            await self.answers.click(interaction, custom_id)

    async def _refused(self, interaction: Interaction, error: app_commands.AppCommandError) -> None:
        """What the library could not bring to a command, and what went wrong inside one."""
        if interaction.type is discord.InteractionType.autocomplete:
            log.info("discord.not_completed", reason=str(error))  # nothing can be shown there
        elif isinstance(
            error, app_commands.CommandNotFound | app_commands.CommandSignatureMismatch
        ):
            await self.answers.outdated(interaction)
        else:
            await self.answers.failed(interaction, error)

    def _watch(self, *, down: bool) -> None:
        """Give the library its time to reconnect, and not more."""
        if not down and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if down and self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(DOWN_SECONDS, self._gone.set)


async def _stopped(stop: asyncio.Event) -> None:
    await stop.wait()


def _token(settings: Settings) -> str:
    """The token; the library is pointed at the addresses of the settings on the way."""
    if settings.discord_token is None:
        raise Fatal(f"{TOKEN} is not set.")
    # Class attributes are the only hooks for other addresses; a client never asks for a gateway.
    Route.BASE = settings.discord_api_url.rstrip("/")
    DiscordWebSocket.DEFAULT_GATEWAY = URL(settings.discord_gateway_url)
    logging.getLogger("discord.client").setLevel(logging.ERROR)  # warns that voice is missing
    return settings.discord_token.get_secret_value()


@contextmanager
def _token_explained() -> Iterator[None]:
    """Turn what only the owner of the token can mend into Fatal."""
    try:
        yield
    except discord.LoginFailure as error:
        raise Fatal(f"Discord refuses the token in {TOKEN}.") from error
    except discord.PrivilegedIntentsRequired as error:
        raise Fatal(f"Discord refuses the intents of the bot whose token is in {TOKEN}.") from error
    except discord.ConnectionClosed as error:
        if error.code == BAD_TOKEN:
            raise Fatal(f"Discord no longer accepts the token in {TOKEN}.") from error
        raise


# ---- telling Discord the commands: 200 creations a day, so only when they changed


def _name(client: discord.Client) -> str:
    return f"discord_commands:{client.application_id}"


async def _sync(tree: Tree, desk: Desk) -> int:
    count = _count(await tree.sync())
    name, digest = _name(tree.client), tree_digest(tree)
    await desk.run_blocking(lambda: desk.remember(name, digest))
    return count


async def _sync_guild(tree: Tree, guild: int) -> int:
    place = discord.Object(guild)
    tree.copy_global_to(guild=place)
    return _count(await tree.sync(guild=place))


def _count(synced: list[app_commands.AppCommand]) -> int:
    return sum(len(command.options) for command in synced)
