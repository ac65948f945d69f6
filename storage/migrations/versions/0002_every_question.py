"""Grants, budgets, stars, task rules, trials, opinions, evidence, keys, and how fast models speak."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0002_every_question"
down_revision = "0001_first_light"
branch_labels = None
depends_on = None

Column = sa.Column[Any]


def upgrade() -> None:
    """Add the tables, and fill those that follow from the ledger and from other rollups."""
    _plans()
    _opinions()
    _trials()
    _keys()
    _speeds()
    _levels()


def text(name: str, length: int) -> Column:
    return sa.Column(name, sa.String(length), nullable=False)


def moment(name: str, *, nullable: bool = False) -> Column:
    return sa.Column(name, UTCDateTime(), nullable=nullable)


def json(name: str) -> Column:
    return sa.Column(name, sa.JSON(), nullable=False)


def small(name: str) -> Column:
    return sa.Column(name, sa.SmallInteger(), nullable=False)


def whole(name: str, *, nullable: bool = False) -> Column:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def big(name: str, *, nullable: bool = False) -> Column:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def table(
    name: str, *parts: Column | sa.Constraint, keys: int, sqlite_with_rowid: bool = True
) -> None:
    """A table of a workspace; its key is the first `keys` columns, the workspace's id included."""
    columns = (small("workspace_id"), *(part for part in parts if isinstance(part, sa.Column)))
    for column in columns[:keys]:
        column.autoincrement = False
    op.create_table(
        name,
        *columns,
        *(part for part in parts if not isinstance(part, sa.Column)),
        sa.PrimaryKeyConstraint(*(c.name for c in columns[:keys]), name=op.f(f"pk_{name}")),
        sqlite_with_rowid=sqlite_with_rowid,
    )


def _plans() -> None:
    """What was bought, and what may be spent."""
    table(
        "credit_grant",
        whole("id"),
        text("kind", 8),
        text("name", 80),
        big("credits"),
        whole("first_day"),
        whole("end_day", nullable=True),
        whole("priority"),
        moment("created_at"),
        moment("removed_at", nullable=True),
        keys=2,
    )
    key = ("workspace_id", "scope", "target_id", "period")
    table(
        "budget",
        whole("id"),
        text("scope", 16),
        whole("target_id"),
        text("period", 16),
        big("amount"),
        json("thresholds"),
        whole("billing_day"),
        whole("revision"),
        big("raised"),
        whole("raise_end", nullable=True),
        moment("updated_at"),
        moment("removed_at", nullable=True),
        sa.UniqueConstraint(*key, name=op.f(f"uq_budget_{'_'.join(key)}")),
        keys=2,
    )
    table(
        "budget_revision",
        whole("budget_id"),
        whole("revision"),
        moment("at"),
        big("amount", nullable=True),
        json("thresholds"),
        whole("billing_day"),
        big("raised"),
        whole("raise_end", nullable=True),
        keys=3,
    )


def _opinions() -> None:
    """What people think of models and of proposals, and what proposals are drawn from."""
    table(
        "chat_rating",
        whole("day"),
        whole("person_id"),
        whole("model_id"),
        whole("task_id"),
        small("stars"),
        moment("at"),
        keys=5,
    )
    table(
        "task_rule",
        whole("id"),
        whole("position"),
        whole("task_id"),
        json("conditions"),
        moment("created_at"),
        keys=2,
    )
    table(
        "advice_opinion",
        whole("task_id"),
        whole("from_model"),
        whole("to_model"),
        text("status", 16),
        moment("at"),
        text("actor", 160),
        big("predicted"),
        moment("until", nullable=True),
        keys=4,
    )
    table(
        "evidence",
        whole("task_id"),
        whole("model_id"),
        whole("person_id"),
        small("third"),
        big("prompts"),
        big("ok_n"),
        big("ok"),
        big("credits"),
        big("rating_sum"),
        big("rating_n"),
        keys=5,
    )


def _trials() -> None:
    """Trials, and the events that belong to them."""
    table(
        "trial",
        whole("id"),
        whole("task_id"),
        whole("from_model"),
        whole("to_model"),
        whole("slice_pct"),
        whole("margin_pct"),
        whole("planned"),
        text("status", 16),
        moment("started_at"),
        moment("ended_at", nullable=True),
        text("started_by", 160),
        keys=2,
    )
    op.add_column("usage_detail", whole("trial_id", nullable=True))
    op.add_column("usage_detail", sa.Column("arm", sa.String(8), nullable=True))
    drawn = sa.text("trial_id IS NOT NULL")
    op.create_index(
        "ix_usage_detail_workspace_id_trial_id",
        "usage_detail",
        ["workspace_id", "trial_id"],
        sqlite_where=drawn,
        postgresql_where=drawn,
    )


def _keys() -> None:
    """Keys of the HTTP interface."""
    table(
        "api_key",
        text("id", 8),
        text("name", 80),
        text("scope", 16),
        text("digest", 64),
        moment("created_at"),
        text("created_by", 160),
        moment("last_used_at", nullable=True),
        moment("revoked_at", nullable=True),
        sa.UniqueConstraint("id", name=op.f("uq_api_key_id")),
        keys=2,
    )


COUNTED = ("events", "prompts", "credits", "uncounted", "unpriced")
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
SPEED = ("ttft_sum", "ttft_n", "gen_ms", "gen_tokens")


def rollup(name: str, *keys: str, measures: tuple[str, ...]) -> None:
    """An empty rollup."""
    kinds: dict[str, Callable[[str], Column]] = {
        "bin": small,
        "hour_class": small,
        "currency": partial(text, length=3),
    }
    table(
        name,
        *(kinds.get(key, whole)(key) for key in keys),
        *(sa.Column(m, sa.BigInteger(), nullable=False, server_default="0") for m in measures),
        keys=1 + len(keys),
        sqlite_with_rowid=False,
    )


def _speeds() -> None:
    """The rollup of first tokens and speeds, from the events that are known already."""
    rollup("speed_day", "day", "model_id", measures=SPEED)
    timed = "e.latency_ms > d.ttft_ms AND e.tokens_out > 0"
    op.execute(
        f"INSERT INTO speed_day (workspace_id, day, model_id, {', '.join(SPEED)}) "
        "SELECT e.workspace_id, e.day, e.model_id, sum(d.ttft_ms), count(*), "
        f"sum(CASE WHEN {timed} THEN e.latency_ms - d.ttft_ms ELSE 0 END), "
        f"sum(CASE WHEN {timed} THEN e.tokens_out ELSE 0 END) "
        "FROM usage_detail d JOIN usage_event e ON e.workspace_id = d.workspace_id "
        "AND e.source_id = d.source_id AND e.event_id = d.event_id "
        "WHERE d.ttft_ms IS NOT NULL AND e.prompts = 1 AND e.grain = 0 "
        "GROUP BY e.workspace_id, e.day, e.model_id"
    )


def _levels() -> None:
    """Months of what was kept by day, days without models, and how long hours made people wait."""
    folded = (
        ("usage_month", "usage_day", ("model_id",), FULL),
        ("usage_task_month", "usage_task_day", ("task_id", "model_id"), FULL),
        ("lat_model_month", "lat_model_day", ("model_id", "bin"), ("lat_n",)),
        ("lat_class_month", "lat_class_day", ("hour_class", "bin"), ("lat_n",)),
        ("cost_month", "cost_day", ("model_id", "currency"), ("cost_nano", "cost_n")),
        ("speed_month", "speed_day", ("model_id",), SPEED),
    )
    for name, source, keys, measures in folded:
        rollup(name, "month", *keys, measures=measures)
        _fold(name, ("month", *keys), measures, source=source)
    for label in ("department", "project"):
        name, key = f"usage_{label}_day_total", f"{label}_id"
        rollup(name, "day", key, measures=COUNTED)
        _fold(name, ("day", key), COUNTED, source=f"usage_{label}_day")
    for measure in ("lat_sum", "lat_n"):
        added = sa.Column(measure, sa.BigInteger(), nullable=False, server_default="0")
        op.add_column("usage_hour_total", added)
        op.execute(
            f"UPDATE usage_hour_total SET {measure} = (SELECT sum(h.{measure}) FROM usage_hour h "
            "WHERE h.workspace_id = usage_hour_total.workspace_id "
            "AND h.bucket = usage_hour_total.bucket)"
        )


def _fold(name: str, keys: tuple[str, ...], measures: tuple[str, ...], *, source: str) -> None:
    """Fill a rollup from a finer one; a cell whose measures are all zero does not exist."""
    read = (_MONTH[op.get_bind().dialect.name] if key == "month" else key for key in keys)
    sums = [f"sum({measure})" for measure in measures]
    op.execute(
        f"INSERT INTO {name} (workspace_id, {', '.join((*keys, *measures))}) "
        f"SELECT workspace_id, {', '.join((*read, *sums))} FROM {source} "
        f"GROUP BY {', '.join(str(place + 1) for place in range(1 + len(keys)))} "
        f"HAVING {' OR '.join(f'{one} <> 0' for one in sums)}"
    )


# The number of a day's month: year * 12 + month - 1.
_MONTH = {
    "sqlite": "CAST(strftime('%Y', day * 86400, 'unixepoch') AS INTEGER) * 12 "
    "+ CAST(strftime('%m', day * 86400, 'unixepoch') AS INTEGER) - 1",
    "postgresql": "CAST(extract(year FROM date '1970-01-01' + day) * 12 "
    "+ extract(month FROM date '1970-01-01' + day) - 1 AS INTEGER)",
}
