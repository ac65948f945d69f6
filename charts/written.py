"""A text of one line that is laid out once."""

from __future__ import annotations

from typing import Any, Literal

from matplotlib.backend_bases import RendererBase
from matplotlib.text import Text

from charts.lettering import Style, width
from charts.typeface import font

Align = Literal["left", "center", "right"]
BEFORE: dict[Align, float] = {"left": 0, "center": 0.5, "right": 1}  # of the width, before it


class Written(Text):
    """A line on its baseline, without rotation, formula or frame.

    matplotlib's own text measures each line again for every picture, two thirds of what its
    letters cost; ours is measured already.  Half of the time of a card is text.
    """

    def __init__(
        self, at: tuple[float, float], text: str, style: Style, *, colour: str, align: Align
    ) -> None:
        properties = font(text, style.size, style.weight)
        super().__init__(*at, text, fontproperties=properties, color=colour, ha=align)
        self._shift = BEFORE[align] * width(text, style)

    def draw(self, renderer: RendererBase, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401, ARG002  # its signature
        """Draw the letters where they were measured to be."""
        renderer.open_group("text")
        x, y = self.get_transform().transform(self.get_position())
        _, height = renderer.get_canvas_width_height()
        context = renderer.new_gc()
        context.set_foreground(self.get_color())
        left = x - renderer.points_to_pixels(self._shift)
        top = height - y if renderer.flipy() else y
        words, properties = self.get_text(), self.get_fontproperties()
        renderer.draw_text(context, left, top, words, properties, 0, ismath=False, mtext=self)
        context.restore()
        renderer.close_group("text")
