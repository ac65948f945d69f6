"""Axes: marks are few and round, labels neither leave their edges nor touch each other."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg

from analytics.figures import (
    TierFigure,
)
from charts.axes import PLAIN_STEPS, Scale, foot_labels, ticks
from charts.card import Card
from charts.sheet import Caption, Sheet
from charts.theme import LIGHT
from tests.charts.pictures import overlaps, texts


@settings(deadline=None, max_examples=200)
@given(st.integers(1, 10**16))
def test_ticks_are_few_round_amounts_under_the_limit(limit: int) -> None:
    marks = ticks(0, limit)
    assert marks[0] == 0
    assert marks[-1] <= limit
    assert 2 <= len(marks) <= 5
    step = str(marks[1]).rstrip("0")
    assert step in {"1", "2", "25", "5"}
    assert marks == [marks[1] * place for place in range(len(marks))]


@settings(deadline=None, max_examples=200)
@given(st.integers(-(10**9), 10**9), st.integers(0, 10**9))
def test_ticks_between_two_numbers_stand_at_multiples_of_their_step(low: int, room: int) -> None:
    marks = ticks(low, low + room, most=3, steps=PLAIN_STEPS)
    assert len(marks) <= 4
    assert all(low <= mark <= low + room for mark in marks)
    steps = {b - a for a, b in pairwise(marks)}
    assert len(steps) <= 1
    assert all(mark % step == 0 for mark in marks for step in steps)


def test_a_scale_meets_both_ends() -> None:
    scale = Scale(4, 5, 200, 100)
    assert [scale.at(value) for value in (4, 4.5, 5)] == [200, 150, 100]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.floats(-50, 400), st.text("ab 1", min_size=1, max_size=30))))
def test_labels_stay_between_the_edges_and_apart(labels: list[tuple[float, str]]) -> None:
    sheet = Sheet(LIGHT)
    caption = Caption.of(TierFigure("", "", "", "", ()), sheet)
    card = Card(sheet, caption, 50)
    FigureCanvasAgg(card.canvas)
    foot_labels(card, labels, 30, (14, 346))
    assert len(list(texts(card))) >= bool(labels)
    assert overlaps(card) == []
