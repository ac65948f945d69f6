"""A desk over a real database, with a little usage, for one Discord guild."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import sqlalchemy as sa
from pydantic import SecretStr

from analytics.figures import (
    Figure,
)
from bot.desk import Desk
from bot.drawing import Drawing
from bot.operation.supervisor import supervise
from bot.pacing import Pacing
from bot.platforms.discord import DiscordPlatform
from bot.settings import Settings
from charts import Document, ThemeName
from storage.engine import writing
from storage.events import Route
from storage.labels import Labels
from storage.ledger import Ledger, Origin
from storage.workspaces import bind_chat
from tests.cast import ALICE, BOB, NOW, event
from tests.databases import home
from tests.doubles.discord import DiscordDouble, Interaction
from tests.doubles.discord_gateway import TOKEN

PNG = b"\x89PNG\r\n\x1a\n"


class Sketch(Drawing):
    """Gives every figure the same bytes: what a picture shows is tested where it is drawn."""

    async def draw(self, figure: Figure, theme: ThemeName) -> bytes | None:
        del figure, theme
        return PNG

    async def print(self, document: Document) -> bytes | None:
        del document
        return b"%PDF-1.4\n"


@contextmanager
def desk_of(
    engine: sa.Engine, drawing: Drawing | None = None, pacing: Pacing | None = None
) -> Iterator[Desk]:
    """A desk with three prompts to count, two of Alice and one of Bob; no guild is bound yet."""
    workspace = home(engine)
    events = [event(person=ALICE), event(person=ALICE, model="gpt-4.1"), event(person=BOB)]
    ledger = Ledger(engine, workspace, Labels(engine, workspace.id))
    ledger.write(events, Origin("events", "events", Route.FILE), now=NOW)
    pen = drawing or Sketch()
    desk = Desk(engine, now=lambda: NOW, drawing=pen, pacing=pacing)
    try:
        yield desk
    finally:
        desk.close()
        pen.close()


def bind(desk: Desk, guild: str) -> None:
    """Let a guild talk to the workspace of the desk."""
    workspace = home(desk.engine)
    with writing(desk.engine) as connection:
        bind_chat(connection, workspace.id, platform="discord", external_id=guild, now=NOW)


def settings_for(double: DiscordDouble, token: str = TOKEN) -> Settings:
    """Settings that point the bot at the double."""
    return Settings(
        discord_token=SecretStr(token),
        discord_api_url=double.api_url,
        discord_gateway_url=double.gateway_url,
    )


@asynccontextmanager
async def serving(double: DiscordDouble, desk: Desk) -> AsyncIterator[list[str]]:
    """The bot under its supervisor, connected; gives its states.  Afterwards no task is left."""
    before = asyncio.all_tasks()
    states: list[str] = []
    up, stop = asyncio.Event(), asyncio.Event()

    def report(state: str) -> None:
        states.append(state)
        if state == "up":
            up.set()

    platform = DiscordPlatform(settings_for(double), desk, report=report, guilds_timeout=0.01)
    work = supervise(platform, stop, longest_pause=0.2, report=report)
    service = asyncio.create_task(work)
    try:
        async with asyncio.timeout(10):
            await up.wait()
        yield states
    finally:
        stop.set()
        await service
    left = {task.get_coro() for task in asyncio.all_tasks() - before}
    assert not [coro for coro in left if "RequestHandler" not in str(coro)], left  # the double's


async def ask(double: DiscordDouble) -> Interaction:
    """What Alice asks when it does not matter what."""
    return await double.command("by user", range="last 7d")
