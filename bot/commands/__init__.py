"""One file a family of commands; importing this package registers them all."""

from bot.commands import guide, usage

__all__ = ["guide", "usage"]
