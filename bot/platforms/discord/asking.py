"""Who asks, as Discord's signed frame says it."""

from __future__ import annotations

from dataclasses import dataclass

import discord

from bot.context import Identity, Place
from bot.desk import Desk

PLATFORM = "discord"
Interaction = discord.Interaction[discord.Client]


@dataclass(frozen=True, slots=True)
class Asked:
    """One interaction and who stands behind it."""

    interaction: Interaction
    identity: Identity


async def identity_of(desk: Desk, interaction: Interaction) -> Identity | None:
    """The asker inside a guild; in a direct message inside the one bound guild they belong to.

    None in a direct message of somebody who belongs to none or to several bound guilds: there
    the numbers of one company must not be guessed.  Raises StorageError.
    """
    guild = interaction.guild_id
    team = str(guild) if guild is not None else await _only_shared_guild(desk, interaction)
    if team is None:
        return None
    person = interaction.user
    place = _place(interaction)
    return Identity(PLATFORM, team, str(person.id), name=person.display_name, place=place)


def _place(interaction: Interaction) -> Place | None:
    """The channel or thread of a guild, or the conversation with the bot: no others are offered."""
    if interaction.channel_id is None:
        return None
    name = getattr(interaction.channel, "name", None) or ""
    is_direct = interaction.guild_id is None
    return Place(str(interaction.channel_id), "" if is_direct else name, is_direct=is_direct)


async def _only_shared_guild(desk: Desk, interaction: Interaction) -> str | None:
    guilds = {str(guild.id): guild for guild in interaction.client.guilds}
    bound = await desk.run_blocking(lambda: desk.bound(PLATFORM, list(guilds)))
    shared = [team for team in bound if await _belongs(interaction.user, guilds[team])]
    return shared[0] if len(shared) == 1 else None


async def _belongs(person: discord.abc.User, guild: discord.Guild) -> bool:
    # Asked anew each time: without the members intent nothing tells us that somebody left.
    try:
        await guild.fetch_member(person.id)
    except discord.NotFound:
        return False
    return True
