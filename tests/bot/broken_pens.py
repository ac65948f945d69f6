"""Drawing processes that fail, each in its own way: what `bot.drawing` starts instead of its own.

They stand in a module of their own because the new process imports what it runs.
"""

from __future__ import annotations

import os
import struct
import time
from multiprocessing.connection import Connection

from bot.drawing import _serve

HALF = struct.pack("!i", 1_000) + b"\x89PNG"  # a thousand bytes are promised


def draws_nothing(pipe: Connection) -> None:
    """The real process, whose every card stays empty."""
    from matplotlib.figure import Figure as Canvas  # only in the new process

    from charts import picture
    from charts.card import Card

    compose = picture.compose

    def emptied(*told: object) -> Card:
        card = compose(*told)  # type: ignore[arg-type]  # what it was told
        card.canvas = Canvas(figsize=(4, 3), facecolor=card.theme.bg)
        return card

    picture.compose = emptied  # type: ignore[assignment]  # wider than the real one
    _serve(pipe)


def dies_midway(pipe: Connection) -> None:
    """Killed when half of the picture is written."""
    pipe.recv()
    os.write(pipe.fileno(), HALF)


def stops_midway(pipe: Connection) -> None:
    """Half of the picture is written, and the rest never comes."""
    dies_midway(pipe)
    time.sleep(600)


def cannot_start(_: Connection) -> None:
    """Gone before it read anything."""
    os._exit(1)


PENS = (draws_nothing, dies_midway, stops_midway, cannot_start)
