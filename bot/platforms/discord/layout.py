"""Discord's JSON form of a message, turned into the library's objects."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, cast

import discord

from analytics.figures import (
    Figure,
)

PICTURE = "chart.png"
MAX_ALT = 1024

# Foreign JSON: its shape is Discord's, not ours.
Component = Mapping[str, Any]
Item = discord.ui.Item[discord.ui.LayoutView]


def layout_of(components: Sequence[Component]) -> discord.ui.LayoutView:
    """A message of the second component generation; raises ValueError above 40 components.

    The view is already stopped: the library then keeps no reference to it, and clicks go by their
    custom_id to the dynamic button.
    """
    view = discord.ui.LayoutView(timeout=None)
    for component in components:
        view.add_item(_item_of(component))
    view.stop()
    return view


def _item_of(part: Component) -> Item:
    match part["type"]:
        case 1:
            return discord.ui.ActionRow(*map(_item_of, part["components"]))
        case 2:
            return _button_of(part)
        case 10:
            return discord.ui.TextDisplay(part["content"])
        case 12:
            return discord.ui.MediaGallery(*map(_picture_of, part["items"]))
        case 14:
            return discord.ui.Separator(
                visible=part.get("divider", True),
                spacing=discord.SeparatorSpacing(part.get("spacing", 1)),
            )
        case 17:
            inside = map(_item_of, part["components"])
            return discord.ui.Container(*inside, accent_colour=part.get("accent_color"))
        case unknown:
            raise ValueError(f"no component of type {unknown}")


def _button_of(part: Component) -> Item:
    return discord.ui.Button(
        style=discord.ButtonStyle(part["style"]),
        label=part.get("label"),
        disabled=part.get("disabled", False),
        custom_id=part.get("custom_id"),
        url=part.get("url"),
    )


def _picture_of(item: Component) -> discord.MediaGalleryItem:
    url = cast("str", item["media"]["url"])
    return discord.MediaGalleryItem(url, description=item.get("description"))


def picture_file(picture: bytes, figure: Figure) -> discord.File:
    """The chart as an attachment, with the figure's alternative text."""
    return discord.File(io.BytesIO(picture), PICTURE, description=figure.alt[:MAX_ALT])
