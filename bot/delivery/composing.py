"""Making of what is said unasked: the line is answered, drawn and fixed before anything is sent.

Text comes first: a picture that fails or dawdles becomes a sentence, and what fails three times
leaves as plain words from the numbers that were kept when it became due.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import cast

import sqlalchemy as sa
import structlog

from analytics.errors import UserError
from analytics.report import Actions, Button, Form, Report
from bot.asking import Asking, NotBound
from bot.buttons import public_values
from bot.chat import Address, Sender, SendError
from bot.context import NotAllowed
from bot.delivery import audience
from bot.delivery.audience import Answer, Elsewhere
from bot.delivery.below import files_below, part_below
from bot.delivery.payloads import digest_of
from bot.delivery.shown import facts_of, told_by
from bot.delivery.timing import Timing
from bot.delivery.transactions import Transactions
from bot.delivery.wishes import wishes_of
from bot.delivery.wording import (
    NO_FIGURE,
    corrected,
    is_empty,
    noted,
    plain,
    told,
)
from bot.drawing import Drawing
from bot.exports import Draft
from bot.freezing import freeze_moment
from charts import Document, ThemeName
from storage import endings, locks
from storage.alerts import alert_by_id
from storage.claims import Claim
from storage.endings import Content
from storage.errors import StorageError
from storage.failpoints import failpoint
from storage.late_data import details_of
from storage.notices import admins, pause_subscription, tell, tell_creator
from storage.outbox import DeliveryRow, NewDelivery, insert_deliveries, reference

log = structlog.get_logger()
USUAL: Mapping[str, ThemeName] = {"discord": "dark"}  # where nobody chose a theme


class _Lost(Exception):  # noqa: N818  # the state is the name
    """The claim is somebody else's by now; what was begun in this transaction is not kept."""


class Composer:
    """Makes claimed deliveries; `owners` are told what admins are told."""

    def __init__(
        self,
        transactions: Transactions,
        asking: Asking,
        senders: Mapping[str, Sender],
        *,
        timing: Timing,
        drawing: Drawing | None = None,
        owners: Collection[str] = (),
    ) -> None:
        self._transactions = transactions
        self._asking = asking
        self._senders = senders
        self._timing = timing
        self._drawing = drawing
        self._owners = owners

    async def make(self, claim: Claim, _: float) -> None:
        """Bring a delivery from planned to ready, or say why not."""
        try:
            if claim.row.act == "file":
                await self._make_file(claim)
            else:
                await self._make_message(claim)
        except _Lost:
            log.info("delivery.made_by_another", delivery=claim.row.id)
        except UserError as error:
            await self._refused(claim, error)
        except StorageError as error:
            await self._failed(claim, error.message)
        except Exception:  # our bug must not stop what others wait for
            log.exception("delivery.not_made", delivery=claim.row.id, command=_command(claim))
            await self._failed(claim, f"failed; reference {claim.row.id[:8]} stands in the log")

    # ---- messages

    async def _make_message(self, claim: Claim) -> None:
        row = claim.row
        wanted = await self._transactions.read(lambda c, now: wishes_of(c, now, claim))
        if reason := wanted.stops(claim.row):
            await self._skip(claim, reason)
            return
        if wanted.comes_later:
            again = timedelta(seconds=self._timing.tick)
            await self._transactions.write(
                lambda c, now: endings.put_off(c, claim, not_before=now + again)
            )
            return
        if _tells_of_later(row):
            await self._transactions.write(lambda c, now: self._freeze(c, claim, now))
        found = await self._answer(claim)
        if wanted.skips_empty(row) and is_empty(found.report):
            await self._skip(claim, "empty")
            return
        failpoint("P4")
        report, picture = await self._pictured(claim, found.report)
        failpoint("P5")

        def keep(connection: sa.Connection, now: datetime) -> None:
            shown = noted(report, row, now, found.zone).without("share")
            self._keep(connection, claim, now, shown, picture)

        await self._transactions.write(keep)

    def _freeze(self, connection: sa.Connection, claim: Claim, now: datetime) -> None:
        """Keep the numbers of an alert that was kept back: its post may be changed later."""
        reader = audience.maker(connection, self._asking, claim, now).reader
        if claim.row.alert_id is not None and claim.row.window_end is not None:
            freeze_moment(reader, claim.row.alert_id, claim.row.window_end)

    async def _answer(self, claim: Claim) -> Answer:
        """What the delivery says; plain words where it failed too often."""
        if not claim.row.line:
            return Answer(told(claim.row.facts), "UTC")
        if self._is_hopeless(claim):
            return await self._transactions.read(lambda c, _: _last_resort(c, claim))
        found = await self._asked(claim, outsiders=claim.lane.is_external)
        if found.names_people and not claim.lane.is_external and await self._is_outside(claim):
            return await self._asked(claim, outsiders=True)
        return found

    async def _asked(self, claim: Claim, *, outsiders: bool) -> Answer:
        def ask(connection: sa.Connection, now: datetime) -> Answer:
            return audience.answer(connection, self._asking, claim, now, outsiders=outsiders)

        return await self._transactions.read(ask)

    async def _is_outside(self, claim: Claim) -> bool:
        """Whether strangers read along; so they do where that cannot be asked right now."""
        lane = claim.lane
        if lane.is_direct:
            return False
        try:
            async with asyncio.timeout(self._timing.picture):
                address = Address(lane.external_id, lane.channel_id)
                standing = await self._senders[lane.platform].standing(address)
        except (SendError, TimeoutError) as error:
            log.warning("delivery.channel_not_looked_at", channel=lane.id, reason=str(error))
            return True
        return standing.is_external

    async def _pictured(self, claim: Claim, report: Report) -> tuple[Report, bytes | None]:
        """The report with its picture, or with a sentence where it has none."""
        if report.figure is None:
            return report, None
        theme = report.theme or USUAL.get(claim.lane.platform, "light")
        picture = None
        if self._drawing is not None:
            try:
                async with asyncio.timeout(self._timing.picture):
                    picture = await self._drawing.draw(report.figure, theme)
            except TimeoutError:
                log.warning("delivery.picture_too_slow", delivery=claim.row.id)
            except Exception:  # drawing is another program's business; the text must go out
                log.exception("delivery.picture_failed", delivery=claim.row.id)
        if picture is None:
            return replace(report, blocks=(*report.blocks, NO_FIGURE)), None
        return report, picture

    def _keep(
        self,
        connection: sa.Connection,
        claim: Claim,
        now: datetime,
        report: Report,
        picture: bytes | None,
    ) -> None:
        row = claim.row
        shown = report if row.act == "reply" else report.post
        payload = self._payload(
            connection, claim, now, shown, pictured=picture is not None, known_as=_known_as(claim)
        )
        facts: dict[str, object] = {}
        if claim.lane.is_external:
            facts[audience.OUTSIDERS] = True
        if row.kind in ("digest", "correction"):
            facts |= facts_of(told_by(report))
        if picture is not None and report.figure is not None:
            facts["alt"] = report.figure.alt
        content = Content(
            payload=payload,
            payload_sha=digest_of(payload),
            artifact=picture,
            artifact_name=None if picture is None else f"{row.kind}.png",
            artifact_sha=None if picture is None else sha256(picture).hexdigest(),
            data_until=report.data_to,
            facts=facts,
        )
        if not endings.finish_render(connection, claim, now, content):
            raise _Lost
        if row.act == "post":
            details = self._details(connection, claim, now, report)
            files = [] if is_empty(report) else files_below(connection, claim, now)
            insert_deliveries(connection, [*details, *files])
        elif row.act == "edit" and row.kind == "correction":
            insert_deliveries(connection, self._corrected(connection, claim, now, report))

    def _payload(
        self,
        connection: sa.Connection,
        claim: Claim,
        now: datetime,
        report: Report,
        *,
        pictured: bool,
        known_as: str | None = None,
    ) -> dict[str, object]:
        lane, row = claim.lane, claim.row
        values = public_values(
            connection, lane.workspace_id, _buttons(report), platform=lane.platform, now=now
        )
        ref = known_as or reference(row.id, lane.channel_id, row.part)
        sender = self._senders[lane.platform]
        return dict(sender.compose(report, buttons=values, reference=ref, pictured=pictured))

    def _details(
        self, connection: sa.Connection, claim: Claim, now: datetime, report: Report
    ) -> list[NewDelivery]:
        """What goes into the thread below the post, before its files."""
        details = report.thread
        if details is None:
            return []
        return [self._part(connection, claim, details, part_below(claim, now))]

    def _corrected(
        self, connection: sa.Connection, claim: Claim, now: datetime, report: Report
    ) -> list[NewDelivery]:
        """The change of the details below a post that is corrected; they tell its numbers, too."""
        details, row = report.thread, claim.row
        before = details_of(connection, row.workspace_id, row.parent_id or "")
        if details is None or before is None:
            return []
        details = replace(details, blocks=(*corrected(row), *details.blocks))
        part = replace(part_below(claim, now), act="edit", part=1, parent_id=before)
        return [self._part(connection, claim, details, part)]

    def _part(
        self, connection: sa.Connection, claim: Claim, details: Report, part: NewDelivery
    ) -> NewDelivery:
        now = part.not_before or part.due_at
        ref = reference(part.id, claim.lane.channel_id, part.part)
        payload = self._payload(connection, claim, now, details, pictured=False, known_as=ref)
        return replace(part, payload=payload)

    # ---- files

    async def _make_file(self, claim: Claim) -> None:
        if self._is_hopeless(claim):
            await self._transactions.write(
                lambda c, now: endings.end_render(c, claim, now, "the file could not be made")
            )
            return
        wanted = await self._transactions.read(lambda c, now: wishes_of(c, now, claim))
        if reason := wanted.stops(claim.row):
            await self._skip(claim, reason)
            return
        form = cast("Form", claim.row.facts["form"])
        draft = await self._transactions.read(
            lambda c, now: audience.file(c, self._asking, claim, now, form)
        )
        content = await self._written(draft)
        if content is None:
            await self._failed(claim, "the file could not be drawn")
            return
        facts: dict[str, object] = {"alt": draft.alt} if draft.alt else {}
        if claim.lane.is_external:
            facts[audience.OUTSIDERS] = True
        made = Content(
            payload={},
            payload_sha=digest_of({}),
            artifact=content,
            artifact_name=draft.name,
            artifact_sha=sha256(content).hexdigest(),
            facts=facts,
        )
        await self._transactions.write(lambda c, now: endings.finish_render(c, claim, now, made))

    async def _written(self, draft: Draft) -> bytes | None:
        what = draft.what
        if isinstance(what, bytes):
            return what
        if self._drawing is None:
            return None
        if isinstance(what, Document):
            return await self._drawing.print(what)
        return await self._drawing.draw(what, draft.theme)

    # ---- what goes wrong

    def _is_hopeless(self, claim: Claim) -> bool:
        """Whether it failed too often, or may be what its processes died of."""
        row, timing = claim.row, self._timing
        return row.failures >= timing.renders or row.attempts > timing.claims

    async def _skip(self, claim: Claim, reason: str) -> None:
        await self._transactions.write(lambda c, now: endings.skip(c, claim, now, reason))

    async def _failed(self, claim: Claim, reason: str) -> None:
        """Once more a little later; after three times it leaves as plain words."""
        wait = timedelta(seconds=self._timing.render_pause * 2.0 ** min(claim.row.failures + 1, 6))
        await self._transactions.write(
            lambda c, now: endings.fail_render(c, claim, not_before=now + wait, reason=reason)
        )

    async def _refused(self, claim: Claim, error: UserError) -> None:
        """The line may not be asked any more, or means nothing now: stop, and say so once."""
        log.warning("delivery.line_refused", delivery=claim.row.id, command=_command(claim))
        if claim.row.act == "file":  # a day without usage has no table; its post says so
            await self._skip(claim, f"no file: {error.message}")
            return
        if claim.row.alert_id is not None and not isinstance(error, (NotBound, Elsewhere)):
            # What happened must be told; its bare numbers name nobody.
            found = await self._transactions.read(lambda c, _: _last_resort(c, claim))
            bare = found.report
            await self._transactions.write(
                lambda c, now: self._keep(c, claim, now, noted(bare, claim.row, now, "UTC"), None)
            )
            return
        await self._transactions.write(lambda c, now: self._stop(c, now, claim, error))

    def _stop(
        self, connection: sa.Connection, now: datetime, claim: Claim, error: UserError
    ) -> None:
        row, lane = claim.row, claim.lane
        locks.hold(connection, lane.workspace_id)  # before other rows: new ones are numbered
        if not endings.skip(connection, claim, now, f"cancelled: {error.message}"):
            return
        creator = pause_subscription(connection, claim, error.message, now=now)
        if creator is None:
            return
        facts = {
            "subscription": row.subscription_id,
            "line": row.line,
            "reason": error.message,
            "hint": error.hint,
        }
        key, everybody = f"o|{lane.id}|{row.id}", admins(connection, lane, self._owners)
        if isinstance(error, (NotAllowed, NotBound)):
            tell(connection, lane, everybody, key=key, facts=facts, now=now)
            return
        tell_creator(connection, lane, [creator], everybody, key=key, facts=facts, now=now)


def _tells_of_later(row: DeliveryRow) -> bool:
    """Whether an alert's post tells how things are when it leaves, not when it fired."""
    return row.alert_id is not None and row.act == "post" and row.window_end != row.due_at


def _last_resort(connection: sa.Connection, claim: Claim) -> Answer:
    row = claim.row
    alert = row.alert_id and alert_by_id(connection, row.workspace_id, row.alert_id)
    return Answer(plain(row, alert.facts if alert else None), "UTC")


def _command(claim: Claim) -> str:
    """The first word of a line: what else people typed, names of people too, is for no log."""
    return claim.row.line.partition(" ")[0]


def _known_as(claim: Claim) -> str | None:
    """The word by which people know a post already, when it is changed."""
    row = claim.row
    if row.act != "edit" or row.parent_id is None:
        return None
    return reference(row.parent_id, claim.lane.channel_id, 0)


def _buttons(report: Report) -> list[Button]:
    rows = [block.buttons for block in report.blocks if isinstance(block, Actions)]
    return [button for row in rows for button in row]
