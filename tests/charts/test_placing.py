"""Labels are moved apart in order and as little as needed; a free place meets nothing."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charts.placing import Rect, along, first_free, spread

HEIGHTS = st.lists(st.floats(0, 300), max_size=12)
FRAME = Rect(0, 0, 100, 100)


@settings(deadline=None, max_examples=200)
@given(HEIGHTS)
def test_spread_keeps_order_gap_and_ends(wanted: list[float]) -> None:
    places = spread(wanted, 11, 0, 300)
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    assert all(places[b] - places[a] >= 11 - 1e-6 for a, b in pairwise(order))
    assert all(-1e-6 <= place <= 300 + 1e-6 for place in places)


def test_what_stands_apart_is_not_moved() -> None:
    assert spread([50, 10, 90], 11, 0, 100) == [50, 10, 90]


def test_neighbours_that_meet_share_the_way() -> None:
    assert spread([50, 52, 90], 10, 0, 100) == [46, 56, 90]


def test_too_many_for_the_room_stand_closer() -> None:
    assert spread([5, 5, 5], 40, 0, 20) == pytest.approx([0, 10, 20])


def test_the_first_place_that_is_free_and_inside_is_taken() -> None:
    outside, full, free = Rect(-5, 0, 5, 5), Rect(10, 10, 30, 20), Rect(10, 30, 30, 40)
    line = list(along([(0, 0), (40, 20)]))
    assert first_free([outside, full, free], line, FRAME) == free
    assert first_free([outside, full], line, FRAME) is None


def test_a_slanted_line_leaves_the_corners_of_its_box_free() -> None:
    line = list(along([(0, 100), (100, 0)]))
    assert first_free([Rect(5, 5, 40, 40)], line, FRAME) is not None
    assert first_free([Rect(40, 40, 60, 60)], line, FRAME) is None
