"""One person's flood is slowed; everybody else does not notice."""

from __future__ import annotations

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from bot.context import Identity
from bot.desk import Desk
from bot.pacing import BURST, SECONDS_EACH, Pacing
from storage.engine import writing
from storage.workspaces import bind_chat
from tests.cast import NOW


@given(st.lists(st.floats(0, 20), max_size=80))
def test_nobody_gets_more_than_the_burst_and_one_each_six_seconds(pauses: list[float]) -> None:
    time = [0.0]
    pacing = Pacing(lambda: time[0])
    allowed = 0
    for pause in pauses:
        time[0] += pause
        allowed += pacing.wait_for("ann") == 0
    assert allowed <= BURST + sum(pauses) / SECONDS_EACH


def test_waiting_as_told_is_enough() -> None:
    time = [0.0]
    pacing = Pacing(lambda: time[0])
    waits = [pacing.wait_for("ann") for _ in range(6)]
    assert waits == [0, 0, 0, 0, 0, SECONDS_EACH]
    time[0] += waits[-1]
    assert pacing.wait_for("ann") == 0


def test_a_flood_of_one_leaves_the_others_alone(sqlite_engine: sa.Engine) -> None:
    with writing(sqlite_engine) as connection:
        bind_chat(connection, 1, platform="slack", external_id="T1", now=NOW)
    desk = Desk(sqlite_engine, now=lambda: NOW, pacing=Pacing(lambda: 0.0))
    ann, ben = Identity("slack", "T1", "ANN"), Identity("slack", "T1", "BEN")
    headlines = [desk.answer("help", ann).headline for _ in range(7)]
    assert headlines[-1] == "That was a lot at once."
    assert "commands" in desk.answer("help", ben).headline
    assert "commands" in desk.answer("help", Identity("terminal", "", "")).headline
    desk.close()
