"""Tables of what creditbot says unasked: where to, when, what is due, what became of it.

As in `storage.models`, `workspace_id` comes first; amounts are micro-credits, days are
workspace-local day numbers.  Times are aware datetimes; a lease that lies in the past is free.
"""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, Index, LargeBinary, SmallInteger, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from storage.models import key

ID = 32  # characters of a random identity: a uuid without its hyphens
TURN = ("priority", "created_at", "due_at", "part", "id")  # the order in which messages leave
TO_RENDER = "state IN ('planned', 'rendering')"
TO_SEND = "state IN ('ready', 'sending')"
IN_DOUBT = "state = 'ready' AND maybe_sent_at IS NOT NULL"


class Destination(SQLModel, table=True):
    """One channel or direct conversation of a platform workspace, and its lane.

    `channel_id` is the channel's id, or with `is_direct` the person's.  The holder of `lane_token`
    sends here until `lane_until`; nothing leaves before `not_before`.
    """

    __table_args__ = (
        UniqueConstraint("workspace_id", "platform", "external_id", "channel_id"),
        Index(None, "lane_until", "not_before"),
    )

    workspace_id: int = key(SmallInteger)
    id: int = key()
    platform: str = Field(max_length=16)
    external_id: str = Field(max_length=64)
    channel_id: str = Field(max_length=64)
    is_direct: bool = False
    name: str = Field(max_length=200)
    state: str = Field(default="ok", max_length=8)
    dead_reason: str | None = Field(default=None, max_length=200)
    lane_token: str | None = Field(default=None, max_length=ID)
    lane_until: datetime
    not_before: datetime
    served_at: datetime
    can_post: bool | None = None
    can_read_history: bool | None = None
    is_external: bool = False
    people_rows: bool = False
    checked_at: datetime | None = None
    quiet_start: int | None = Field(default=None, sa_type=SmallInteger)
    quiet_end: int | None = Field(default=None, sa_type=SmallInteger)
    quiet_zone: str | None = Field(default=None, max_length=64)
    breaks_through: bool = True
    fail_streak: int = 0
    streak: int = 0
    streak_notified: bool = False
    last_ok_at: datetime | None = None
    created_by: str = Field(max_length=160)
    created_at: datetime


class ChatPause(SQLModel, table=True):
    """A platform workspace whose lanes all wait: it is refused, or asked to come back later.

    One that `needs_probe` waits until a harmless call went well, the next one at `until`.
    """

    __tablename__ = "chat_pause"

    workspace_id: int = key(SmallInteger)
    platform: str = Field(primary_key=True, max_length=16)
    external_id: str = Field(primary_key=True, max_length=64)
    until: datetime
    reason: str = Field(max_length=200)
    needs_probe: bool = False


class Subscription(SQLModel, table=True):
    """A line that is answered into a destination on a schedule.

    `next_first_day` is the first local day of the next period, whose digest is due at `next_due`.
    Its own quiet hours are minutes of the day on `zone`'s clock.
    """

    __table_args__ = (Index(None, "next_due"),)

    workspace_id: int = key(SmallInteger)
    id: int = key()
    destination_id: int
    line: str = Field(max_length=600)
    schedule: str = Field(max_length=120)
    zone: str = Field(max_length=64)
    next_due: datetime | None = None
    next_first_day: int
    catchup: str = Field(max_length=8)
    attach: str = Field(default="", max_length=16)
    skip_empty: bool = False
    skip_next: bool = False
    is_paused: bool = False
    paused_until: datetime | None = None
    pause_reason: str | None = Field(default=None, max_length=200)
    created_by: str = Field(max_length=160)
    created_at: datetime
    ended_at: datetime | None = None
    rev: int = 1
    fail_streak: int = 0
    last_period: str | None = Field(default=None, max_length=40)
    quiet_start: int | None = Field(default=None, sa_type=SmallInteger)
    quiet_end: int | None = Field(default=None, sa_type=SmallInteger)


class Delivery(SQLModel, table=True):
    """One message, file or change of a message for one destination; see `storage.outbox`.

    `act` is post, reply, edit or file; all but a post belong to the message of `parent_id`.
    `attempts` are claims, to make it and then to send it; `failures` what was made in vain.
    `maybe_sent_at` is kept before a socket is opened: without it the row was certainly never sent.
    """

    __table_args__ = (
        UniqueConstraint("workspace_id", "dedupe_key"),
        Index(None, "workspace_id", "destination_id", "state"),
        Index(None, "workspace_id", "subscription_id"),
        Index(None, "workspace_id", "alert_id"),
        Index(None, "workspace_id", "parent_id"),
        # What a claim reads from its first row on, however many wait behind it.
        Index(
            "ix_delivery_to_render",
            *TURN,
            sqlite_where=text(TO_RENDER),
            postgresql_where=text(TO_RENDER),
        ),
        Index(
            "ix_delivery_to_send",
            *TURN,
            sqlite_where=text(TO_SEND),
            postgresql_where=text(TO_SEND),
        ),
        Index(
            "ix_delivery_in_doubt",
            "workspace_id",
            "destination_id",
            sqlite_where=text(IN_DOUBT),
            postgresql_where=text(IN_DOUBT),
        ),
    )

    workspace_id: int = key(SmallInteger)
    id: str = Field(primary_key=True, max_length=ID)
    dedupe_key: str = Field(max_length=200)
    kind: str = Field(max_length=16)
    trigger: str = Field(max_length=16)
    act: str = Field(max_length=8)
    priority: int = Field(default=1, sa_type=SmallInteger)
    destination_id: int
    subscription_id: int | None = None
    alert_id: int | None = None
    parent_id: str | None = Field(default=None, max_length=ID)
    part: int = Field(default=0, sa_type=SmallInteger)
    line: str = Field(default="", max_length=600)
    actor: str = Field(max_length=160)
    period_key: str | None = Field(default=None, max_length=40)
    window_start: datetime | None = None
    window_end: datetime | None = None
    data_until: datetime | None = None
    due_at: datetime
    created_at: datetime
    state: str = Field(max_length=10)
    reason: str | None = Field(default=None, max_length=200)
    attempts: int = 0
    failures: int = 0
    not_before: datetime
    lease_token: str | None = Field(default=None, max_length=ID)
    lease_until: datetime | None = None
    maybe_sent_at: datetime | None = None
    missed_at: datetime | None = None
    facts: dict[str, object] = Field(default_factory=dict, sa_type=JSON)
    payload_sha: str | None = Field(default=None, max_length=64)
    artifact_name: str | None = Field(default=None, max_length=120)
    artifact_sha: str | None = Field(default=None, max_length=64)
    platform_message_id: str | None = Field(default=None, max_length=64)
    sent_at: datetime | None = None
    ended_at: datetime | None = None
    superseded_by: str | None = Field(default=None, max_length=ID)
    # Last: SQLite reads through all that stands before a column that is asked for.
    payload: dict[str, object] | None = Field(default=None, sa_type=JSON)
    artifact: bytes | None = Field(default=None, sa_type=LargeBinary)


class Attempt(SQLModel, table=True):
    """One request to a platform for a delivery: never its content, never a token."""

    workspace_id: int = key(SmallInteger)
    delivery_id: str = Field(primary_key=True, max_length=ID)
    n: int = key()
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str = Field(max_length=16)
    http_status: int | None = None
    error_code: str | None = Field(default=None, max_length=80)
    retry_after: float | None = None
    request_id: str | None = Field(default=None, max_length=80)


class BudgetUsage(SQLModel, table=True):
    """What a budget's period used so far: the row whose UPDATE decides who crossed a line.

    Budget 0 is the plan's allowance.  From `mark` micro-credits on there is something to decide;
    that was worked out from what had the `stamp`.
    """

    __tablename__ = "budget_usage"
    __table_args__ = (Index(None, "workspace_id", "end_day"),)

    workspace_id: int = key(SmallInteger)
    budget_id: int = key()
    first_day: int = key()
    end_day: int
    scope: str = Field(max_length=16)
    target_id: int
    used: int = Field(sa_type=BigInteger)
    mark: int = Field(default=0, sa_type=BigInteger)
    stamp: int = 0


class AlertRow(SQLModel, table=True):
    """Something that people are told once, with the numbers of that moment in `facts`.

    `subject` is what it is about (`budget:3`, `source:2`, `advice:1:2:3`); scope and target route
    it.  Until `routed_at` nobody decided yet which destinations get it.
    """

    __tablename__ = "alert"
    __table_args__ = (
        UniqueConstraint("workspace_id", "dedupe_key"),
        # Two looks that the router takes twice a second, however many alerts are kept.
        Index(None, "workspace_id", "routed_at", "id"),
        Index(None, "workspace_id", "acked_at"),
        Index(None, "workspace_id", "subject"),
    )

    workspace_id: int = key(SmallInteger)
    id: int = key()
    dedupe_key: str = Field(max_length=200)
    kind: str = Field(max_length=16)
    subject: str = Field(max_length=120)
    scope: str = Field(max_length=16)
    target_id: int = 0
    period_key: str | None = Field(default=None, max_length=40)
    facts: dict[str, object] = Field(default_factory=dict, sa_type=JSON)
    state: str = Field(default="fired", max_length=10)
    fired_at: datetime
    routed_at: datetime | None = None
    resolved_at: datetime | None = None
    acked_at: datetime | None = None
    acked_by: str | None = Field(default=None, max_length=160)
    snoozed_until: datetime | None = None


class AlertThreshold(SQLModel, table=True):
    """A threshold that fired: once for each budget, period, revision and episode.

    Until it is resolved it is open; usage is well below it since `below_since`.  A threshold in
    credits has no `percent`: there, -1 is the first of its budget's list in that revision.
    """

    __tablename__ = "alert_threshold"

    workspace_id: int = key(SmallInteger)
    budget_id: int = key()
    first_day: int = key()
    revision: int = key()
    percent: int = key(SmallInteger)
    episode: int = key(SmallInteger)
    alert_id: int
    value: int = Field(sa_type=BigInteger)
    fired_at: datetime
    below_since: datetime | None = None
    resolved_at: datetime | None = None


class AlertRoute(SQLModel, table=True):
    """Which alerts a destination gets; "" and 0 mean any kind, scope and target."""

    __tablename__ = "alert_route"
    __table_args__ = (
        UniqueConstraint("workspace_id", "destination_id", "kind", "scope", "target_id"),
    )

    workspace_id: int = key(SmallInteger)
    id: int = key()
    destination_id: int
    kind: str = Field(default="", max_length=16)
    scope: str = Field(default="", max_length=16)
    target_id: int = 0
    is_off: bool = False
    created_by: str = Field(max_length=160)
    created_at: datetime


class PurchasePolicy(SQLModel, table=True):
    """When credits are bought by themselves, how many, and who must say yes.

    The trigger is a percentage used, or the micro-credits that are left; `approvers` says whether
    all admins or only owners decide.
    """

    __tablename__ = "purchase_policy"

    workspace_id: int = key(SmallInteger)
    is_on: bool = False
    provider: str = Field(default="dry-run", max_length=16)
    url: str | None = Field(default=None, max_length=400)
    trigger_pct: int | None = None
    trigger_left: int | None = Field(default=None, sa_type=BigInteger)
    pack: int | None = Field(default=None, sa_type=BigInteger)
    target: int | None = Field(default=None, sa_type=BigInteger)
    ceiling: int = Field(sa_type=BigInteger)
    approval: str = Field(default="admin", max_length=16)
    approvers: str = Field(default="owners", max_length=8)
    updated_by: str = Field(max_length=160)
    updated_at: datetime


class Purchase(SQLModel, table=True):
    """One purchase: asked for, approved, sent to the provider once, ended; see `storage.purchases`.

    The provider knows it by its `idempotency_key`, equal for every try; without `maybe_sent_at` it
    was certainly not sold.  `rearmed_at` is when use was seen below its line again.
    """

    __table_args__ = (
        UniqueConstraint("workspace_id", "dedupe_key"),
        Index(None, "state", "not_before"),
    )

    workspace_id: int = key(SmallInteger)
    id: int = key()
    dedupe_key: str = Field(max_length=200)
    idempotency_key: str = Field(max_length=ID)
    credits: int = Field(sa_type=BigInteger)
    month: int
    state: str = Field(max_length=10)
    reason: str | None = Field(default=None, max_length=200)
    provider: str = Field(max_length=16)
    url: str | None = Field(default=None, max_length=400)
    is_test: bool = False
    facts: dict[str, object] = Field(default_factory=dict, sa_type=JSON)
    created_at: datetime
    expires_at: datetime
    approved_by: str | None = Field(default=None, max_length=160)
    approved_at: datetime | None = None
    lease_token: str | None = Field(default=None, max_length=ID)
    lease_until: datetime | None = None
    not_before: datetime
    attempts: int = 0
    declines: int = 0
    maybe_sent_at: datetime | None = None
    provider_ref: str | None = Field(default=None, max_length=120)
    grant_id: int | None = None
    rearmed_at: datetime | None = None
    ended_at: datetime | None = None


class Lease(SQLModel, table=True):
    """What one replica at a time may do; workspace 0 holds what belongs to the installation."""

    workspace_id: int = key(SmallInteger)
    name: str = Field(primary_key=True, max_length=80)
    holder: str = Field(max_length=120)
    token: str = Field(max_length=ID)
    until: datetime
