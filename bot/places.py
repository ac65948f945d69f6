"""Which channel or person is meant, and the destination that stands for it."""

from __future__ import annotations

import re

from analytics.errors import UserError
from analytics.text import clean
from bot.context import Context, Identity, Place
from storage.destinations import (
    Destination,
    destination_of,
    find_destination,
    list_destinations,
    revive,
)
from storage.notices import RECENT, route_untold

_MENTION = re.compile(r"<#(\w{1,64})(?:\|([^>]*))?>")
_ID = re.compile(r"[CG][A-Z0-9]{7,20}|\d{15,22}", re.ASCII)
HERE = ("here", "channel")
SHOWN = 6
HOW = "Type it in the channel that is meant, name one with `in=#channel`, or say `to=me`."


def oneself(identity: Identity) -> Place:
    """The conversation between the asker and the bot; it is kept under the person."""
    return Place(identity.user_id, identity.name, is_direct=True)


def place_asked(ctx: Context, *, hint: str) -> Place:
    """Where it was typed; raises UserError where that is no channel of a chat."""
    identity = ctx.asker.identity
    if identity.place is None:
        raise UserError("It is not known which channel this is.", hint=hint)
    return oneself(identity) if identity.place.is_direct else identity.place


def place_named(ctx: Context, text: str, *, hint: str) -> Place:
    """The channel of a mention, an id or a known name; raises UserError with known names."""
    mention = _MENTION.fullmatch(text)
    if mention is not None:
        return Place(mention[1], clean(mention[2] or mention[1]))
    name, identity = text.removeprefix("#").casefold(), ctx.asker.identity
    asked = identity.place
    if asked is not None and not asked.is_direct and name == asked.name.casefold():
        return asked
    known = list_destinations(ctx.reader.connection, ctx.reader.workspace.id).values()
    ours = [one for one in known if not one.is_direct and _is_of(identity, one)]
    found = [
        one
        for one in ours
        if one.channel_id == text or one.name.removeprefix("#").casefold() == name
    ]
    if len(found) == 1:
        return Place(found[0].channel_id, found[0].name)
    if _ID.fullmatch(text):
        return Place(text, text)
    listed = ", ".join(f"`#{clean(one.name.removeprefix('#'))}`" for one in ours[:SHOWN])
    raise UserError(
        f"I know no channel '{clean(text)}'.", hint=f"Known are {listed}." if listed else hint
    )


def place_wanted(ctx: Context, channel: str | None, to: str | None) -> Place:
    """Where it is to go; raises UserError where that is not clear."""
    identity = ctx.asker.identity
    if to is not None:
        if channel is not None:
            raise UserError(f"'in={channel}' and 'to=me' are two places.", hint="Keep one of them.")
        if not identity.user_id:
            raise UserError("It is not known who you are here.", hint="Leave `to=me` out.")
        return oneself(identity)
    if channel is None or channel.casefold() in HERE:
        return place_asked(ctx, hint=HOW)
    return place_named(ctx, channel, hint=HOW)


def destination_at(ctx: Context, place: Place) -> Destination:
    """The destination of a place; it is made when it is new, which needs a write transaction."""
    identity = ctx.asker.identity
    return destination_of(
        ctx.reader.connection,
        ctx.reader.workspace.id,
        platform=identity.platform,
        external_id=identity.external_id,
        place=place,
        actor=identity.actor,
        now=ctx.now,
    )


def closed_conversation(ctx: Context) -> int | None:
    """The number of the conversation with the asker, where it took nothing any more."""
    identity = ctx.asker.identity
    known = find_destination(
        ctx.reader.connection,
        ctx.reader.workspace.id,
        platform=identity.platform,
        external_id=identity.external_id,
        channel_id=identity.user_id,
    )
    return known.id if known is not None and known.state != "ok" else None


def reopen(ctx: Context, number: int) -> None:
    """Try a destination again, and let alerts that nobody was told of be routed anew."""
    where = ctx.reader.connection, ctx.reader.workspace.id
    revive(*where, number)
    today = ctx.reader.clock.local_date(ctx.now)
    route_untold(*where, since=ctx.now - RECENT, today=today)
    ctx.record("destination.revived", f"destination {number}")


def is_here(ctx: Context, destination: Destination) -> bool:
    """Whether a channel is the one that this was typed in."""
    identity = ctx.asker.identity
    asked = identity.place
    return (
        asked is not None
        and not asked.is_direct
        and not destination.is_direct
        and _is_of(identity, destination)
        and asked.channel_id == destination.channel_id
    )


def where_text(ctx: Context, destination: Destination) -> str:
    """`#ops`, `you, directly`, `Anna, directly`."""
    if not destination.is_direct:
        return f"#{clean(destination.name.removeprefix('#'), 80)}"
    is_own = destination.actor == ctx.asker.identity.actor
    return f"{'you' if is_own else clean(destination.name)}, directly"


def _is_of(identity: Identity, destination: Destination) -> bool:
    return (identity.platform, identity.external_id) == (
        destination.platform,
        destination.external_id,
    )
