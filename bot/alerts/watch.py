"""The regular look at what no single event shows: expected overruns, odd days, silence, advice.

Every replica may look: what is found is kept once by its key.  A look that can find nothing new
reads nothing: budgets and days are looked at when usage came in, and not more often than every
five minutes; a silence again when it has grown by a tenth.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from analytics.query import Query
from analytics.timerange import parse_range
from bot.alerts import watch_usage
from bot.alerts.watch_budgets import is_due, settle, watched
from bot.asking import Asking
from bot.context import Context, Identity
from bot.operation.leases import Leases
from storage.alerts import Alert, NewAlert
from storage.apart import Apart
from storage.engine import reading, writing
from storage.errors import StorageError
from storage.evidence import evidence_version
from storage.locks import hold
from storage.silences import LastEvent
from storage.workspaces import WorkspaceInfo, list_workspaces

log = structlog.get_logger()
WATCH_SECONDS = 30
PATIENCE = 2.0  # seconds that a look waits for SQLite's only writer; the next one comes soon
APART = timedelta(minutes=5)
CALM = timedelta(minutes=10)  # that a day is usual again before its alert is over, as budgets have
GROWN = 10  # a silence is judged again when it is longer by this part of it
NOBODY = Identity("terminal", "", "")
Seen = tuple[object, ...]


@dataclass
class _Memory:
    """What was looked at last in a workspace; losing it costs a look, nothing else."""

    asking: Asking
    budgets: Seen = ()
    budgets_at: datetime | None = None
    days: Seen = ()
    advice: Seen = ()
    silences: dict[tuple[int, int], datetime] = field(default_factory=dict)
    usual: dict[int, datetime] = field(default_factory=dict)  # alerts, since when over


class Watch:
    """The watch over every workspace of a database.

    With `leases` one replica looks at a time; while the clock is not `is_sure`, none does.
    """

    def __init__(
        self,
        engine: sa.Engine,
        now: Callable[[], datetime],
        *,
        leases: Leases | None = None,
        is_sure: Callable[[], bool] = lambda: True,
    ) -> None:
        self._engine = engine
        self._now = now
        self._leases = leases
        self._is_sure = is_sure
        self._memories: dict[int, _Memory] = {}

    async def look(self) -> None:
        """Look once; a busy database is no reason to fail, the next look comes soon."""
        if not self._is_sure():
            return
        if self._leases is None:
            await asyncio.to_thread(self.look_now)
            return
        async with self._leases.turn("watch") as is_ours:
            if is_ours:
                await asyncio.to_thread(self.look_now)

    def look_now(self) -> int:
        """How many alerts fired or ended."""
        with reading(self._engine) as connection:
            known = list_workspaces(connection)
        changed = 0
        with Apart() as apart:
            for workspace in known:
                with apart.turn(workspace.name):
                    changed += self._remembered(workspace)
        return changed

    def _remembered(self, workspace: WorkspaceInfo) -> int:
        """Look at one workspace; what was not kept is looked for again."""
        try:
            return self._workspace(workspace)
        except StorageError as error:
            self._memories.pop(workspace.id, None)
            log.warning("watch.postponed", workspace=workspace.name, reason=error.message)
            return 0
        except Exception:
            self._memories.pop(workspace.id, None)
            raise

    def _workspace(self, workspace: WorkspaceInfo) -> int:
        memory = self._memories.get(workspace.id)
        if memory is None:
            asking = Asking(now=self._now, owners=(), workspace=workspace.name)
            memory = self._memories[workspace.id] = _Memory(asking)
        with reading(self._engine) as connection:
            ctx = memory.asking.context(connection, NOBODY)
            if ctx.reader.newest is None:
                return 0
            has_budgets = self._look_at_budgets(memory, ctx)
            is_changed = self._are_days_new(memory, ctx)
            news = watch_usage.unknown(ctx, self._news(memory, ctx, is_changed=is_changed))
            usual = self._usual(memory, ctx) if is_changed else []
            lasts = watch_usage.newest_events(ctx)
            news += watch_usage.unknown(ctx, self._silences(memory, ctx, lasts))
            is_back = watch_usage.is_back(ctx, lasts)
        if not (has_budgets or news or is_back or usual):
            return 0
        with writing(self._engine, patience=PATIENCE) as connection:
            # Before alerts are read: the router keeps in their facts how a budget stood.
            hold(connection, workspace.id)
            ctx = memory.asking.context(connection, NOBODY)
            changed = settle(ctx, watched(ctx, _today(ctx))) if has_budgets else 0
            changed += watch_usage.end_usual(ctx, usual)
            return changed + watch_usage.keep(ctx, news) + watch_usage.returned(ctx, lasts)

    def _look_at_budgets(self, memory: _Memory, ctx: Context) -> bool:
        """Whether something is to be written about budgets."""
        at = memory.budgets_at
        if at is not None and timedelta() <= ctx.now - at < APART:
            return False
        memory.budgets_at = ctx.now
        return is_due(ctx, watched(ctx, _today(ctx)))

    def _are_days_new(self, memory: _Memory, ctx: Context) -> bool:
        """Whether days are to be judged: usage came in since the last look, or it was long ago."""
        reader, minutes = ctx.reader, ctx.now.timestamp() // APART.total_seconds()
        days: Seen = (reader.clock.day(ctx.now), reader.newest, minutes)
        is_new, memory.days = memory.days != days, days
        return is_new

    def _usual(self, memory: _Memory, ctx: Context) -> list[Alert]:
        """The alerts of days that are usual again for a while: an import may be on its way."""
        found = watch_usage.usual_again(ctx, _today(ctx))
        memory.usual = {one.id: memory.usual.get(one.id, ctx.now) for one in found}
        return [one for one in found if ctx.now - memory.usual[one.id] >= CALM]

    def _news(self, memory: _Memory, ctx: Context, *, is_changed: bool) -> list[NewAlert]:
        """Unusual days where they are judged anew, advice where a night brought some."""
        reader, found = ctx.reader, []
        if is_changed:
            found += watch_usage.unusual_days(ctx, _today(ctx))
        night: Seen = (evidence_version(reader.connection, reader.workspace.id),)
        if memory.advice != night:
            memory.advice = night
            found += watch_usage.new_advice(ctx)
        return found

    def _silences(self, memory: _Memory, ctx: Context, lasts: list[LastEvent]) -> list[NewAlert]:
        """What is to be said of sources whose silence grew since it was judged."""
        due = []
        keys = {(last.source_id, last.ts) for last in lasts}
        memory.silences = {key: at for key, at in memory.silences.items() if key in keys}
        for last in lasts:
            key, length = (last.source_id, last.ts), ctx.now - last.at
            again = memory.silences.get(key)
            if again is None or ctx.now >= again or ctx.now < last.at:
                # A day that is late is cheap to see, and due at a moment.
                wait = APART if last.is_day else max(APART, length / GROWN)
                memory.silences[key] = ctx.now + wait
                due.append(last)
        return watch_usage.silences(ctx, due)


def _today(ctx: Context) -> Query:
    return Query(ctx.reader, ctx.now, parse_range("today", ctx.reader.clock.local_date(ctx.now)))
