"""From a figure to the bytes of a file: the one place that knows every chart kind and format."""

from __future__ import annotations

from io import BytesIO
from typing import Literal, assert_never

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

from analytics.figures import (
    BudgetFigure,
    DashboardFigure,
    Figure,
    FrontierFigure,
    HeatFigure,
    LatencyFigure,
    LineFigure,
    ModelFigure,
    MoverFigure,
    PersonFigure,
    SplitFigure,
    TierFigure,
    TimelineFigure,
)
from analytics.text import clean
from charts.budget import budget_card
from charts.by_model import model_card
from charts.by_person import person_card
from charts.card import Card
from charts.dashboard import dashboard_card
from charts.frontier import frontier_card
from charts.heat import heat_card
from charts.latency import latency_card
from charts.lines import line_card
from charts.movers import mover_card
from charts.png import palette_png
from charts.sheet import MAX_SENTENCE, Sheet
from charts.theme import THEMES, Format, ThemeName
from charts.tiers import tier_card
from charts.timeline import timeline_card
from charts.use_cases import split_card

MAX_ALT = 2000  # Slack's limit for an alt text, the largest there is


def picture(figure: Figure, theme: ThemeName, format: Format) -> bytes:  # noqa: A002
    """The figure as a PNG, SVG or PDF file that carries its alt text."""
    card = compose(figure, Sheet(THEMES[theme]))
    alt = clean(figure.alt, MAX_ALT)
    if format == "png":
        return _png(card, alt)
    return _vector(card, format, title=clean(figure.title, MAX_SENTENCE), alt=alt)


def compose(figure: Figure, sheet: Sheet) -> Card:  # noqa: C901, PLR0911, PLR0912  # a case a kind
    """The card of a figure, laid out but not drawn; a sheet with a page puts it there."""
    match figure:
        case ModelFigure():
            return model_card(figure, sheet)
        case PersonFigure():
            return person_card(figure, sheet)
        case TimelineFigure():
            return timeline_card(figure, sheet)
        case BudgetFigure():
            return budget_card(figure, sheet)
        case HeatFigure():
            return heat_card(figure, sheet)
        case LatencyFigure():
            return latency_card(figure, sheet)
        case TierFigure():
            return tier_card(figure, sheet)
        case SplitFigure():
            return split_card(figure, sheet)
        case FrontierFigure():
            return frontier_card(figure, sheet)
        case DashboardFigure():
            return dashboard_card(figure, sheet)
        case LineFigure():
            return line_card(figure, sheet)
        case MoverFigure():
            return mover_card(figure, sheet)
        case _:
            assert_never(figure)


def _png(card: Card, alt: str) -> bytes:
    agg = FigureCanvasAgg(card.canvas)
    agg.draw()  # type: ignore[no-untyped-call]  # matplotlib gives no types here
    pixels = np.asarray(agg.buffer_rgba(), np.uint8)  # type: ignore[no-untyped-call]  # nor here
    packed = pixels.view(np.uint32)
    if (packed == packed[0, 0]).all():
        raise ValueError("nothing was drawn")  # better no picture than a blank one
    return palette_png(pixels, exact=(*card.theme.colours, *card.exact), description=alt)


def _vector(card: Card, format: Literal["svg", "pdf"], *, title: str, alt: str) -> bytes:  # noqa: A002
    """A file without a time stamp, so that its bytes repeat."""
    words = {"Title": title, "Date": None, "Description": alt}
    if format == "pdf":
        words = {"Title": title, "CreationDate": None, "Subject": alt}
    file = BytesIO()
    card.canvas.savefig(file, format=format, metadata=words)
    if format == "svg":
        # Where the font is not installed, a browser must not fall back to its serif.
        return file.getvalue().replace(b"'Creditbot Sans'", b"'Creditbot Sans', sans-serif")
    return file.getvalue()
