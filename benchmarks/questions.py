"""How long each question takes on SQLite, and how that grows with the number of events."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.asking import opening_ms, times_by_line
from benchmarks.lab import Lab
from benchmarks.measurement import Measurement
from storage.engine import opened

CORE_MS = 3.0
PERCENTILES_MS = 15.0
DRY_RUN_MS = 1000.0  # it reads 30 days prompt by prompt, once, for an admin
OTHER_MS: Mapping[str, float] = {
    "by-user last 7d": 6.0,
    "by-user last 12 months": 10.0,
    "performance last 30d": PERCENTILES_MS,
    "compare last 30d": PERCENTILES_MS,
    "by-task last 30d": PERCENTILES_MS,
    "trends last 30d": PERCENTILES_MS,  # it tells people and tasks of twice 29 days
    "dashboard": 10.0,  # percentiles and people of a month
    "patterns last 30d": PERCENTILES_MS,  # it tells tasks, too
    "forecast": PERCENTILES_MS,  # 180 days of every department and project
    "roi last 30d": PERCENTILES_MS,  # by task
    "tasks last 30d": PERCENTILES_MS,
    "efficiency last 30d": PERCENTILES_MS,
    "recommend": PERCENTILES_MS,
    'recommend why coding GPT-4o "Claude 3 Haiku"': PERCENTILES_MS,
    'tasks rule add project=Atlas -> "Email Writing"': DRY_RUN_MS,
}
GROWTH = 1.5


def measure(lab: Lab) -> list[Measurement]:
    """SQL and report of each question at full size, and their growth from the small size."""
    with opened(f"sqlite:///{lab.filled(lab.small)}") as engine:
        small = times_by_line(engine, lab.repeats)
    with opened(f"sqlite:///{lab.filled(lab.events)}") as engine:
        large = times_by_line(engine, lab.repeats)
        opening = opening_ms(engine, lab.repeats)
    found = [Measurement("each question: workspace and catalogue", opening, None, "ms")]
    for line, times in large.items():
        many = f"{times.statements} statements"
        grown = times.sql / small[line].sql
        bound = OTHER_MS.get(line, CORE_MS)
        found += [
            Measurement(f"`{line}`: SQL", times.sql, bound, "ms", note=many),
            Measurement(f"`{line}`: SQL and report", times.report, None, "ms"),
            Measurement(f"`{line}`: SQL, beside {lab.small:,} events", grown, GROWTH, "x"),
        ]
    return found
