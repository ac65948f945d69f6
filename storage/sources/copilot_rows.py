"""One row of a GitHub Copilot report, read into a usage event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from zoneinfo import ZoneInfo

from storage.events import UNLABELED, Granularity, UsageEvent
from storage.sources.amounts import MAX_COST, MAX_CREDITS, count, micro, nano, number_in_text
from storage.sources.base import RowError, fold
from storage.sources.moments import check_day, check_moment, day_of, day_start, moment_of
from storage.sources.names import MAX_ACCOUNT, label, person, row_digest, row_key

PREMIUM_REQUEST = "premium_request"
AI_CREDIT = "ai_credit"
CLOUD_AGENT = ("coding agent", "padawan")
# In the last week of April 2026 the transition report counted some rows twice; GitHub's own
# preview (parser.ts of copilot-billing-preview) drops and halves them, and so do we.
FAULT_FIRST, FAULT_LAST = date(2026, 4, 24), date(2026, 4, 30)
CLOSE = Decimal("0.000001")
_UNITS = {"requests": PREMIUM_REQUEST, "ai_credits": AI_CREDIT, "ai_credit": AI_CREDIT}
_KEY = (
    "username",
    "product",
    "sku",
    "model",
    "unit_type",
    "organization",
    "cost_center_name",
    "exceeds_quota",
)
Ordinal = Callable[[bytes], int]
Cells = Mapping[str, str]


@dataclass(frozen=True)
class Columns:
    """The columns a file has, the decimal point of its numbers, and the time of the import."""

    names: frozenset[str]
    decimal: str
    now: datetime

    @cached_property
    def is_single(self) -> bool:
        """Whether rows are single requests (G0)."""
        return "requests_used" in self.names

    @cached_property
    def is_transition(self) -> bool:
        """Whether premium-request rows state AI credits beside them (G2)."""
        return "aic_quantity" in self.names


@dataclass(frozen=True, slots=True)
class Found:
    """The event of a row and what was changed about it; a dropped row has a note alone."""

    event: UsageEvent | None
    note: str = ""


def read_request(cells: Cells, columns: Columns, ordinal: Ordinal) -> Found:
    """One request of a G0 report, in UTC."""
    ts = moment_of(cells["timestamp"], ZoneInfo("UTC")).ts
    check_moment(ts, columns.now)
    used = number_in_text(
        cells["requests_used"], "Requests Used", decimal=columns.decimal, limit=MAX_CREDITS
    )
    digest = row_digest([ts, cells["user"], cells["model"], micro(used)])
    event = UsageEvent(
        event_id=row_key(digest, ordinal(digest)),
        ts=ts,
        model=label(cells["model"], "Model") or UNLABELED,
        person=person(cells["user"], "User"),
        credits=micro(used),
        unit=PREMIUM_REQUEST,
        tags=_tags(cells),
    )
    return Found(event)


def read_day(cells: Cells, columns: Columns, ordinal: Ordinal) -> Found:
    """One row of a day report; prompts are unknown, because `quantity` is already multiplied."""
    row = _DayRow(cells, columns)
    digest = row_digest([row.day.isoformat(), *(cells.get(name, "").strip() for name in _KEY)])
    half = row.is_counted_twice
    if row.is_superfluous:
        return Found(None, "left out: known fault of the report for 24 to 30 April 2026")
    amount, cost = row.amount, row.cost
    event = UsageEvent(
        event_id=row_key(digest, ordinal(digest)),
        ts=day_start(row.day),
        granularity=Granularity.DAY,
        account=label(cells.get("organization"), "organization", limit=MAX_ACCOUNT),
        model=label(cells["model"], "model") or UNLABELED,
        person=person(cells["username"], "username"),
        department=label(cells.get("cost_center_name"), "cost_center_name"),
        prompts=None,
        credits=micro(amount / 2 if half else amount),
        unit=row.unit,
        cost_nano=None if cost is None else nano(cost / 2 if half else cost),
        currency=None if cost is None else "USD",
        tokens_in=row.tokens("input"),
        tokens_out=row.tokens("output"),
        cache_read=row.tokens("cache_read"),
        cache_write=row.tokens("cache_write"),
        tags=_tags(cells),
    )
    if half:
        return Found(event, "halved: known fault of the report for 24 to 30 April 2026")
    return Found(event, row.doubt)


class _DayRow:
    """The numbers of one day row by the rules of its generation."""

    def __init__(self, cells: Cells, columns: Columns) -> None:
        self._cells = cells
        self._columns = columns
        self.day = day_of(cells["date"], "date")
        check_day(self.day, columns.now)
        kind = fold(cells["unit_type"])
        self._is_request = kind == "requests"
        self._stated_unit = _UNITS.get(kind, kind[:32])
        if not kind:
            raise RowError("unit_type is blank")
        self.quantity = self._number("quantity")

    @property
    def unit(self) -> str:
        """What `amount` counts; an unknown `unit_type` is a unit of its own."""
        in_credits = self._is_request and self._columns.is_transition
        return AI_CREDIT if in_credits else self._stated_unit

    @property
    def amount(self) -> Decimal:
        """The units used.  Other rows of the transition may leave `aic_quantity` blank."""
        if not self._columns.is_transition or self._is_native:
            return self.quantity
        if self._is_request:
            return self._number("aic_quantity")
        stated = self._optional("aic_quantity", limit=MAX_CREDITS)
        return self.quantity if stated is None else stated

    @property
    def cost(self) -> Decimal | None:
        """The list price in dollars."""
        stated = None
        if self._columns.is_transition and not self._is_native:
            stated = self._optional("aic_gross_amount", limit=MAX_COST)
        return self._optional("gross_amount", limit=MAX_COST) if stated is None else stated

    @property
    def _is_native(self) -> bool:
        """AI credits of a report that knows nothing else: its `quantity` is authoritative."""
        return "exceeds_quota" not in self._columns.names and not self._is_request

    @property
    def _has_fault(self) -> bool:
        return self._columns.is_transition and FAULT_FIRST <= self.day <= FAULT_LAST

    @property
    def is_superfluous(self) -> bool:
        """A row of the faulty week that repeats usage of another row."""
        return self._has_fault and self.quantity == 0 and bool(self._quota)

    @property
    def is_counted_twice(self) -> bool:
        """A row of the faulty week with twice its AI credits."""
        return self._has_fault and self._is_request and self._quota == 0

    @property
    def doubt(self) -> str:
        """What does not add up in the row's own amounts; they are taken as stated."""
        gross, off = self._signed("gross_amount"), self._signed("discount_amount")
        net, price = self._signed("net_amount"), self._signed("applied_cost_per_quantity")
        if gross is None:
            return ""
        if off is not None and net is not None and abs(gross - off - net) > CLOSE:
            return "gross, discount and net amount do not add up; taken as stated"
        if price is not None and abs(self.quantity * price - gross) > CLOSE:
            return "quantity times price is not the gross amount; taken as stated"
        return ""

    def tokens(self, name: str) -> int | None:
        """A token column (G4); None where it is absent or blank."""
        found = self._optional(name)
        return None if found is None else count(found, name)

    @property
    def _quota(self) -> Decimal | None:
        return self._optional("total_monthly_quota")

    def _number(self, name: str) -> Decimal:
        text = self._cells[name]
        return number_in_text(text, name, decimal=self._columns.decimal, limit=MAX_CREDITS)

    def _optional(self, name: str, *, limit: int = 10**12) -> Decimal | None:
        text = self._cells.get(name, "")
        if not text.strip():
            return None
        return number_in_text(text, name, decimal=self._columns.decimal, limit=limit)

    def _signed(self, name: str) -> Decimal | None:
        """An amount that may be a refund; only compared, never kept."""
        text = self._cells.get(name, "").strip()
        if text.startswith("-"):
            return -number_in_text(text[1:], name, decimal=self._columns.decimal)
        return self._optional(name)


def _tags(cells: Cells) -> tuple[str, ...]:
    """The product where it is not plain Copilot, and whether Copilot chose the model itself."""
    model, product = cells["model"].casefold(), cells.get("product", "").casefold()
    found = []
    if product == "spark" or cells.get("sku", "").casefold().startswith("spark"):
        found.append("spark")
    elif any(word in model for word in CLOUD_AGENT):
        found.append("cloud agent")
    if model.startswith("auto:"):
        found.append("auto")
    return tuple(found)
