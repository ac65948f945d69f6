"""What an event costs in the workspace's credit, and when that is not known.

Explicit credits win, then the conversion factor of the source's unit, then the cost where the
catalogue says so, then multiplier x prompts.  What cannot be priced is marked, never 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import sqlalchemy as sa
from sqlmodel import SQLModel

from storage import locks
from storage.catalog import Catalog, Price
from storage.events import MICRO, NANO, WORKSPACE_UNIT
from storage.records import BLOCKED, FOREIGN_UNIT, STATED, UNCOUNTED, UNPRICED, Record
from storage.workspaces import set_credit_unit

_WORKSPACE = SQLModel.metadata.tables["workspace"]
_FACTOR = SQLModel.metadata.tables["source_factor"]
# Built once: a single event is written in less time than it takes to build a few statements.
_UNIT_OF = sa.select(_WORKSPACE.c.credit_unit).where(
    _WORKSPACE.c.workspace_id == sa.bindparam("ours")
)
_FACTORS_OF = sa.select(_FACTOR).where(_FACTOR.c.workspace_id == sa.bindparam("ours"))
_PRICING = UNPRICED | FOREIGN_UNIT | STATED


class Charge(Protocol):
    """What pricing reads of an event; `UsageEvent` is one."""

    @property
    def credits(self) -> int | None:
        """Millionths of `unit` that the source states."""

    @property
    def unit(self) -> str:
        """What the source counts in."""

    @property
    def cost_nano(self) -> int | None:
        """Billionths of `currency`."""

    @property
    def currency(self) -> str | None:
        """Three letters."""

    @property
    def prompts(self) -> int | None:
        """How many prompts, None when the source does not say."""

    @property
    def ok(self) -> bool | None:
        """Whether they succeeded, None when that is not known."""

    @property
    def blocked(self) -> bool:
        """Whether a limit stopped them before a model saw them."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What one source's amounts are worth: micro-credits for one of each unit it counts in."""

    unit: str | None
    factors: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Tariff:
    """The prices of one workspace; `unit` is None as long as it has no credit."""

    unit: str | None
    catalog: Catalog
    factors: Mapping[int, Mapping[str, int]]

    @classmethod
    def load(cls, connection: sa.Connection, workspace_id: int) -> Tariff:
        """The prices of a workspace as they are now."""
        return cls(
            unit=credit_unit(connection, workspace_id),
            catalog=Catalog.load(connection, workspace_id),
            factors=factors(connection, workspace_id),
        )

    def settled(
        self, connection: sa.Connection, workspace_id: int, records: Iterable[Record]
    ) -> Tariff:
        """These prices, in the first unit that the records bring if there is no credit yet."""
        if self.unit is not None:
            return self
        charges = (
            (charge_of(record, None), self.catalog.price_at(record.row.model_id, record.row.ts))
            for record in records
        )
        return replace(self, unit=decide_unit(connection, workspace_id, charges))

    def terms(self, source_id: int) -> Terms:
        """What the amounts of a source are worth."""
        return Terms(self.unit, self.factors.get(source_id, {}))

    def price(self, record: Record) -> Record:
        """The record with the credits and the multiplier that hold at its time."""
        row = record.row
        price = self.catalog.price_at(row.model_id, row.ts)
        credits_micro, flags = quote(charge_of(record, self.unit), price, self.terms(row.source_id))
        multiplier = price.multiplier if price else 0
        flags |= row.flags & ~_PRICING
        return Record(
            row._replace(credits=credits_micro, multiplier=multiplier, flags=flags), record.detail
        )


@dataclass(frozen=True, slots=True)
class _Kept:
    credits: int | None
    unit: str
    cost_nano: int | None
    currency: str | None
    prompts: int | None
    ok: bool | None
    blocked: bool


def charge_of(record: Record, unit: str | None) -> Charge:
    """What a stored event is priced by; `unit` is the workspace's credit."""
    row, detail = record.row, record.detail
    stated = row.flags & STATED
    return _Kept(
        credits=row.credits if stated else detail.amount,
        unit=(unit if stated else detail.unit) or WORKSPACE_UNIT,
        cost_nano=detail.cost_nano,
        currency=detail.currency,
        prompts=None if row.flags & UNCOUNTED else row.prompts,
        ok=bool(row.ok) if row.ok_n else None,
        blocked=bool(row.flags & BLOCKED),
    )


def quote(charge: Charge, price: Price | None, terms: Terms) -> tuple[int, int]:
    """Micro-credits and flags (STATED, UNPRICED, FOREIGN_UNIT) of one event."""
    amount, unit = charge.credits, charge.unit
    if amount is None:
        amount, unit = derived(charge, price), WORKSPACE_UNIT
        if not amount:
            return 0, UNPRICED if amount is None else 0
        if terms.unit == WORKSPACE_UNIT:
            return amount, 0
    elif unit == terms.unit:
        return amount, STATED
    factor = terms.factors.get(unit)
    if factor is None:
        return 0, UNPRICED if terms.unit is None else UNPRICED | FOREIGN_UNIT
    return _rounded(amount * factor, MICRO), 0


def derived(charge: Charge, price: Price | None) -> int | None:
    """Micro-credits by the catalogue, in the unit "credit"; None when they cannot be known.

    A prompt known to have failed or been blocked costs 0, unless its cost is known and counts.
    """
    prompts = charge.prompts
    rate = price.per_currency if price else None
    if price and rate is not None and charge.currency == price.currency:
        cost = charge.cost_nano
        if cost is not None and cost >= 0:
            return _rounded(cost * rate, NANO)
    if prompts is None:
        return None
    if charge.ok is False or charge.blocked or prompts == 0:
        return 0
    if price is None or rate is not None:
        return None
    return price.multiplier * prompts


def _rounded(value: int, scale: int) -> int:
    """`value / scale`, half to even, so that many halves do not add up to more."""
    whole, rest = divmod(value, scale)
    return whole + (2 * rest > scale or (2 * rest == scale and whole % 2 == 1))


def factors(connection: sa.Connection, workspace_id: int) -> dict[int, dict[str, int]]:
    """Every conversion factor of a workspace by source and unit."""
    found: dict[int, dict[str, int]] = {}
    for row in connection.execute(_FACTORS_OF, {"ours": workspace_id}):
        found.setdefault(row.source_id, {})[row.unit] = row.factor
    return found


def credit_unit(connection: sa.Connection, workspace_id: int) -> str | None:
    """The workspace's credit; while it has none its row is held, so that one writer decides.

    Asked in every transaction, because an import that is taken back may take the unit with it.
    """
    known: str | None = connection.execute(_UNIT_OF, {"ours": workspace_id}).scalar()
    if known is None:
        locks.hold(connection, workspace_id)
        known = connection.execute(_UNIT_OF, {"ours": workspace_id}).scalar()
    return known


def decide_unit(
    connection: sa.Connection,
    workspace_id: int,
    charges: Iterable[tuple[Charge, Price | None]],
) -> str | None:
    """Let the first unit that charges bring be the credit of a workspace that has none."""
    unit = first_unit(charges)
    if unit is not None:
        set_credit_unit(connection, workspace_id, unit)
    return unit


def first_unit(charges: Iterable[tuple[Charge, Price | None]]) -> str | None:
    """The first unit that charges bring; what costs nothing by the catalogue brings none."""
    for charge, price in charges:
        if charge.credits is not None:
            return charge.unit
        if price is not None and derived(charge, price):
            return WORKSPACE_UNIT
    return None
