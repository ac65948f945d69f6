"""One file a family of commands; importing this package registers them all."""

from bot.commands import credits, efficiency, export, guide, performance, tasks, usage

__all__ = ["credits", "efficiency", "export", "guide", "performance", "tasks", "usage"]
