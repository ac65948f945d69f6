"""Who asks, as Discord's signed frame says it."""

from __future__ import annotations

from dataclasses import dataclass

import discord

from bot.context import Identity
from bot.desk import Desk
from storage.engine import reading
from storage.workspaces import bound_workspace

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
    the numbers of one company must not be guessed.
    """
    guild = interaction.guild_id
    if guild is None:
        guild = await _only_shared_guild(desk, interaction)
    if guild is None:
        return None
    person = interaction.user
    return Identity(PLATFORM, str(guild), str(person.id), name=person.display_name)


async def _only_shared_guild(desk: Desk, interaction: Interaction) -> int | None:
    guilds = {guild.id: guild for guild in interaction.client.guilds}
    bound = await desk.run_blocking(lambda: _bound(desk, list(guilds)))
    shared = [number for number in bound if await _belongs(interaction.user, guilds[number])]
    return shared[0] if len(shared) == 1 else None


def _bound(desk: Desk, guilds: list[int]) -> list[int]:
    with reading(desk.engine) as connection:
        return [g for g in guilds if bound_workspace(connection, PLATFORM, str(g)) is not None]


async def _belongs(person: discord.abc.User, guild: discord.Guild) -> bool:
    # Asked anew each time: without the members intent nothing tells us that somebody left.
    try:
        await guild.fetch_member(person.id)
    except discord.NotFound:
        return False
    return True
