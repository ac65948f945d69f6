"""One file a family of commands; importing this package registers them all."""

from bot.commands import (
    advice,
    budget,
    credits,
    digest,
    efficiency,
    export,
    guide,
    limits,
    models,
    patterns,
    performance,
    preferences,
    roi,
    tasks,
    trials,
    usage,
)

__all__ = [
    "advice",
    "budget",
    "credits",
    "digest",
    "efficiency",
    "export",
    "guide",
    "limits",
    "models",
    "patterns",
    "performance",
    "preferences",
    "roi",
    "tasks",
    "trials",
    "usage",
]
