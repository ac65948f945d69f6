"""What a workspace bought and what is left of it, grant by grant."""

from __future__ import annotations

from dataclasses import dataclass, replace

from analytics.credits import Balance, Burned, burn, first_month_day, matters_since
from analytics.lines import framed
from analytics.measures import gather_credits
from analytics.numbers import counted_credits, credits_text
from analytics.query import Filters, Query
from analytics.report import Actions, Button, Column, Note, Report, Row, Table
from analytics.text import clean, distinct
from analytics.timerange import MONTH_NAMES
from storage.grants import Grant, in_month, list_grants
from storage.reading import Days
from storage.timekeys import date_of, month_number

HOW_TO_ADD = Note(
    "An admin adds what was bought: `grants add plan 15000 monthly`, "
    "`grants add pack 5000 expires 2026-06-30`.",
    "hint",
)
USED = "Used is of a plan that of the month, of a pack all since it began."
ORDER = f"The plan pays first, then packs by priority and earliest expiry. {USED}"
KINDS = {"plan": "Plan", "pack": "Pack"}
COLUMNS = (
    Column("grant", "Grant"),
    Column("kind", "Kind"),
    Column("valid", "Valid"),
    Column("given", "Given", "credits"),
    Column("used", "Used", "credits"),
    Column("remaining", "Remaining", "credits"),
)


@dataclass(frozen=True, slots=True)
class Purse:
    """The grants of a workspace, and what they paid up to a day."""

    grants: list[Grant]
    burned: Burned
    last_day: int

    @property
    def month(self) -> int:
        """The month of that day, as a number."""
        return month_number(date_of(self.last_day))


def purse(query: Query, last_day: int, *, is_whole: bool = False) -> Purse:
    """What grants paid up to a day.

    Reads no further back than what decides about the month of that day; with `is_whole` to the
    first grant, for what was used and lost of those that are over.
    """
    grants = list_grants(query.reader.connection, query.reader.workspace.id)
    if not grants:
        return Purse([], burn([], {}, last_day), last_day)
    since = matters_since(grants, last_day)
    if is_whole:
        since = min(since, first_month_day(min(grant.first_day for grant in grants)))
    everyone = replace(query, filters=Filters())
    by_day = gather_credits(everyone, "day", Days(since, last_day + 1))
    return Purse(grants, burn(grants, by_day, last_day), last_day)


def grant_list(query: Query) -> Report:
    """Every grant with what is left of it today; of plans, of this month."""
    found = purse(query, query.reader.clock.day(query.now), is_whole=True)
    title = "Credits Remaining"
    if not found.grants:
        return framed(query, title, "No plan or pack is known yet.", (HOW_TO_ADD, _steps()))
    return framed(
        query,
        title,
        remaining_text(found.burned),
        (grant_table(found, with_ids=True), *_notes(found), _steps()),
    )


def remaining_text(burned: Burned) -> str:
    """`2,153 credits remaining: Team Plan 0, Credit Pack 2,153`."""
    alive = [balance for balance in burned.balances if balance.left or not balance.lost]
    names = distinct({balance.grant.id: balance.grant.name for balance in alive})
    parts = [f"{names[b.grant.id]} {credits_text(b.left)}" for b in alive if b.given]
    whole = f"{counted_credits(burned.left)} remaining"
    return f"{whole}: {', '.join(parts)}" if 1 < len(parts) <= 4 else whole


def grant_blocks(found: Purse) -> list[Table | Note]:
    """The grants of a month's report, with what is counted of packs; nothing without any."""
    if not found.grants:
        return []
    has_packs = any(grant.kind == "pack" for grant in found.grants)
    return [grant_table(found), *([Note(USED)] if has_packs else [])]


def grant_table(found: Purse, *, with_ids: bool = False) -> Table:
    """Given, used and remaining of each grant; one that is over or has not begun says so."""
    balances = {balance.grant.id: balance for balance in found.burned.balances}
    names = distinct({grant.id: grant.name for grant in found.grants})
    waiting = [grant for grant in found.grants if grant.id not in balances]
    shown = [balance.grant for balance in found.burned.balances] + waiting
    rows = [_row(grant, names[grant.id], balances.get(grant.id), found) for grant in shown]
    if with_ids:
        rows = [(*row, str(grant.id)) for row, grant in zip(rows, shown, strict=True)]
    known = found.burned.balances
    sums = (sum(b.given for b in known), sum(b.used for b in known), found.burned.left)
    return Table(
        columns=(*COLUMNS, *((Column("id", "ID"),) if with_ids else ())),
        rows=tuple(rows),
        total=("Total", None, None, *sums, *((None,) if with_ids else ())),
    )


def _row(grant: Grant, name: str, balance: Balance | None, found: Purse) -> Row:
    amounts = (0, 0, 0) if balance is None else (balance.given, balance.used, balance.left)
    return (name, KINDS[grant.kind], _valid(grant, found), *amounts)


def _valid(grant: Grant, found: Purse) -> str:
    """`monthly`, `until 30 Jun 2026`, `from 1 Apr 2026`, `ended 31 Mar 2026`."""
    end = None if grant.end_day is None else _day_text(grant.end_day - 1)
    if grant.kind == "plan":
        if in_month(grant, found.month):
            return "monthly"
        is_early = grant.first_day > found.last_day
        return f"from {_day_text(grant.first_day)}" if is_early else f"ended {end}"
    if grant.first_day > found.last_day:
        return f"from {_day_text(grant.first_day)}"
    if grant.end_day is None:
        return "always"
    return f"{'expired' if grant.end_day <= found.last_day else 'until'} {end}"


def _day_text(day: int) -> str:
    date = date_of(day)
    return f"{date.day} {MONTH_NAMES[date.month - 1]} {date.year}"


def _notes(found: Purse) -> list[Note]:
    lost = [balance for balance in found.burned.balances if balance.lost]
    names = ", ".join(f"{clean(b.grant.name)} {credits_text(b.lost)}" for b in lost)
    notes = [Note(f"Lost when they expired: {names}.")] if lost else []
    overage = found.burned.month(found.month).overage
    if overage:
        notes.append(Note(f"No grant pays {counted_credits(overage)} of this month."))
    return [*notes, Note(ORDER)]


def _steps() -> Actions:
    return Actions((Button("Report", "report this month"), Button("Budget", "budget")))
