"""A telling sample of the crash-point matrix; `make chaos` has all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.matrix import SAMPLE, cells, outcomes
from tests.chaos.scene import Cell
from tests.databases import Postgres

pytestmark = pytest.mark.long


@pytest.mark.timeout(400)
def test_at_each_point_of_the_sample_every_message_is_seen_once(
    postgres: Postgres, tmp_path: Path
) -> None:
    chosen = [Cell(*words) for words in SAMPLE]
    assert set(chosen) <= set(cells())
    wrong = [f"{cell}: {what}" for cell, what in outcomes(chosen, tmp_path, postgres) if what]
    assert wrong == []
