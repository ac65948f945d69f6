"""Every operational table as a SQLModel class; ledger, rollups and their companions too.

`workspace_id` is the first column of every table and of every key.  Ledger and rollups hold
integers only (epoch microseconds UTC, workspace-local day numbers, micro-credits); 0 stands for
"unknown" in their id columns, because NULL never conflicts in a key.  Operational times are aware
datetimes.  Rollup tables are declared in `storage.rollups`, what people decide in
`storage.decisions`.
"""

from datetime import datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Index,
    Integer,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMES


def key(kind: type[SmallInteger | Integer | BigInteger] = Integer) -> int:
    """A primary key column that the program fills, never the database."""
    field: int = Field(primary_key=True, sa_type=kind, sa_column_kwargs={"autoincrement": False})
    return field


class Workspace(SQLModel, table=True):
    """One closed world of people, budgets and data."""

    workspace_id: int = key(SmallInteger)
    name: str = Field(max_length=80, unique=True)
    zone: str = Field(max_length=64)
    peak_start: int = 9
    peak_end: int = 17
    credit_unit: str | None = Field(default=None, max_length=32)
    created_at: datetime


class ChatLink(SQLModel, table=True):
    """A Slack team or Discord guild that talks to a workspace."""

    __tablename__ = "chat_link"
    __table_args__ = (UniqueConstraint("platform", "external_id"),)

    workspace_id: int = key(SmallInteger)
    platform: str = Field(primary_key=True, max_length=16)
    external_id: str = Field(primary_key=True, max_length=64)
    bound_at: datetime


class Label(SQLModel):
    """A name that usage is grouped by; `folded` is the case-folded form it is found by."""

    workspace_id: int = key(SmallInteger)
    id: int = key()
    name: str = Field(max_length=200)
    folded: str = Field(max_length=200)


class Department(Label, table=True):
    """A department; people belong to one, events keep the one of their time."""

    __table_args__ = (UniqueConstraint("workspace_id", "folded"),)


class Project(Label, table=True):
    """A project label of usage events."""

    __table_args__ = (UniqueConstraint("workspace_id", "folded"),)


class Task(Label, table=True):
    """A task label of usage events."""

    __table_args__ = (UniqueConstraint("workspace_id", "folded"),)


class Person(SQLModel, table=True):
    """A human; usage is found by aliases (mail, login, chat id), never by the shown name."""

    workspace_id: int = key(SmallInteger)
    id: int = key()
    name: str = Field(max_length=200)
    department_id: int = 0
    created_at: datetime


class PersonAlias(SQLModel, table=True):
    """One identity of a person: a mail, a login, or `slack:TEAM:USER`; case-folded."""

    __tablename__ = "person_alias"

    workspace_id: int = key(SmallInteger)
    alias: str = Field(primary_key=True, max_length=200)
    person_id: int


class Role(SQLModel, table=True):
    """The right of one chat identity: member, lead, admin or owner."""

    workspace_id: int = key(SmallInteger)
    platform: str = Field(primary_key=True, max_length=16)
    external_id: str = Field(primary_key=True, max_length=64)
    user_id: str = Field(primary_key=True, max_length=64)
    role: str = Field(max_length=16)


class ModelFamily(SQLModel, table=True):
    """The family that models are listed under."""

    __tablename__ = "model_family"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)

    workspace_id: int = key(SmallInteger)
    id: int = key()
    name: str = Field(max_length=80)


class Model(SQLModel, table=True):
    """A model of the catalogue; `name` is shown, `slug` is its canonical raw name.

    `family_id` 0 is "Other": models first seen in usage start there, unpriced.
    """

    __table_args__ = (UniqueConstraint("workspace_id", "slug"),)

    workspace_id: int = key(SmallInteger)
    id: int = key()
    slug: str = Field(max_length=200)
    name: str = Field(max_length=200)
    family_id: int = 0
    provider: str | None = Field(default=None, max_length=80)


class ModelAlias(SQLModel, table=True):
    """Another raw name of a model, case-folded."""

    __tablename__ = "model_alias"

    workspace_id: int = key(SmallInteger)
    alias: str = Field(primary_key=True, max_length=200)
    model_id: int


class ModelPrice(SQLModel, table=True):
    """What a prompt of a model costs from a moment on.

    `multiplier` is in millionths of a credit a prompt.  With `per_currency` (micro-credits for
    one unit of `currency`) credits are derived from the cost of an event instead.
    """

    __tablename__ = "model_price"

    workspace_id: int = key(SmallInteger)
    model_id: int = key()
    valid_from: int = key(BigInteger)
    multiplier: int = Field(sa_type=BigInteger)
    per_currency: int | None = Field(default=None, sa_type=BigInteger)
    currency: str | None = Field(default=None, max_length=3)


class Source(SQLModel, table=True):
    """An account that usage belongs to, e.g. `copilot:acme-org`; the feed's kind beside it."""

    __table_args__ = (UniqueConstraint("workspace_id", "name"),)

    workspace_id: int = key(SmallInteger)
    id: int = key(SmallInteger)
    name: str = Field(max_length=120)
    kind: str = Field(max_length=32)
    created_at: datetime


class SourceFactor(SQLModel, table=True):
    """How many micro-credits one unit of a source is worth in this workspace."""

    __tablename__ = "source_factor"

    workspace_id: int = key(SmallInteger)
    source_id: int = key(SmallInteger)
    unit: str = Field(primary_key=True, max_length=32)
    factor: int = Field(sa_type=BigInteger)


class ImportBatch(SQLModel, table=True):
    """One import of one file, so that it can be undone."""

    __tablename__ = "import_batch"

    workspace_id: int = key(SmallInteger)
    id: int = key()
    kind: str = Field(max_length=32)
    file: str = Field(max_length=400)
    started_at: datetime
    finished_at: datetime | None = None
    undone_at: datetime | None = None
    counts: dict[str, int] = Field(default_factory=dict, sa_type=JSON)
    first_ts: int | None = Field(default=None, sa_type=BigInteger)
    last_ts: int | None = Field(default=None, sa_type=BigInteger)


class LedgerEvent(SQLModel, table=True):
    """One row of the exact ledger; columns are explained in docs/architecture.md."""

    __tablename__ = "usage_event"
    __table_args__ = (
        CheckConstraint("prompts >= 0 AND ok >= 0 AND ok <= ok_n AND ok_n <= prompts", "counts"),
        CheckConstraint("prompts = 1 OR (latency_ms IS NULL AND rating = 0)", "single"),
        CheckConstraint("rating >= 0 AND rating <= 5 AND credits >= 0", "amounts"),
        Index(None, "workspace_id", "ts"),
        Index(None, "workspace_id", "person_id", "ts"),
    )

    workspace_id: int = key(SmallInteger)
    source_id: int = key(SmallInteger)
    event_id: str = Field(primary_key=True, max_length=64)
    ts: int = Field(sa_type=BigInteger)
    grain: int = Field(sa_type=SmallInteger)
    day: int
    person_id: int
    department_id: int
    project_id: int
    model_id: int
    task_id: int
    prompts: int
    ok: int
    ok_n: int
    tokens_in: int = Field(sa_type=BigInteger)
    tokens_out: int = Field(sa_type=BigInteger)
    latency_ms: int | None
    rating: int = Field(sa_type=SmallInteger)
    multiplier: int = Field(sa_type=BigInteger)
    credits: int = Field(sa_type=BigInteger)
    flags: int = Field(sa_type=SmallInteger)
    route: int = Field(sa_type=SmallInteger)
    batch_id: int
    rev: int


class UsageDetail(SQLModel, table=True):
    """What only some sources bring of an event; same key as the ledger.

    `amount` and `unit` keep the credits as the source stated them (millionths of `unit`).
    `trial_id` and `arm` say for which trial its model was drawn.
    """

    __tablename__ = "usage_detail"
    __table_args__ = (
        Index(
            None,
            "workspace_id",
            "trial_id",
            sqlite_where=text("trial_id IS NOT NULL"),
            postgresql_where=text("trial_id IS NOT NULL"),
        ),
    )

    workspace_id: int = key(SmallInteger)
    source_id: int = key(SmallInteger)
    event_id: str = Field(primary_key=True, max_length=64)
    cost_nano: int | None = Field(default=None, sa_type=BigInteger)
    currency: str | None = Field(default=None, max_length=3)
    amount: int | None = Field(default=None, sa_type=BigInteger)
    unit: str | None = Field(default=None, max_length=32)
    cache_read: int | None = Field(default=None, sa_type=BigInteger)
    cache_write: int | None = Field(default=None, sa_type=BigInteger)
    reasoning: int | None = Field(default=None, sa_type=BigInteger)
    ttft_ms: int | None = None
    provider: str | None = Field(default=None, max_length=80)
    error: str | None = Field(default=None, max_length=80)
    tags: list[str] | None = Field(default=None, sa_type=JSON)
    revision: int = 0
    trial_id: int | None = None
    arm: str | None = Field(default=None, max_length=8)


class UsageChange(SQLModel, table=True):
    """The correction log: each later change of an event, its content before and after.

    `before` is empty for an insertion by a correction, `after` is empty for a deletion.
    """

    __tablename__ = "usage_change"
    __table_args__ = (Index(None, "workspace_id", "batch_id"),)

    workspace_id: int = key(SmallInteger)
    source_id: int = key(SmallInteger)
    event_id: str = Field(primary_key=True, max_length=64)
    rev: int = key()
    at: int = Field(sa_type=BigInteger)
    actor: str = Field(max_length=64)
    reason: str = Field(max_length=200)
    batch_id: int
    before: dict[str, object] = Field(sa_type=JSON)
    after: dict[str, object] = Field(sa_type=JSON)


class UsageSourceDay(SQLModel, table=True):
    """What each source brought for each day: coverage footnotes and silent sources."""

    __tablename__ = "usage_source_day"
    __table_args__ = {"sqlite_with_rowid": False}

    workspace_id: int = key(SmallInteger)
    day: int = key()
    source_id: int = key(SmallInteger)
    events: int = Field(default=0, sa_type=BigInteger)
    prompts: int = Field(default=0, sa_type=BigInteger)
    credits: int = Field(default=0, sa_type=BigInteger)
    uncounted: int = Field(default=0, sa_type=BigInteger)
    unpriced: int = Field(default=0, sa_type=BigInteger)


class RejectedItem(SQLModel, table=True):
    """A record that could not be taken, or contradicts a known one, with the reason."""

    __tablename__ = "rejected_item"

    workspace_id: int = key(SmallInteger)
    batch_id: int = key()
    line: int = key()
    kind: str = Field(max_length=16)
    reason: str = Field(max_length=300)
    event_id: str | None = Field(default=None, max_length=64)


class Preference(SQLModel, table=True):
    """A choice of the workspace (`person_id` 0) or of one person."""

    workspace_id: int = key(SmallInteger)
    person_id: int = key()
    name: str = Field(primary_key=True, max_length=40)
    value: str = Field(max_length=400)


class State(SQLModel, table=True):
    """What the program itself remembers: result of the last verify, hash of synced commands.

    `workspace_id` 0 holds what belongs to the installation.
    """

    workspace_id: int = key(SmallInteger)
    name: str = Field(primary_key=True, max_length=80)
    value: str = Field(max_length=2000)


class Action(SQLModel, table=True):
    """What a button does when its platform cannot carry the line, or when it changes something."""

    workspace_id: int = key(SmallInteger)
    id: str = Field(primary_key=True, max_length=32)
    kind: str = Field(max_length=16)
    line: str = Field(max_length=600)
    platform: str = Field(max_length=16)
    user_id: str | None = Field(default=None, max_length=64)
    expires_at: datetime
    used_at: datetime | None = None


class InboundSeen(SQLModel, table=True):
    """Envelopes and interactions already answered."""

    __tablename__ = "inbound_seen"

    workspace_id: int = key(SmallInteger)
    platform: str = Field(primary_key=True, max_length=16)
    seen_key: str = Field(primary_key=True, max_length=160)
    seen_at: datetime


class Audit(SQLModel, table=True):
    """Append-only record of who changed what; one hash chain a workspace."""

    workspace_id: int = key(SmallInteger)
    seq: int = key()
    at: datetime
    actor: str = Field(max_length=160)
    role: str = Field(max_length=16)
    action: str = Field(max_length=64)
    object: str = Field(max_length=200)
    before: str | None = Field(default=None, max_length=500)
    after: str | None = Field(default=None, max_length=500)
    result: str = Field(max_length=16)
    prev_hash: str = Field(max_length=64)
    hash: str = Field(max_length=64)
