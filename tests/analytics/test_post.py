"""What of a report is for a post, and what for the thread below it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from analytics.report import Actions, Facts, Note, Report, Table, Tree, is_detail
from bot.render import json
from tests.surfaces.reports import BUTTONS, MODEL_FIGURE, MODEL_TABLE, PEAKS, answer, reports

TOLD = answer(
    Note("first"),
    MODEL_FIGURE,
    PEAKS,
    replace(MODEL_TABLE, is_detail=True),
    Note("and", is_detail=True),
    Actions(BUTTONS),
)


def test_details_go_into_the_thread_without_figure_and_buttons() -> None:
    assert [type(block) for block in TOLD.post.blocks] == [Note, type(MODEL_FIGURE), Facts, Actions]
    thread = TOLD.thread
    assert thread is not None
    assert [type(block) for block in thread.blocks] == [Table, Note]
    assert (thread.headline, thread.line, thread.figure) == ("Details: By model", TOLD.line, None)


@given(reports())
def test_what_is_all_for_the_post_has_no_thread(report: Report) -> None:
    assert report.post == report
    assert report.thread is None


@given(reports())
def test_post_and_thread_hold_every_block_once(report: Report) -> None:
    marked = tuple(
        replace(block, is_detail=bool(number % 2))
        if isinstance(block, (Facts, Table, Tree, Note))
        else block
        for number, block in enumerate(report.blocks)
    )
    whole = replace(report, blocks=marked)
    below = whole.thread.blocks if whole.thread else ()
    assert len(whole.post.blocks) + len(below) == len(marked)
    assert all(is_detail(block) for block in below)


def test_programs_are_told_what_is_a_detail() -> None:
    blocks = json.payload(TOLD)["blocks"]
    assert isinstance(blocks, list)
    assert [block.get("detail") for block in blocks if isinstance(block, dict)] == [
        *(None, None, None),
        *(True, True, None),
    ]
