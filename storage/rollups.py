"""The narrow additive rollups of the ledger, declared once: keys, measures, which rows enter.

Every measure is a plain sum, so corrections and deletions are minus rows through the same upserts.
`ROLLUPS` is also the lock order: every transaction writes the tables in exactly this sequence, or
two PostgreSQL writers on the same hours deadlock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.models  # noqa: F401  # sets the naming convention before the first table

SPEND = ("events", "prompts", "credits")
# `uncounted`: rows whose prompts are unknown; `unpriced`: rows whose credits are unknown.
COUNTED = (*SPEND, "uncounted", "unpriced")
FULL = (
    *COUNTED,
    "ok",
    "ok_n",
    "tokens_in",
    "tokens_out",
    "lat_sum",
    "lat_n",
    "rating_sum",
    "rating_n",
)
COUNT = ("lat_n",)
COST = ("cost_nano", "cost_n")
# Of `ttft_n` prompts the time to the first token is known; `gen_tokens` came in the `gen_ms` after.
SPEED = ("ttft_sum", "ttft_n", "gen_ms", "gen_tokens")
# An hour of the day is compared by what it cost and by how long people waited.
HOUR = (*SPEND, "lat_sum", "lat_n")
SMALL_KEYS = frozenset({"hour_class", "bin"})


@dataclass(frozen=True, slots=True)
class Rollup:
    """One rollup: its keys after `workspace_id`, and its measures."""

    name: str
    keys: tuple[str, ...]
    measures: tuple[str, ...] = FULL

    @property
    def table(self) -> sa.Table:
        """The table of this rollup."""
        return SQLModel.metadata.tables[self.name]


ROLLUPS = (
    # Rows that know only their day have no hour: they are in no table with a bucket or a bin.
    Rollup("usage_hour", ("bucket", "model_id")),
    Rollup("usage_hour_total", ("bucket",), HOUR),
    Rollup("usage_day", ("day", "model_id")),
    Rollup("usage_month", ("month", "model_id")),
    Rollup("usage_person_day", ("day", "person_id", "department_id", "model_id")),
    Rollup("usage_person_month", ("month", "person_id", "department_id", "model_id")),
    Rollup("usage_person_day_total", ("day", "person_id", "department_id"), SPEND),
    Rollup("usage_person_month_total", ("month", "person_id", "department_id"), SPEND),
    Rollup("usage_department_day", ("day", "department_id", "model_id")),
    Rollup("usage_department_month", ("month", "department_id", "model_id")),
    Rollup("usage_department_day_total", ("day", "department_id"), COUNTED),
    Rollup("usage_task_day", ("day", "task_id", "model_id")),
    Rollup("usage_task_month", ("month", "task_id", "model_id")),
    Rollup("usage_project_day", ("day", "project_id", "model_id")),
    Rollup("usage_project_month", ("month", "project_id", "model_id")),
    Rollup("usage_project_day_total", ("day", "project_id"), COUNTED),
    Rollup("lat_model_day", ("day", "model_id", "bin"), COUNT),
    Rollup("lat_model_month", ("month", "model_id", "bin"), COUNT),
    Rollup("lat_class_day", ("day", "hour_class", "bin"), COUNT),
    Rollup("lat_class_month", ("month", "hour_class", "bin"), COUNT),
    # Only of rows whose cost is known; `cost_n` counts their known prompts.
    Rollup("cost_day", ("day", "model_id", "currency"), COST),
    Rollup("cost_month", ("month", "model_id", "currency"), COST),
    Rollup("cost_person_day", ("day", "person_id", "department_id", "model_id", "currency"), COST),
    Rollup(
        "cost_person_month", ("month", "person_id", "department_id", "model_id", "currency"), COST
    ),
    # Only of single prompts whose time to the first token is known.
    Rollup("speed_day", ("day", "model_id"), SPEED),
    Rollup("speed_month", ("month", "model_id"), SPEED),
)
BY_NAME = {rollup.name: rollup for rollup in ROLLUPS}


def _column(name: str) -> sa.Column[Any]:
    kind: type[sa.types.TypeEngine[Any]] = sa.SmallInteger if name in SMALL_KEYS else sa.Integer
    chosen = sa.String(3) if name == "currency" else kind()
    return sa.Column(name, chosen, primary_key=True, autoincrement=False)


def _declare(rollup: Rollup) -> None:
    sa.Table(
        rollup.name,
        SQLModel.metadata,
        sa.Column("workspace_id", sa.SmallInteger, primary_key=True, autoincrement=False),
        *map(_column, rollup.keys),
        *(
            sa.Column(measure, sa.BigInteger, nullable=False, server_default="0")
            for measure in rollup.measures
        ),
        sqlite_with_rowid=False,
    )


for _rollup in ROLLUPS:
    _declare(_rollup)
