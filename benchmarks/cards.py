"""Drawing: a card of each kind beside a plain chart, our PNG writer beside Pillow's."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from io import BytesIO

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from PIL import Image

from analytics.figures import (
    DashboardFigure,
    Figure,
)
from benchmarks.lab import Lab
from benchmarks.measurement import Measurement, cpu_ratio
from charts import draw, printed
from charts.document import Document, Page, Picture
from charts.picture import compose
from charts.png import Pixels, palette_png
from charts.sheet import Sheet
from charts.theme import THEMES

CARD, DASHBOARD = 1.0, 1.7
DPI = 216
INCHES = (5, 3)  # 1080 pixels wide, like a card


def measure(lab: Lab) -> list[Measurement]:
    """Times and sizes, each as a ratio in this run."""
    figures = lab.figures()
    cards = [
        Measurement(
            f"card of `{line}`: cpu",
            cpu_ratio(partial(draw, figure, theme="light"), _plain, lab.repeats),
            DASHBOARD if isinstance(figure, DashboardFigure) else CARD,
            "x plain",
        )
        for line, figure in figures.items()
    ]
    return [*cards, _page(lab, figures), *_png(lab, next(iter(figures.values())))]


def _page(lab: Lab, figures: Mapping[str, Figure]) -> Measurement:
    """A page of paper with as many charts as it holds, in a document of several."""
    pages = tuple(Page((Picture(figure), Picture(figure))) for figure in figures.values())
    paper = Document("Briefing", "", "", pages)
    ratio = cpu_ratio(partial(printed, paper), _plain, lab.repeats)
    return Measurement("page of a PDF: cpu", ratio / len(pages), 5.0, "x plain")


def _plain() -> bytes:
    """The chart everybody draws first: thirty bars, through savefig."""
    canvas = Canvas(figsize=INCHES, dpi=DPI)
    axes = canvas.subplots()
    axes.bar(range(30), range(30))
    axes.set_title("Thirty bars")
    file = BytesIO()
    canvas.savefig(file, format="png")
    return file.getvalue()


def _png(lab: Lab, figure: Figure) -> list[Measurement]:
    card = compose(figure, Sheet(THEMES["light"]))
    agg = FigureCanvasAgg(card.canvas)
    agg.draw()  # type: ignore[no-untyped-call]  # matplotlib gives no types here
    pixels = np.array(agg.buffer_rgba(), np.uint8)  # type: ignore[no-untyped-call]  # nor here
    ours = partial(palette_png, pixels, exact=card.theme.colours, description="")
    pillows = partial(_pillow, pixels)
    time = cpu_ratio(ours, pillows, lab.repeats)
    return [
        Measurement("PNG writer: cpu", time, 0.6, "of Pillow's"),
        Measurement("PNG writer: size", len(ours()) / len(pillows()), 0.4, "of Pillow's"),
    ]


def _pillow(pixels: Pixels) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, format="png")
    return file.getvalue()
