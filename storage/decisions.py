"""Tables of what people decide: grants, budgets, stars, task rules, trials, opinions, keys.

As in `storage.models`, `workspace_id` comes first; amounts are micro-credits, days are
workspace-local day numbers.
"""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, SmallInteger, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.models import key


class CreditGrant(SQLModel, table=True):
    """A plan's allowance of every month, or a pack of credits that is used once."""

    __tablename__ = "credit_grant"

    workspace_id: int = key(SmallInteger)
    id: int = key()
    kind: str = Field(max_length=8)
    name: str = Field(max_length=80)
    credits: int = Field(sa_type=BigInteger)
    first_day: int
    end_day: int | None = None
    priority: int = 0
    created_at: datetime
    removed_at: datetime | None = None


class BudgetRow(SQLModel, table=True):
    """The limit of a scope and a period as it is now; a removed one keeps its number."""

    __tablename__ = "budget"
    __table_args__ = (UniqueConstraint("workspace_id", "scope", "target_id", "period"),)

    workspace_id: int = key(SmallInteger)
    id: int = key()
    scope: str = Field(max_length=16)
    target_id: int
    period: str = Field(max_length=16)
    amount: int = Field(sa_type=BigInteger)
    thresholds: list[int | str] = Field(sa_type=JSON)  # see `storage.marks`
    billing_day: int
    revision: int
    raised: int = Field(default=0, sa_type=BigInteger)
    raise_end: int | None = None
    updated_at: datetime
    removed_at: datetime | None = None


class BudgetRevision(SQLModel, table=True):
    """What a budget was from a moment on; without an amount it was removed."""

    __tablename__ = "budget_revision"

    workspace_id: int = key(SmallInteger)
    budget_id: int = key()
    revision: int = key()
    at: datetime
    amount: int | None = Field(default=None, sa_type=BigInteger)
    thresholds: list[int | str] = Field(sa_type=JSON)  # see `storage.marks`
    billing_day: int
    raised: int = Field(default=0, sa_type=BigInteger)
    raise_end: int | None = None


class ChatRating(SQLModel, table=True):
    """The stars a person gave a model for a task on a day; no event carries them."""

    __tablename__ = "chat_rating"

    workspace_id: int = key(SmallInteger)
    day: int = key()
    person_id: int = key()
    model_id: int = key()
    task_id: int = key()
    stars: int = Field(sa_type=SmallInteger)
    at: datetime


class TaskRule(SQLModel, table=True):
    """A rule that gives events without a task one; the lowest position that matches wins."""

    __tablename__ = "task_rule"

    workspace_id: int = key(SmallInteger)
    id: int = key()
    position: int
    task_id: int
    conditions: dict[str, list[str]] = Field(sa_type=JSON)
    created_at: datetime


class TrialRow(SQLModel, table=True):
    """A comparison of two models on prompts whose model was drawn at random."""

    __tablename__ = "trial"

    workspace_id: int = key(SmallInteger)
    id: int = key()
    task_id: int
    from_model: int
    to_model: int
    slice_pct: int
    margin_pct: int
    planned: int
    status: str = Field(max_length=16)
    started_at: datetime
    ended_at: datetime | None = None
    started_by: str = Field(max_length=160)


class AdviceOpinion(SQLModel, table=True):
    """What people think of a proposal: declined for a while, or accepted with what it promised."""

    __tablename__ = "advice_opinion"

    workspace_id: int = key(SmallInteger)
    task_id: int = key()
    from_model: int = key()
    to_model: int = key()
    status: str = Field(max_length=16)
    at: datetime
    actor: str = Field(max_length=160)
    predicted: int = Field(sa_type=BigInteger)
    until: datetime | None = None


class EvidenceCell(SQLModel, table=True):
    """What advice is drawn from, gathered every night: see `storage.evidence`."""

    __tablename__ = "evidence"

    workspace_id: int = key(SmallInteger)
    task_id: int = key()
    model_id: int = key()
    person_id: int = key()
    third: int = key(SmallInteger)
    prompts: int = Field(sa_type=BigInteger)
    ok_n: int = Field(sa_type=BigInteger)
    ok: int = Field(sa_type=BigInteger)
    credits: int = Field(sa_type=BigInteger)
    rating_sum: int = Field(sa_type=BigInteger)
    rating_n: int = Field(sa_type=BigInteger)


class ApiKey(SQLModel, table=True):
    """A key of the HTTP interface; of its secret only the digest is kept."""

    __tablename__ = "api_key"
    __table_args__ = (UniqueConstraint("id"),)

    workspace_id: int = key(SmallInteger)
    id: str = Field(primary_key=True, max_length=8)
    name: str = Field(max_length=80)
    scope: str = Field(max_length=16)
    digest: str = Field(max_length=64)
    created_at: datetime
    created_by: str = Field(max_length=160)
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
