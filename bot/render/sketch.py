"""Trees and text bars: what a chart says where no picture can be shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analytics.figures import (
    TimeBar,
    TimelineFigure,
)
from analytics.numbers import as_written, counted_credits
from analytics.report import (
    Node,
    Tree,
)
from analytics.text import clean
from bot.render.cells import MAX_CELL
from bot.render.widths import display_width, pad

LONGEST_BAR = 17  # label, bar and value of a week fit the 34 columns of a phone


def tree_lines(tree: Tree) -> list[str]:
    """The title and the nodes below it, joined by branches."""
    return [clean(tree.title, MAX_CELL), *_branches(tree.nodes, "")]


def _branches(nodes: Sequence[Node], trunk: str) -> Iterator[str]:
    for index, node in enumerate(nodes):
        is_last = index == len(nodes) - 1
        yield f"{trunk}{'└' if is_last else '├'}── {_node_text(node)}"
        yield from _branches(node.children, trunk + ("  " if is_last else "│ "))


def _node_text(node: Node) -> str:
    """`GPT-4o (2x): 2,450 prompts`; a detail in brackets follows the name without a colon."""
    name = clean(node.name, MAX_CELL)
    if not node.detail:
        return name
    detail = clean(node.detail, MAX_CELL)
    return f"{name} {detail}" if detail.startswith("(") else f"{name}: {detail}"


def bar_lines(figure: TimelineFigure) -> list[str]:
    """One line a bucket: `Week 1: ████████ 2,850 credits`."""
    labels = [f"{clean(bar.label)}:" for bar in figure.bars]
    widest = max(map(display_width, labels), default=0)
    most = max((bar.credits or 0 for bar in figure.bars), default=0)
    # As in the table of the same buckets, what is written adds up.
    shown = as_written([bar.credits or 0 for bar in figure.bars])
    return [
        f"{pad(label, widest)} {_bar_text(bar, credits, most)}"
        for label, bar, credits in zip(labels, figure.bars, shown, strict=True)
    ]


def _bar_text(bar: TimeBar, shown: int, most: int) -> str:
    partial = " (partial)" if bar.partial else ""
    if bar.credits is None:
        return f"no data{partial}"
    blocks = max(round(bar.credits / most * LONGEST_BAR), 1) if bar.credits > 0 else 0
    words = f"{counted_credits(shown)}{partial}"
    return f"{'█' * blocks} {words}" if blocks else words
