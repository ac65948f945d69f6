"""Writers of several replicas cross thresholds at once: each is told exactly once.

The full form, 10,000 crossings by three processes, is `benchmarks/budgets.py`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import sqlalchemy as sa

from benchmarks.racing import Race
from storage.engine import opened
from tests.databases import home


def test_every_threshold_is_told_once_whoever_crosses_it(engine: sa.Engine) -> None:
    race, workspace = Race(people=8, processes=3), home(engine)
    race.prepare(engine, workspace)
    url = engine.url.render_as_string(hide_password=False)
    with ExitStack() as stack, ThreadPoolExecutor(race.processes) as pool:
        engines = [stack.enter_context(opened(url)) for _ in range(race.processes)]
        parts = [pool.submit(race.write, one, workspace, n) for n, one in enumerate(engines)]
        for part in parts:
            part.result()
    assert race.faults(engine, workspace) == 0
