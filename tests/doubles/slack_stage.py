"""The Slack platform on its stage: a real desk and database, the double, quick pauses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from pydantic import SecretStr

from analytics.figures import (
    Figure,
)
from bot.desk import Desk
from bot.drawing import Drawing
from bot.operation.supervisor import supervise
from bot.pacing import Pacing
from bot.platforms.slack import Pace, SlackPlatform
from bot.settings import Settings
from charts import Document, ThemeName
from storage.events import Route
from storage.labels import Labels
from storage.ledger import Ledger, Origin
from tests.cast import ALICE, BOB, NOW, event
from tests.databases import home
from tests.doubles.slack import APP_TOKEN, BOT_TOKEN, SlackDouble, slack_double

PNG, PDF = b"\x89PNG\r\n\x1a\n", b"%PDF-1.4\n"
QUICK = Pace(
    ping=0.2, connect=2.0, look=0.02, down=0.4, http=2.0, chart=5.0, polls=(0.01,) * 3, goodbye=10.0
)


class Sketch(Drawing):
    """Gives every figure the same bytes, once `held` is set; None when it is `broken`.

    With `error` it raises that.
    """

    def __init__(self) -> None:
        super().__init__()
        self.held = asyncio.Event()
        self.held.set()
        self.broken = False
        self.error: Exception | None = None

    async def draw(self, figure: Figure, theme: ThemeName) -> bytes | None:
        del figure, theme
        await self.held.wait()
        if self.error is not None:
            raise self.error
        return None if self.broken else PNG

    async def print(self, document: Document) -> bytes | None:
        del document
        return None if self.broken else PDF


@contextmanager
def desk_of(engine: sa.Engine, drawing: Drawing, pacing: Pacing | None = None) -> Iterator[Desk]:
    """A desk with three prompts to count, two of Alice and one of Bob; no team is bound yet."""
    workspace = home(engine)
    events = [event(person=ALICE), event(person=ALICE, model="gpt-4.1"), event(person=BOB)]
    ledger = Ledger(engine, workspace, Labels(engine, workspace.id))
    ledger.write(events, Origin("events", "events", Route.FILE), now=NOW)
    owners = ["slack:T1:U1"]
    desk = Desk(engine, now=lambda: NOW, drawing=drawing, owners=owners, pacing=pacing)
    try:
        yield desk
    finally:
        desk.close()
        drawing.close()


def settings_for(double: SlackDouble, *, bot: str = BOT_TOKEN, app: str = APP_TOKEN) -> Settings:
    """Settings that point the bot at the double."""
    return Settings(
        _env_file=None,  # type: ignore[call-arg]  # pydantic-settings reads it itself
        slack_bot_token=SecretStr(bot),
        slack_app_token=SecretStr(app),
        slack_api_url=double.api_url,
    )


@dataclass(frozen=True, slots=True)
class Stage:
    """The double, the desk behind the bot, and the pen that draws its pictures."""

    slack: SlackDouble
    desk: Desk
    sketch: Sketch
    states: list[str]


@asynccontextmanager
async def stage(
    engine: sa.Engine, pace: Pace = QUICK, *, pacing: Pacing | None = None
) -> AsyncIterator[Stage]:
    """The bot connected to the double."""
    sketch = Sketch()
    with desk_of(engine, sketch, pacing) as desk:
        async with slack_double() as double, serving(double, desk, pace) as states:
            yield Stage(double, desk, sketch, states)


@asynccontextmanager
async def serving(double: SlackDouble, desk: Desk, pace: Pace = QUICK) -> AsyncIterator[list[str]]:
    """The bot under its supervisor, connected; gives its states.  Afterwards no task is left."""
    before = asyncio.all_tasks()
    states: list[str] = []
    platform = SlackPlatform(settings_for(double), desk, report=states.append, pace=pace)
    stop = asyncio.Event()
    service = asyncio.create_task(
        supervise(platform, stop, longest_pause=0.2, report=states.append)
    )
    try:
        await double.until(lambda: double.sockets)
        yield states
    finally:
        stop.set()
        await service
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    ours = {task for task in left if "aiohttp/web" not in repr(task)}
    if ours:  # cancelled ones end at the loop's next turns
        _, ours = await asyncio.wait(ours, timeout=5)
    assert not ours
