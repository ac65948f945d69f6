"""A report to send, and what a sender is given to send."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from analytics.figures import ModelFigure
from analytics.report import Actions, Button, Column, Note, Period, Report, Table
from bot.chat import Act, Address, Attachment, Outgoing, Payload, Sender

NOW = datetime.fromtimestamp(1774875900, UTC)
SINCE = NOW - timedelta(seconds=30)
REFERENCE = "7f3k2q"
PRESS = Button("Who used most", "by-user 2026-03")
VALUES = {PRESS: "ask:by-user 2026-03"}
PNG = b"\x89PNG\r\n\x1a\n"
PICTURE = Attachment("chart.png", PNG, alt="Credits by model")
PDF = Attachment("digest.pdf", b"%PDF-1.4\n")
REPORT = Report(
    title="Credits",
    headline="90% of March credits used (18,012 of 20,000) by <!channel> & @everyone",
    blocks=(
        Note("3 days left, about 1,400 short.", "delta"),
        ModelFigure("Credits by model", "credits", "March", "Credits by model", ()),
        Table(
            (Column("model", "Model"), Column("prompts", "Prompts", "count")),
            rows=(("gpt-4o", 3), ("gpt-4.1", 2)),
            total=("Total", 5),
        ),
        Note("Figures of the moment."),
        Actions((PRESS, Button("Not stored", "by-model 2026-03"))),
    ),
    period=Period(NOW - timedelta(days=29), NOW, "Europe/Berlin", "March", partial=True),
    line="by-model 2026-03",
    as_of=NOW,
    data_to=NOW,
)
HUGE = Report(
    title="x" * 900,
    headline="y" * 900,
    blocks=(
        *(Note("word " * 200, role) for role in ("delta", "hint", "context")),
        Table(
            (Column("model", "Model"), Column("prompts", "Prompts", "count")),
            rows=tuple((f"model-{n}-" + "z" * 60, n) for n in range(400)),
        ),
        Actions(tuple(Button(f"Button {n}", f"by-model {n}") for n in range(30))),
    ),
    line="by-model 2026-03",
)


@contextmanager
def no_generator_left() -> Iterator[None]:
    """Whoever stops reading in the middle closes what it read from, not the collector."""
    left: list[AsyncGenerator[Any]] = []
    usual = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(finalizer=left.append)
    try:
        yield
    finally:
        sys.set_asyncgen_hooks(finalizer=usual.finalizer)
    assert left == []


def composed(sender: Sender, report: Report = REPORT, *, pictured: bool = False) -> Payload:
    """A report as the sender's message."""
    return sender.compose(report, buttons=VALUES, reference=REFERENCE, pictured=pictured)


def outgoing(
    address: Address,
    payload: Payload,
    act: Act = "post",
    **more: Any,  # noqa: ANN401  # fields of Outgoing
) -> Outgoing:
    """One request of the delivery 7f3k2q."""
    return Outgoing(address, act, payload, **({"reference": REFERENCE} | more))
