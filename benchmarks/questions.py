"""How long each question takes on SQLite, and how that grows with the number of events."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.asking import opening_ms, times_by_line
from benchmarks.lab import Lab
from benchmarks.measurement import Measurement
from storage.engine import opened

CORE_MS = 3.0
PERCENTILES_MS = 15.0
# Design section 8. What tells percentiles or tasks may take longer, a crowd of people, too.
OTHER_MS: Mapping[str, float] = {
    "by-user last 7d": 6.0,
    "by-user last 12 months": 10.0,
    **dict.fromkeys(
        (
            "performance last 30d",
            "performance last 12 months",
            "compare last 30d",
            "dashboard",
            "by-task last 30d",
            "by-task last 12 months",
            "trends last 30d",
            "patterns last 30d",
            "roi last 30d",
            "tasks last 30d",
            "efficiency last 30d",
            "digest daily",
            "digest weekly",
            "digest monthly",
            "recommend",
            'recommend why coding GPT-4o "Claude 3 Haiku"',
            'tasks rule add project=Atlas -> "Email Writing"',
        ),
        PERCENTILES_MS,
    ),
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
