"""One file a family of commands; importing this package registers them all."""

from bot.commands import budget, credits, efficiency, export, guide, performance, tasks, usage

__all__ = ["budget", "credits", "efficiency", "export", "guide", "performance", "tasks", "usage"]
