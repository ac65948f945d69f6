"""The neutral usage event: what every source yields and the only thing the ledger takes.

Unknown is `None`, never 0.  Amounts are integers: micro-credits, nano-units of a currency.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, NewType, get_args

MicroCredits = NewType("MicroCredits", int)

Arm = Literal["control", "test"]
ARMS: tuple[Arm, ...] = get_args(Arm)
MAX_TRIAL = 2**31 - 1
MICRO = 1_000_000
NANO = 1_000_000_000
WORKSPACE_UNIT = "credit"
UNLABELED = "Unlabeled"  # the model of usage that names none; it is listed like any other


class Granularity(IntEnum):
    """How exactly an event knows its time; a day row never pretends to an hour."""

    EXACT = 0
    HOUR = 1
    DAY = 2


class Route(IntEnum):
    """The way an event came in; the account it belongs to is its source."""

    FILE = 0
    CALLBACK = 1
    TRACE = 2
    LOG = 3
    PULL = 4
    API = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageEvent:
    """One prompt, or an aggregate row of a source that only sums up.

    `ts` is epoch microseconds UTC: the end of a call, the start of an aggregate's bucket.
    `credits` and `unit` are what the source states, before any conversion; `credits` is in
    millionths of `unit`.  `account` is whose usage this is where a record says so (an
    organisation); it becomes part of the source's name.  `tokens_in` excludes cache reads and
    writes.  `blocked` says that a limit stopped the call before a model saw it: it is neither
    success nor failure and costs nothing by itself.  `arm` is the one of `trial` that was drawn for
    it, whatever model answered.
    """

    event_id: str
    ts: int
    model: str
    granularity: Granularity = Granularity.EXACT
    account: str | None = None
    person: str | None = None
    department: str | None = None
    project: str | None = None
    task: str | None = None
    provider: str | None = None
    prompts: int | None = 1
    ok: bool | None = None
    error: str | None = None
    credits: int | None = None
    unit: str = WORKSPACE_UNIT
    cost_nano: int | None = None
    currency: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    latency_ms: int | None = None
    ttft_ms: int | None = None
    rating: int | None = None
    blocked: bool = False
    tags: tuple[str, ...] = ()
    revision: int = 0
    trial: int | None = None
    arm: str | None = None
