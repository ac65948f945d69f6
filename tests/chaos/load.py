"""What falls due: messages for channels of both platforms, some made by subscriptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from bot.context import Place
from storage.destinations import destination_of
from storage.engine import opened, reading, writing
from storage.events import Route
from storage.labels import Labels
from storage.ledger import Ledger, Origin
from storage.outbox import NewDelivery, insert_deliveries
from storage.outgoing import Destination
from storage.subscriptions import add_subscription
from storage.timekeys import day_number, to_micros
from storage.workspaces import bind_chat, find_workspace
from tests.cast import ALICE, BOB, event
from tests.doubles.serve import channel_ids

CREATOR = "terminal::"
PLAIN_LINE, FILE_LINE = "budget list", "by-model yesterday"


@dataclass(frozen=True, slots=True)
class Load:
    """What falls due: so many messages in so many channels of each platform, over `span` seconds.

    Of ten messages two are digests of a subscription, which are planned and made; the others are
    alerts and notices.  The channels belong to so many Slack teams and Discord guilds: a refusal of
    Slack stops a whole team.
    """

    messages: int
    channels: int
    span: float
    attach: str = "csv"  # the files of one in twenty digests
    teams: int = 1
    only: str = ""  # one platform

    @property
    def due(self) -> int:
        """How many messages and files people are to see."""
        files = len(self.attach.split(",")) if self.attach else 0
        return self.messages + files * sum(map(_has_files, range(self.messages)))


def fill(url: str, where: Mapping[str, str], load: Load, *, start: datetime) -> None:
    """Put usage of yesterday and what will fall due into the database."""
    with opened(url) as engine:
        with reading(engine) as connection:
            workspace = find_workspace(connection, None)
        ledger = Ledger(engine, workspace, Labels(engine, workspace.id))
        yesterday = to_micros(start - timedelta(days=1))
        events = [event(ts=yesterday, person=person) for person in (ALICE, BOB)]
        ledger.write(events, Origin("events", "events", Route.FILE), now=start)
        with writing(engine) as connection:
            ids = places_of(connection, workspace.id, where, load, start=start)
            _put(connection, workspace.id, ids, load, start)


def places_of(
    connection: sa.Connection,
    workspace_id: int,
    where: Mapping[str, str],
    load: Load,
    *,
    start: datetime,
) -> list[int]:
    """The destinations of a load's channels, which are bound to the workspace."""
    teams = {"slack": where["team"], "discord": where["guild"]}
    for platform, team in teams.items():
        for n in range(load.teams):
            name = _nth(team, n)
            bind_chat(connection, workspace_id, platform=platform, external_id=name, now=start)
    pairs = zip(*(channel_ids(name, load.channels) for name in teams), strict=True)
    places = [
        (platform, _nth(teams[platform], n % load.teams), channel)
        for n, pair in enumerate(pairs)
        for platform, channel in zip(teams, pair, strict=True)
        if load.only in ("", platform)
    ]
    ids = [
        destination_of(
            connection,
            workspace_id,
            platform=platform,
            external_id=team,
            place=Place(channel, channel),
            actor=CREATOR,
            now=start,
        ).id
        for platform, team, channel in places
    ]
    looked_at = sa.update(Destination).values(checked_at=start)  # else each is looked at first
    connection.execute(looked_at)
    return ids


def _put(
    connection: sa.Connection, workspace_id: int, ids: Sequence[int], load: Load, start: datetime
) -> None:
    step = timedelta(seconds=load.span / load.messages)
    rows = []
    for n in range(load.messages):
        due, destination = start + n * step, ids[n % len(ids)]
        if n % 10 < 2:
            attach = load.attach if _has_files(n) else ""
            _subscribe(connection, workspace_id, destination, due, attach=attach)
        else:
            rows.append(_told(workspace_id, destination, due, n))
    for first in range(0, len(rows), 500):
        insert_deliveries(connection, rows[first : first + 500])


def _has_files(n: int) -> bool:
    return n % 100 == 1


def _nth(team: str, n: int) -> str:
    """The doubles look at tokens, not at teams, so one of each plays several."""
    return team if n == 0 else f"{team}{n}"


def _subscribe(
    connection: sa.Connection, workspace_id: int, destination: int, due: datetime, *, attach: str
) -> None:
    """A daily digest whose period of yesterday falls due then."""
    add_subscription(
        connection,
        workspace_id,
        destination_id=destination,
        line=FILE_LINE if attach else PLAIN_LINE,
        schedule=f"daily {due.astimezone(UTC):%H:%M}",
        zone="UTC",
        next_due=due,
        next_first_day=day_number((due - timedelta(days=1)).date()),
        catchup="all",
        attach=attach,
        created_by=CREATOR,
        now=due - timedelta(days=2),
    )


def _told(workspace_id: int, destination: int, due: datetime, n: int) -> NewDelivery:
    is_alert = n % 2 == 0
    return NewDelivery(
        workspace_id=workspace_id,
        dedupe_key=f"chaos|{n}",
        kind="alert" if is_alert else "notice",
        trigger="crossing" if is_alert else "sweep",
        destination_id=destination,
        actor="",
        due_at=due,
        created_at=due,
        priority=0 if is_alert else 1,
        facts={"headline": f"Message {n} of the storm.", "hint": "Nothing is to be done."},
    )
