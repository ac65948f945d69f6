"""One file a family of commands; importing this package registers them all."""

from bot.commands import efficiency, guide, performance, tasks, usage

__all__ = ["efficiency", "guide", "performance", "tasks", "usage"]
