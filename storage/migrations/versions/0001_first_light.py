"""The first tables: one ledger, its rollups, a catalogue and people for each workspace."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0001_first_light"
down_revision = None
branch_labels = None
depends_on = None

Column = sa.Column[Any]
SPEND = ("events", "prompts", "credits")
COST = ("cost_nano", "cost_n")
FULL = (
    *SPEND,
    "uncounted",
    "unpriced",
    "ok",
    "ok_n",
    "tokens_in",
    "tokens_out",
    "lat_sum",
    "lat_n",
    "rating_sum",
    "rating_n",
)
ROLLUPS = (
    ("usage_hour", ("bucket", "model_id"), FULL),
    ("usage_hour_total", ("bucket",), SPEND),
    ("usage_day", ("day", "model_id"), FULL),
    ("usage_person_day", ("day", "person_id", "department_id", "model_id"), FULL),
    ("usage_person_month", ("month", "person_id", "department_id", "model_id"), FULL),
    ("usage_person_day_total", ("day", "person_id", "department_id"), SPEND),
    ("usage_person_month_total", ("month", "person_id", "department_id"), SPEND),
    ("usage_department_day", ("day", "department_id", "model_id"), FULL),
    ("usage_department_month", ("month", "department_id", "model_id"), FULL),
    ("usage_task_day", ("day", "task_id", "model_id"), FULL),
    ("usage_project_day", ("day", "project_id", "model_id"), FULL),
    ("usage_project_month", ("month", "project_id", "model_id"), FULL),
    ("lat_model_day", ("day", "model_id", "bin"), ("lat_n",)),
    ("lat_class_day", ("day", "hour_class", "bin"), ("lat_n",)),
    ("cost_day", ("day", "model_id", "currency"), COST),
    ("cost_person_day", ("day", "person_id", "department_id", "model_id", "currency"), COST),
    ("cost_person_month", ("month", "person_id", "department_id", "model_id", "currency"), COST),
)


def upgrade() -> None:
    """Build everything."""
    _worlds()
    _catalogue()
    _ledger()
    _rollups()
    _memory()
    _seal_audit()


def text(name: str, length: int, *, nullable: bool = False) -> Column:
    return sa.Column(name, sa.String(length), nullable=nullable)


def moment(name: str, *, nullable: bool = False) -> Column:
    return sa.Column(name, UTCDateTime(), nullable=nullable)


def json(name: str, *, nullable: bool = False) -> Column:
    return sa.Column(name, sa.JSON(), nullable=nullable)


def small(name: str) -> Column:
    return sa.Column(name, sa.SmallInteger(), nullable=False)


def whole(name: str, *, nullable: bool = False) -> Column:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def big(name: str, *, nullable: bool = False) -> Column:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def unique(name: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=op.f(name))


def check(name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(name))


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


def _worlds() -> None:
    """Workspaces, who talks to them, and the names that usage carries."""
    table(
        "workspace",
        text("name", 80),
        text("zone", 64),
        whole("peak_start"),
        whole("peak_end"),
        text("credit_unit", 32, nullable=True),
        moment("created_at"),
        unique("uq_workspace_name", "name"),
        keys=1,
    )
    table(
        "chat_link",
        text("platform", 16),
        text("external_id", 64),
        moment("bound_at"),
        unique("uq_chat_link_platform_external_id", "platform", "external_id"),
        keys=3,
    )
    table(
        "person",
        whole("id"),
        text("name", 200),
        whole("department_id"),
        moment("created_at"),
        keys=2,
    )
    table("person_alias", text("alias", 200), whole("person_id"), keys=2)
    table(
        "role",
        text("platform", 16),
        text("external_id", 64),
        text("user_id", 64),
        text("role", 16),
        keys=4,
    )
    table(
        "department",
        whole("id"),
        text("name", 200),
        text("folded", 200),
        unique("uq_department_workspace_id_folded", "workspace_id", "folded"),
        keys=2,
    )
    table(
        "project",
        whole("id"),
        text("name", 200),
        text("folded", 200),
        unique("uq_project_workspace_id_folded", "workspace_id", "folded"),
        keys=2,
    )
    table(
        "task",
        whole("id"),
        text("name", 200),
        text("folded", 200),
        unique("uq_task_workspace_id_folded", "workspace_id", "folded"),
        keys=2,
    )


def _catalogue() -> None:
    """Models and what they cost."""
    table(
        "model_family",
        whole("id"),
        text("name", 80),
        unique("uq_model_family_workspace_id_name", "workspace_id", "name"),
        keys=2,
    )
    table(
        "model",
        whole("id"),
        text("slug", 200),
        text("name", 200),
        whole("family_id"),
        text("provider", 80, nullable=True),
        unique("uq_model_workspace_id_slug", "workspace_id", "slug"),
        keys=2,
    )
    table("model_alias", text("alias", 200), whole("model_id"), keys=2)
    table(
        "model_price",
        whole("model_id"),
        big("valid_from"),
        big("multiplier"),
        big("per_currency", nullable=True),
        text("currency", 3, nullable=True),
        keys=3,
    )


def _ledger() -> None:
    """The exact ledger and what stands beside it."""
    table(
        "source",
        small("id"),
        text("name", 120),
        text("kind", 32),
        moment("created_at"),
        unique("uq_source_workspace_id_name", "workspace_id", "name"),
        keys=2,
    )
    table("source_factor", small("source_id"), text("unit", 32), big("factor"), keys=3)
    table(
        "import_batch",
        whole("id"),
        text("kind", 32),
        text("file", 400),
        moment("started_at"),
        moment("finished_at", nullable=True),
        moment("undone_at", nullable=True),
        json("counts"),
        big("first_ts", nullable=True),
        big("last_ts", nullable=True),
        keys=2,
    )
    table(
        "usage_event",
        small("source_id"),
        text("event_id", 64),
        big("ts"),
        small("grain"),
        whole("day"),
        whole("person_id"),
        whole("department_id"),
        whole("project_id"),
        whole("model_id"),
        whole("task_id"),
        whole("prompts"),
        whole("ok"),
        whole("ok_n"),
        big("tokens_in"),
        big("tokens_out"),
        whole("latency_ms", nullable=True),
        small("rating"),
        big("multiplier"),
        big("credits"),
        small("flags"),
        small("route"),
        whole("batch_id"),
        whole("rev"),
        check("ck_usage_event_amounts", "rating >= 0 AND rating <= 5 AND credits >= 0"),
        check(
            "ck_usage_event_counts", "prompts >= 0 AND ok >= 0 AND ok <= ok_n AND ok_n <= prompts"
        ),
        check("ck_usage_event_single", "prompts = 1 OR (latency_ms IS NULL AND rating = 0)"),
        keys=3,
    )
    op.create_index(
        "ix_usage_event_workspace_id_person_id_ts",
        "usage_event",
        ["workspace_id", "person_id", "ts"],
    )
    op.create_index("ix_usage_event_workspace_id_ts", "usage_event", ["workspace_id", "ts"])
    table(
        "usage_detail",
        small("source_id"),
        text("event_id", 64),
        big("cost_nano", nullable=True),
        text("currency", 3, nullable=True),
        big("amount", nullable=True),
        text("unit", 32, nullable=True),
        big("cache_read", nullable=True),
        big("cache_write", nullable=True),
        big("reasoning", nullable=True),
        whole("ttft_ms", nullable=True),
        text("provider", 80, nullable=True),
        text("error", 80, nullable=True),
        json("tags", nullable=True),
        whole("revision"),
        keys=3,
    )
    table(
        "usage_change",
        small("source_id"),
        text("event_id", 64),
        whole("rev"),
        big("at"),
        text("actor", 64),
        text("reason", 200),
        whole("batch_id"),
        json("before"),
        json("after"),
        keys=4,
    )
    op.create_index(
        "ix_usage_change_workspace_id_batch_id", "usage_change", ["workspace_id", "batch_id"]
    )
    table(
        "usage_source_day",
        whole("day"),
        small("source_id"),
        big("events"),
        big("prompts"),
        big("credits"),
        big("uncounted"),
        big("unpriced"),
        keys=3,
        sqlite_with_rowid=False,
    )
    table(
        "rejected_item",
        whole("batch_id"),
        whole("line"),
        text("kind", 16),
        text("reason", 300),
        text("event_id", 64, nullable=True),
        keys=3,
    )


def _rollups() -> None:
    """The sums that answers are read from; all of them can be computed again from the ledger."""
    for name, keys, measures in ROLLUPS:
        table(
            name,
            *map(_key, keys),
            *(
                sa.Column(measure, sa.BigInteger(), nullable=False, server_default="0")
                for measure in measures
            ),
            keys=1 + len(keys),
            sqlite_with_rowid=False,
        )


def _key(name: str) -> Column:
    if name == "currency":
        return text(name, 3)
    return small(name) if name in ("hour_class", "bin") else whole(name)


def _memory() -> None:
    """What people chose, what the program remembers, and who changed what."""
    table("preference", whole("person_id"), text("name", 40), text("value", 400), keys=3)
    table("state", text("name", 80), text("value", 2000), keys=2)
    table(
        "action",
        text("id", 32),
        text("kind", 16),
        text("line", 600),
        text("platform", 16),
        text("user_id", 64, nullable=True),
        moment("expires_at"),
        moment("used_at", nullable=True),
        keys=2,
    )
    table("inbound_seen", text("platform", 16), text("seen_key", 160), moment("seen_at"), keys=3)
    table(
        "audit",
        whole("seq"),
        moment("at"),
        text("actor", 160),
        text("role", 16),
        text("action", 64),
        text("object", 200),
        text("before", 500, nullable=True),
        text("after", 500, nullable=True),
        text("result", 16),
        text("prev_hash", 64),
        text("hash", 64),
        keys=2,
    )


def _seal_audit() -> None:
    """SQLite has no rights to take away, so triggers keep the audit append-only."""
    if op.get_bind().dialect.name != "sqlite":
        return
    for deed in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_no_{deed.lower()} BEFORE {deed} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
        )
