"""What the bot and a person may do in a channel, computed as Discord does it.

https://docs.discord.com/developers/topics/permissions#permission-overwrites
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any

import discord

from bot.chat import Address, SendError, Standing
from bot.platforms.discord.requests import NOT_FOUND, Requests

Json = Mapping[str, Any]
THREADS = frozenset({10, 11, 12})


async def standing_of(requests: Requests, address: Address, person: str) -> Standing:
    """How the bot, and a person, stand with a channel or thread of the address's guild."""
    if address.is_direct:
        user = await requests.call("GET", f"/users/{address.channel_id}")
        return Standing(
            name=str(user.get("global_name") or user.get("username") or ""),
            can_post=None,  # only a message shows whether somebody takes direct messages
            can_read_history=True,
            is_external=not await _is_in(requests, address),
            is_member=person == address.channel_id if person else None,
        )
    channel = await requests.call("GET", f"/channels/{address.channel_id}")
    is_thread = channel.get("type") in THREADS
    home = await requests.call("GET", f"/channels/{channel['parent_id']}") if is_thread else channel
    guild = await requests.call("GET", f"/guilds/{channel['guild_id']}")
    mine = await _permissions(requests, guild, home, await requests.me())
    theirs = await _permissions(requests, guild, home, person) if person else None
    archived = bool((channel.get("thread_metadata") or {}).get("archived"))
    speaks = mine.send_messages_in_threads if is_thread else mine.send_messages
    return Standing(
        name=str(channel.get("name") or ""),
        can_post=mine.view_channel and speaks and not archived,
        can_read_history=mine.view_channel and mine.read_message_history,
        is_external=str(channel["guild_id"]) != address.external_id,
        is_member=None if theirs is None else theirs.view_channel,
    )


async def _is_in(requests: Requests, address: Address) -> bool:
    """Whether a person is still in the guild that the address is of."""
    try:
        await requests.call("GET", f"/guilds/{address.external_id}/members/{address.channel_id}")
    except SendError as error:
        if error.status == NOT_FOUND:
            return False
        raise
    return True


async def _permissions(
    requests: Requests, guild: Json, channel: Json, user: str
) -> discord.Permissions:
    """What somebody may do in a channel; nothing for who is not in the guild."""
    try:
        member = await requests.call("GET", f"/guilds/{guild['id']}/members/{user}")
    except SendError as error:
        if error.status == NOT_FOUND:
            return discord.Permissions.none()
        raise
    return permissions(guild, channel, user=user, roles=member["roles"])


def permissions(
    guild: Json, channel: Json, *, user: str, roles: Sequence[str]
) -> discord.Permissions:
    """Roles give, then the channel's overwrites take and give: everyone's, roles', one's own."""
    everyone = str(guild["id"])  # a role that everybody has
    held = {everyone, *roles}
    granted = _union(role["permissions"] for role in guild["roles"] if role["id"] in held)
    if guild.get("owner_id") == user or discord.Permissions(granted).administrator:
        return discord.Permissions.all()
    overwrites = {one["id"]: one for one in channel.get("permission_overwrites") or ()}
    for names in ({everyone}, held - {everyone}, {user}):
        found = [overwrites[name] for name in names if name in overwrites]
        granted &= ~_union(one["deny"] for one in found)
        granted |= _union(one["allow"] for one in found)
    return discord.Permissions(granted)


def _union(bits: Iterable[str]) -> int:
    return reduce(or_, map(int, bits), 0)
