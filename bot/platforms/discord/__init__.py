"""Discord: the only place that imports discord.py.

Invariant: every click and every form is found by its custom_id alone, so buttons outlive a
restart and nothing about a message is kept in memory.
"""

from bot.platforms.discord.connection import DiscordPlatform, sync_commands

__all__ = ["DiscordPlatform", "sync_commands"]
