"""With whose rights an unasked answer is made, and what a channel may be told of it.

Its maker's rights are looked up anew each time; a channel sees what anybody in it may see, unless
an admin opened it to people's rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from analytics.errors import UserError
from analytics.report import Form, Report
from bot.asking import Asking
from bot.briefing import REPORTS, gather_briefing
from bot.context import Asker, Context, Identity, NotAllowed
from bot.delivery.wishes import wishes_of
from bot.exports import Draft, drafted, unlimited
from bot.registry import Call, exportable, parse, permit, run
from bot.subscriptions.rights import check_sender
from storage.claims import Claim, Lane
from storage.outbox import DeliveryRow, delivery_by_id

OUTSIDERS = "outsiders"  # the fact that strangers may read what was made


class Elsewhere(UserError):  # noqa: N818  # the state is the name
    """The team that a message would go to belongs to another workspace by now."""


class Outside(Elsewhere, NotAllowed):
    """The person whom a message would go to is a guest, or left."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a delivery's line says; `names_people` decides whether outsiders may read it.

    `zone` is the workspace's.
    """

    report: Report
    zone: str
    names_people: bool = False


def answer(
    connection: sa.Connection, asking: Asking, claim: Claim, now: datetime, *, outsiders: bool
) -> Answer:
    """Ask a delivery's line as its maker; raises UserError where that is not allowed any more.

    Before `outsiders` people are walled off, whoever made it.
    """
    call, ctx = _asked(connection, asking, claim, now, outsiders=outsiders)
    report = run(claim.row.line, ctx)
    names = call.shows_people or report.names_people
    return Answer(report, ctx.reader.workspace.zone, names)


def why_not(connection: sa.Connection, asking: Asking, claim: Claim, now: datetime) -> str | None:
    """Why what a subscription sends, made a while ago, may not leave any more; None where it may.

    What goes below a post is judged by the line of the post.
    """
    row, lane = claim.row, claim.lane
    if reason := wishes_of(connection, now, claim).stops(row):
        return reason
    line, facts = row.line, row.facts
    if not line:
        line, facts = _post_of(connection, row)
    if lane.is_external and not facts.get(OUTSIDERS):
        return "strangers read along by now"
    asked = replace(claim, row=replace(row, line=line))
    try:
        _asked(connection, asking, asked, now, outsiders=lane.is_external)
    except UserError as error:
        return f"cancelled: {error.message}"
    return None


def _post_of(connection: sa.Connection, row: DeliveryRow) -> tuple[str, Mapping[str, Any]]:
    """The line of the post that a row stands below, and the post's facts."""
    post = delivery_by_id(connection, row.workspace_id, row.parent_id or "")
    return (post.line, post.facts) if post else ("", {})


def file(
    connection: sa.Connection, asking: Asking, claim: Claim, now: datetime, form: Form
) -> Draft:
    """What a file part is made of, by the same rules; raises UserError."""
    exportable(claim.row.line)
    call, ctx = _asked(connection, asking, claim, now, outsiders=claim.lane.is_external)
    report = run(unlimited(call, form), ctx)
    asked = parse(report.line)
    briefing = None
    if form == "pdf" and asked.command.name in REPORTS:
        briefing = gather_briefing(asked, report, ctx)
    if claim.row.trigger == "test":
        report = report.as_test
        briefing = briefing and replace(briefing, report=report)
    today = ctx.reader.clock.local_date(ctx.now)
    return drafted(report, form, briefing=briefing, today=today)


def _asked(
    connection: sa.Connection, asking: Asking, claim: Claim, now: datetime, *, outsiders: bool
) -> tuple[Call, Context]:
    if claim.lane.is_direct and claim.lane.is_external:
        raise Outside(
            "This person is a guest here, or left.",
            hint="Where that is wrong, wait a day: I look at people once a day.",
        )
    call = parse(claim.row.line)
    made = maker(connection, asking, claim, now)
    if claim.row.subscription_id is not None and claim.row.actor:
        _check_sender(made, claim)
    permit(call.command, made)
    return call, _shown_to(made, claim.lane, outsiders=outsiders)


def _check_sender(made: Context, claim: Claim) -> None:
    """Raise NotAllowed where whoever made a digest may not choose any more what a channel gets."""
    try:
        check_sender(made, claim.row.line, is_direct=claim.lane.is_direct)
    except NotAllowed as error:
        raise NotAllowed(
            "Whoever made it may not choose any more what this channel is sent.",
            hint="An admin who resumes it answers for it from then on.",
        ) from error


def maker(connection: sa.Connection, asking: Asking, claim: Claim, now: datetime) -> Context:
    """The context of whoever made the delivery; its clock is the end of what is reported on."""
    lane, row = claim.lane, claim.row
    identity = _identity(row, lane)
    ctx = asking.context(connection, identity)
    if ctx.reader.workspace.id != row.workspace_id:
        raise Elsewhere(
            f"This {lane.platform} team belongs to another workspace now.",
            hint="Subscribe again where it belongs.",
        )
    if not row.actor and not lane.is_direct:
        # Nobody in particular: creditbot itself, which tells a channel what an admin let it see.
        ctx = replace(ctx, asker=Asker(identity, "admin" if lane.people_rows else "member"))
    return replace(ctx, now=row.window_end or now)


def _identity(row: DeliveryRow, lane: Lane) -> Identity:
    """Whoever made it; what comes directly never tells more than its person may see."""
    if row.actor and not lane.is_direct:
        platform, external_id, user_id = (*row.actor.split(":", 2), "", "")[:3]
        return Identity(platform, external_id, user_id)
    return Identity(lane.platform, lane.external_id, lane.channel_id if lane.is_direct else "")


def _shown_to(maker: Context, lane: Lane, *, outsiders: bool) -> Context:
    if lane.is_direct:
        return maker
    if outsiders:
        return replace(maker.for_channel, people_visibility="admins")
    if lane.people_rows or maker.people_visibility == "everyone":
        return replace(maker, own={})  # a channel has no taste of its own
    return maker.for_channel
