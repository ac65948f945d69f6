"""Destinations, subscriptions, deliveries, alerts and purchases: what is said unasked."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0003_unasked"
down_revision = "0002_every_question"
branch_labels = None
depends_on = None

Column = sa.Column[Any]


def upgrade() -> None:
    """Add the tables; nobody is subscribed and nothing is due."""
    _lanes()
    _messages()
    _warnings()
    _purchases()


def text(name: str, length: int, *, nullable: bool = False) -> Column:
    return sa.Column(name, sa.String(length), nullable=nullable)


def moment(name: str, *, nullable: bool = False) -> Column:
    return sa.Column(name, UTCDateTime(), nullable=nullable)


def json(name: str, *, nullable: bool = False) -> Column:
    return sa.Column(name, sa.JSON(), nullable=nullable)


def flag(name: str, *, nullable: bool = False) -> Column:
    return sa.Column(name, sa.Boolean(), nullable=nullable)


def small(name: str, *, nullable: bool = False) -> Column:
    return sa.Column(name, sa.SmallInteger(), nullable=nullable)


def whole(name: str, *, nullable: bool = False) -> Column:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def big(name: str, *, nullable: bool = False) -> Column:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def table(
    name: str,
    *columns: Column,
    keys: int,
    unique: tuple[str, ...] = (),
    indexes: tuple[tuple[str, ...], ...] = (),
) -> None:
    """A table of a workspace; its key is the first `keys` columns, the workspace's id included."""
    every = (small("workspace_id"), *columns)
    for column in every[:keys]:
        column.autoincrement = False
    parts: list[sa.Constraint] = []
    if unique:
        parts.append(sa.UniqueConstraint(*unique, name=op.f(f"uq_{name}_{'_'.join(unique)}")))
    op.create_table(
        name,
        *every,
        sa.PrimaryKeyConstraint(*(c.name for c in every[:keys]), name=op.f(f"pk_{name}")),
        *parts,
    )
    for names in indexes:
        op.create_index(op.f(f"ix_{name}_{'_'.join(names)}"), name, list(names))


def _lanes() -> None:
    """Where messages go, and who may send them now."""
    table(
        "destination",
        whole("id"),
        text("platform", 16),
        text("external_id", 64),
        text("channel_id", 64),
        flag("is_direct"),
        text("name", 200),
        text("state", 8),
        text("dead_reason", 200, nullable=True),
        text("lane_token", 32, nullable=True),
        moment("lane_until"),
        moment("not_before"),
        moment("served_at"),
        flag("can_post", nullable=True),
        flag("can_read_history", nullable=True),
        flag("is_external"),
        flag("people_rows"),
        moment("checked_at", nullable=True),
        small("quiet_start", nullable=True),
        small("quiet_end", nullable=True),
        text("quiet_zone", 64, nullable=True),
        flag("breaks_through"),
        whole("fail_streak"),
        whole("streak"),
        flag("streak_notified"),
        moment("last_ok_at", nullable=True),
        text("created_by", 160),
        moment("created_at"),
        keys=2,
        unique=("workspace_id", "platform", "external_id", "channel_id"),
        indexes=(("lane_until", "not_before"),),
    )
    table(
        "chat_pause",
        text("platform", 16),
        text("external_id", 64),
        moment("until"),
        text("reason", 200),
        flag("needs_probe"),
        keys=3,
    )
    table(
        "lease",
        text("name", 80),
        text("holder", 120),
        text("token", 32),
        moment("until"),
        keys=2,
    )


def _messages() -> None:
    """What is due, and what became of it."""
    table(
        "subscription",
        whole("id"),
        whole("destination_id"),
        text("line", 600),
        text("schedule", 120),
        text("zone", 64),
        moment("next_due", nullable=True),
        whole("next_first_day"),
        text("catchup", 8),
        text("attach", 16),
        flag("skip_empty"),
        flag("skip_next"),
        flag("is_paused"),
        moment("paused_until", nullable=True),
        text("pause_reason", 200, nullable=True),
        text("created_by", 160),
        moment("created_at"),
        moment("ended_at", nullable=True),
        whole("rev"),
        whole("fail_streak"),
        text("last_period", 40, nullable=True),
        keys=2,
        indexes=(("next_due",),),
    )
    table(
        "delivery",
        text("id", 32),
        text("dedupe_key", 200),
        text("kind", 16),
        text("trigger", 16),
        text("act", 8),
        small("priority"),
        whole("destination_id"),
        whole("subscription_id", nullable=True),
        whole("alert_id", nullable=True),
        text("parent_id", 32, nullable=True),
        small("part"),
        text("line", 600),
        text("actor", 160),
        text("period_key", 40, nullable=True),
        moment("window_start", nullable=True),
        moment("window_end", nullable=True),
        moment("data_until", nullable=True),
        moment("due_at"),
        moment("created_at"),
        text("state", 10),
        text("reason", 200, nullable=True),
        whole("attempts"),
        whole("failures"),
        moment("not_before"),
        text("lease_token", 32, nullable=True),
        moment("lease_until", nullable=True),
        moment("maybe_sent_at", nullable=True),
        moment("missed_at", nullable=True),
        json("facts"),
        text("payload_sha", 64, nullable=True),
        text("artifact_name", 120, nullable=True),
        text("artifact_sha", 64, nullable=True),
        text("platform_message_id", 64, nullable=True),
        moment("sent_at", nullable=True),
        moment("ended_at", nullable=True),
        text("superseded_by", 32, nullable=True),
        json("payload", nullable=True),
        sa.Column("artifact", sa.LargeBinary(), nullable=True),
        keys=2,
        unique=("workspace_id", "dedupe_key"),
        indexes=(
            ("workspace_id", "alert_id"),
            ("workspace_id", "destination_id", "state"),
            ("workspace_id", "parent_id"),
            ("workspace_id", "subscription_id"),
        ),
    )
    turn = ["priority", "created_at", "due_at", "part", "id"]
    for name, first, second in (("render", "planned", "rendering"), ("send", "ready", "sending")):
        these = sa.text(f"state IN ('{first}', '{second}')")
        op.create_index(
            f"ix_delivery_to_{name}", "delivery", turn, sqlite_where=these, postgresql_where=these
        )
    doubt, lane = sa.text("state = 'ready' AND maybe_sent_at IS NOT NULL"), "destination_id"
    op.create_index(
        "ix_delivery_in_doubt",
        "delivery",
        ["workspace_id", lane],
        sqlite_where=doubt,
        postgresql_where=doubt,
    )
    table(
        "attempt",
        text("delivery_id", 32),
        whole("n"),
        moment("started_at"),
        moment("ended_at", nullable=True),
        text("outcome", 16),
        whole("http_status", nullable=True),
        text("error_code", 80, nullable=True),
        sa.Column("retry_after", sa.Float(), nullable=True),
        text("request_id", 80, nullable=True),
        keys=3,
    )


def _warnings() -> None:
    """What people are told once, and where."""
    table(
        "budget_usage",
        whole("budget_id"),
        whole("first_day"),
        whole("end_day"),
        text("scope", 16),
        whole("target_id"),
        big("used"),
        big("mark"),
        whole("stamp"),
        keys=3,
        indexes=(("workspace_id", "end_day"),),
    )
    table(
        "alert",
        whole("id"),
        text("dedupe_key", 200),
        text("kind", 16),
        text("subject", 120),
        text("scope", 16),
        whole("target_id"),
        text("period_key", 40, nullable=True),
        json("facts"),
        text("state", 10),
        moment("fired_at"),
        moment("routed_at", nullable=True),
        moment("resolved_at", nullable=True),
        moment("acked_at", nullable=True),
        text("acked_by", 160, nullable=True),
        moment("snoozed_until", nullable=True),
        keys=2,
        unique=("workspace_id", "dedupe_key"),
        indexes=(
            ("workspace_id", "routed_at", "id"),
            ("workspace_id", "acked_at"),
            ("workspace_id", "subject"),
        ),
    )
    table(
        "alert_threshold",
        whole("budget_id"),
        whole("first_day"),
        whole("revision"),
        small("percent"),
        small("episode"),
        whole("alert_id"),
        big("value"),
        moment("fired_at"),
        moment("below_since", nullable=True),
        moment("resolved_at", nullable=True),
        keys=6,
    )
    table(
        "alert_route",
        whole("id"),
        whole("destination_id"),
        text("kind", 16),
        text("scope", 16),
        whole("target_id"),
        flag("is_off"),
        text("created_by", 160),
        moment("created_at"),
        keys=2,
        unique=("workspace_id", "destination_id", "kind", "scope", "target_id"),
    )


def _purchases() -> None:
    """When credits are bought by themselves."""
    table(
        "purchase_policy",
        flag("is_on"),
        text("provider", 16),
        text("url", 400, nullable=True),
        whole("trigger_pct", nullable=True),
        big("trigger_left", nullable=True),
        big("pack", nullable=True),
        big("target", nullable=True),
        big("ceiling"),
        text("approval", 16),
        text("approvers", 8),
        text("updated_by", 160),
        moment("updated_at"),
        keys=1,
    )
    table(
        "purchase",
        whole("id"),
        text("dedupe_key", 200),
        text("idempotency_key", 32),
        big("credits"),
        whole("month"),
        text("state", 10),
        text("reason", 200, nullable=True),
        text("provider", 16),
        text("url", 400, nullable=True),
        flag("is_test"),
        json("facts"),
        moment("created_at"),
        moment("expires_at"),
        text("approved_by", 160, nullable=True),
        moment("approved_at", nullable=True),
        text("lease_token", 32, nullable=True),
        moment("lease_until", nullable=True),
        moment("not_before"),
        whole("attempts"),
        whole("declines"),
        moment("maybe_sent_at", nullable=True),
        text("provider_ref", 120, nullable=True),
        whole("grant_id", nullable=True),
        moment("rearmed_at", nullable=True),
        moment("ended_at", nullable=True),
        keys=2,
        unique=("workspace_id", "dedupe_key"),
        indexes=(("state", "not_before"),),
    )
