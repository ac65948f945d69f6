"""The database of the demo: built beside its place, moved there when it is whole."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel import SQLModel

from bot.alerts.routing import route
from bot.alerts.watch import Watch
from bot.context import Identity, Place
from bot.demo.company import TEAMS, YOUR_HANDLE, YOUR_NAME, members
from bot.demo.plans import decide
from bot.demo.usage import Workload, day_rows, prompts
from storage.destinations import destination_of
from storage.engine import opened, reading, writing
from storage.errors import DatabaseUnusable
from storage.events import Route
from storage.evidence import gather
from storage.labels import Labels
from storage.ledger import Ledger, Origin
from storage.levels import check_levels
from storage.migrate import is_current, upgrade
from storage.outbox import history
from storage.roles import set_role
from storage.routes import skip_waiting
from storage.text import folded
from storage.workspaces import WorkspaceInfo, bind_chat, find_workspace, set_state, state

GATEWAY = Origin("litellm:acme", "litellm", Route.CALLBACK)
EDITOR = Origin("cursor:acme", "cursor", Route.PULL)
BATCH = 10_000
PARTS = ("", "-wal", "-shm", "-journal", "-posts")
MANY = 100
OLD_NEWS = "it happened before the demo began"
CHAT = ("console", "acme")  # the pretended chat that everybody of the company is in
CHANNELS = ("ai-credits", "ops")
YOU = Identity(*CHAT, YOUR_HANDLE, YOUR_NAME)  # who owns the workspace
EDITION = 7  # what a database holds beside its usage; an older one is made anew
_MADE, _LEFT = "demo_made", "demo_left"
Step = Callable[[int], None]


def is_fresh(file: Path, work: Workload) -> bool:
    """Whether the file holds this workload up to the local day of its `now`.

    Raises StorageError for a file that the demo did not make: that is never overwritten.
    """
    if not file.exists():
        return False
    with opened(f"sqlite:///{file}") as engine:
        made = _made_as(engine)
        if made is None:
            raise DatabaseUnusable(
                f"'{file}' was not made by the demo.", hint="Move it away, or use another folder."
            )
        # The zone of a database is a real one, whatever zone was asked for now.
        same_zone = made.startswith(f"{work.zone} ")
        return same_zone and made == _stamp(work) and is_current(engine)


def _made_as(engine: sa.Engine) -> str | None:
    with reading(engine) as connection:
        return state(connection, _MADE) if sa.inspect(connection).has_table("state") else None


def keep_moment(engine: sa.Engine, moment: datetime) -> None:
    """Remember how far the clock of a demo was moved: its usage reaches up to there."""
    with writing(engine) as connection:
        set_state(connection, _LEFT, moment.isoformat())


def went_ahead(file: Path) -> bool:
    """Whether the file is a demo whose clock was moved: it cannot go on at today's time."""
    return _left(file) is not None


def left_at(file: Path, work: Workload) -> datetime | None:
    """The moment at which a demo of this workload was left, if its clock was moved before."""
    left = _left(file)
    if left is None:
        return None
    with opened(f"sqlite:///{file}") as engine:
        is_same = _without_day(_made_as(engine) or "") == _without_day(_stamp(work))
        return left if is_same and is_current(engine) else None


def _left(file: Path) -> datetime | None:
    if not file.exists():
        return None
    with opened(f"sqlite:///{file}") as engine:
        if _made_as(engine) is None:
            return None
        with reading(engine) as connection:
            left = state(connection, _LEFT)
        return datetime.fromisoformat(left) if left else None


def kept_as(file: Path) -> Path:
    """Where a demo that went ahead is kept when a new one takes its place."""
    return file.with_name(f"{file.stem}.before{file.suffix}")


def create(file: Path, work: Workload, *, step: Step) -> None:
    """Write the workload's usage to the file, instead of what it held; all of it or nothing.

    `step` is told how many events were written since it was called last.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    half = file.with_name(f"{file.name}.new")
    _remove(half)
    try:
        with opened(f"sqlite:///{half}") as engine:
            workspace = fill(engine, work, step=step)
            _told_before(engine, workspace, work)
        if went_ahead(file):
            _move(file, kept_as(file))
        _remove(file)
        half.rename(file)
    finally:
        _remove(half)


def fill(engine: sa.Engine, work: Workload, *, step: Step) -> WorkspaceInfo:
    """Bring the workload into an empty database, through the same door as all usage."""
    upgrade(engine, zone=work.zone, now=work.now)
    with writing(engine) as connection:
        workspace = find_workspace(connection, None)
        _introduce(connection, workspace.id, work)
    ledger = Ledger(engine, workspace, Labels(engine, workspace.id))
    for batch in prompts(work, BATCH):
        ledger.write(batch, GATEWAY, now=work.now)
        step(len(batch))
    sums = day_rows(work)
    ledger.replace_slices(sums, EDITOR, now=work.now)
    step(len(sums))
    gather(engine, workspace, now=work.now)
    with writing(engine) as connection:
        decide(connection, workspace, now=work.now)
        set_state(connection, _MADE, _stamp(work))
    return workspace


def _told_before(engine: sa.Engine, workspace: WorkspaceInfo, work: Workload) -> None:
    """What budgets crossed, and what was found, in the past is no news to anybody."""
    check_levels(engine, work.now)
    Watch(engine, lambda: work.now).look_now()
    route(engine, work.now)
    with writing(engine) as connection:
        waiting = [row.id for row in history(connection, workspace.id, limit=MANY)]
        skip_waiting(connection, workspace.id, waiting, reason=OLD_NEWS, now=work.now)


def _introduce(connection: sa.Connection, workspace_id: int, work: Workload) -> None:
    """The people with their names: usage only knows their mails."""
    tables = SQLModel.metadata.tables
    here = {"workspace_id": workspace_id}
    homes = {team.name: number for number, team in enumerate(TEAMS, 1)}
    people = list(enumerate(members(work.people), 1))
    connection.execute(
        sa.insert(tables["department"]),
        [{**here, "id": key, "name": name, "folded": folded(name)} for name, key in homes.items()],
    )
    connection.execute(
        sa.insert(tables["person"]),
        [
            {
                **here,
                "id": key,
                "name": person.name,
                "department_id": homes[person.team.name],
                "created_at": work.now,
            }
            for key, person in people
        ],
    )
    connection.execute(
        sa.insert(tables["person_alias"]),
        [
            {**here, "alias": alias, "person_id": key}
            for key, person in people
            for alias in (folded(person.mail), Identity(*CHAT, person.handle).actor)
        ],
    )
    platform, external_id = CHAT
    where = {"platform": platform, "external_id": external_id}
    bind_chat(connection, workspace_id, **where, now=work.now)
    for name in CHANNELS:
        place = Place(name, name)
        destination_of(
            connection, workspace_id, **where, place=place, actor=YOU.actor, now=work.now
        )
    set_role(connection, workspace_id, **where, user_id=YOU.user_id, role="owner")


def _stamp(work: Workload) -> str:
    day = work.now.astimezone(ZoneInfo(work.zone)).date()
    return f"{work.zone} {day} {work.events} {work.people} {work.seed} {EDITION}"


def _without_day(stamp: str) -> list[str]:
    zone, _, *rest = stamp.split(" ") if stamp else ("", "")
    return [zone, *rest]


def _move(file: Path, to: Path) -> None:
    _remove(to)
    for suffix in PARTS:
        part = file.with_name(file.name + suffix)
        if part.exists():
            part.rename(to.with_name(to.name + suffix))


def _remove(file: Path) -> None:
    for suffix in PARTS:
        file.with_name(file.name + suffix).unlink(missing_ok=True)
