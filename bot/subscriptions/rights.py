"""What is checked before a line is sent unasked: that it can be asked, and whose it is to send.

A member sends to oneself.  A lead sends lines about the own department to the channel they are
typed in, an admin any line to any channel.  People's rows, where a workspace restricts them, go to
a channel only when an admin says so.  The right is checked again when a message is made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from analytics.errors import UserError
from analytics.report import Report
from analytics.text import clean, typed
from bot.calls import Call
from bot.context import Context, NotAllowed, Place, check_readers, outranks
from bot.params import When
from bot.places import is_here, where_text
from bot.registry import parse, permit, run
from bot.subscriptions.rounds import DAILY, Round, Rounds, line_for, rounds
from storage.destinations import Destination, list_destinations
from storage.roles import home_of
from storage.subscriptions import Subscription, list_subscriptions

LISTED = 5
USUAL_LINES = {"weekly": "digest weekly", "monthly": "digest monthly"}


@dataclass(frozen=True, slots=True)
class Told:
    """What a subscription says for one round: the line about its days, and its answer."""

    round: Round
    line: str
    report: Report
    tells_people: bool


def line_of(text: str | None, when: When) -> str:
    """The line that is stored, written in one way; raises UserError for what cannot be sent."""
    if text is None:
        if when.is_sub_daily:
            raise UserError(
                f"`{when.text}` is due several times a day, and `{DAILY}` tells of yesterday.",
                hint='Say what to ask then, in quotes: `"by-model today"`.',
            )
        return USUAL_LINES.get(when.kind, DAILY)
    call = parse(text)
    if call.command.changes or any(
        param.type.verbatim or param.type.nested for param in call.command.params
    ):
        raise UserError(
            f"`{call.command.name}` is no question, so it is not sent on a schedule.",
            hint="Subscribe a question, for example `by-department last 7d`.",
        )
    return call.line


def rounds_of(ctx: Context, kept: Subscription) -> Rounds:
    """The rounds of a subscription; raises UserError for what is not known any more."""
    return rounds(kept.schedule, kept.zone, ctx.reader.workspace.zone)


def ask_then(ctx: Context, line: str, found: Rounds) -> Told:
    """What a line says for the newest period that is over; raises UserError as asking does.

    The clock is that of the message: the end of the period.
    """
    newest = found.newest(ctx.now)
    told = line_for(line, newest.period, ctx.reader.workspace.week_start)
    call = parse(told)
    permit(call.command, ctx)
    report = run(told, replace(ctx, now=_local(ctx, newest.end), may_change=False))
    return Told(newest, told, report, call.shows_people or report.names_people)


def _local(ctx: Context, moment: datetime) -> datetime:
    return moment.astimezone(ctx.reader.clock.zone)


# ---- who may


def check_target(ctx: Context, place: Place, line: str) -> None:
    """Raise NotAllowed for a place that is not the asker's to send a line to."""
    check_readers(place, "a digest")
    asked = ctx.asker.identity.place
    is_here = asked is not None and not asked.is_direct and asked.channel_id == place.channel_id
    if ctx.asker.role == "lead" and not place.is_direct and not is_here:
        raise NotAllowed(
            f"A lead subscribes the channel that it is typed in, not '{clean(place.name)}'.",
            hint="Type it there, or ask an admin.",
        )
    check_sender(ctx, line, is_direct=place.is_direct)


def check_sender(ctx: Context, line: str, *, is_direct: bool) -> None:
    """Raise NotAllowed where the asker does not choose (any more) what a channel is sent."""
    if is_direct or outranks(ctx.asker.role, "admin"):
        return
    if ctx.asker.role != "lead":
        raise NotAllowed(
            "What a channel is sent is chosen by leads and admins.",
            hint="With `to=me` it comes to you directly.",
        )
    _check_department(ctx, parse(line))


def _check_department(ctx: Context, call: Call) -> None:
    """Raise NotAllowed for a line that is not about the lead's own department alone."""
    person, reader = ctx.asker.person_id, ctx.reader
    home = 0 if person is None else home_of(reader.connection, reader.workspace.id, person)
    if not home:
        raise NotAllowed(
            "A lead sends lines about the own department; yours is not known.",
            hint="Ask an admin for its link, or use `to=me`.",
        )
    named = [reader.find("department", text) for text in call.given.get("department", ())]
    if named == [home]:
        return
    name = reader.names("department")[home]
    own = f"department={typed(name)}".replace('"', "'")
    raise NotAllowed(
        f"A lead sends lines about the own department here: {clean(name)}.",
        hint=f'Write it into the line: `"{call.command.name} {own}"`.',
    )


def check_people(ctx: Context, told: Told, destination: Destination) -> bool:
    """Whether an admin lets a channel see people's rows by this; raises NotAllowed for others."""
    is_open = ctx.people_visibility == "everyone" or destination.is_direct
    if is_open or not told.tells_people or destination.people_rows:
        return False
    if not outranks(ctx.asker.role, "admin"):
        raise NotAllowed(
            f"`{told.line}` tells of people, whose rows are for {ctx.people_visibility} here.",
            hint="Ask an admin to subscribe this channel, or send it with `to=me`.",
        )
    return True


def check_place(ctx: Context, destination: Destination) -> None:
    """Raise UserError for a channel that is known to be shared outside, or closed to the bot."""
    where = where_text(ctx, destination)
    if destination.is_external:
        raise UserError(
            f"{where} is shared with another organisation.",
            hint="Choose a channel of your own, or `to=me`.",
        )
    if destination.can_post is False and destination.state == "ok":
        raise UserError(f"I cannot post in {where}.", hint="Invite me there, then try again.")


def may_see(ctx: Context, kept: Subscription, destination: Destination) -> bool:
    """Whether the asker is told of a subscription: an own one, or one of this very channel."""
    is_theirs = _is_own(ctx, kept, destination) or is_here(ctx, destination)
    return is_theirs or outranks(ctx.asker.role, "admin")


def may_change(ctx: Context, kept: Subscription, destination: Destination) -> bool:
    """Whether the asker may change or end a subscription."""
    if outranks(ctx.asker.role, "admin") or _is_own(ctx, kept, destination):
        return True
    if ctx.asker.role != "lead" or not is_here(ctx, destination):
        return False
    try:
        _check_department(ctx, parse(kept.line))
    except UserError:
        return False
    return True


def _is_own(ctx: Context, kept: Subscription, destination: Destination) -> bool:
    """Whether the asker made it; what comes directly is its person's, whoever changed it."""
    owner = destination.actor if destination.is_direct else kept.created_by
    return owner == ctx.asker.identity.actor


# ---- which one


@dataclass(frozen=True, slots=True)
class Known:
    """A subscription and where it goes."""

    kept: Subscription
    to: Destination


def _here(ctx: Context) -> tuple[sa.Connection, int]:
    return ctx.reader.connection, ctx.reader.workspace.id


def visible(ctx: Context, *, with_ended: bool = False) -> list[Known]:
    """The subscriptions that the asker may be told of, in the order in which they were made."""
    known = list_destinations(*_here(ctx))
    kept = list_subscriptions(*_here(ctx), with_ended=with_ended)
    found = [Known(one, known[one.destination_id]) for one in kept]
    return [one for one in found if may_see(ctx, one.kept, one.to)]


def find(ctx: Context, number: int, *, with_ended: bool = False) -> Known:
    """A digest that the asker may be told of; raises UserError that names those there are."""
    known = visible(ctx, with_ended=with_ended)
    found = next((one for one in known if one.kept.id == number), None)
    if found is not None:
        return found
    if not with_ended and any(one.kept.id == number for one in visible(ctx, with_ended=True)):
        raise UserError(
            f"Digest {number} was ended.",
            hint=f"`digest history {number}` shows what it sent; `digest subscribe` makes another.",
        )
    listed = ", ".join(f"{one.kept.id} (`{one.kept.line}`)" for one in known[:LISTED])
    if len(known) > LISTED:
        listed += f" and {len(known) - LISTED} more: `digest list`"
    raise UserError(
        f"There is no digest {number} here.",
        hint=f"There is {listed}." if listed else "`digest subscribe weekly mon 09:00` makes one.",
    )


def owned(ctx: Context, number: int) -> Known:
    """A digest that the asker may change; raises NotAllowed that says who may."""
    found = find(ctx, number)
    if may_change(ctx, found.kept, found.to):
        return found
    raise NotAllowed(
        f"Digest {number} is changed by whoever made it, or an admin.",
        hint="Ask them, or subscribe yourself with `to=me`.",
    )
