"""What the credits cost against what they may be worth, on an admin's own assumptions.

Nothing is guessed: minutes, hourly rate and price come from people, are printed with every answer,
and what misses one of them is not told.  Two currencies are never compared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from analytics.captions import footnotes, heading
from analytics.lines import empty_report, framed, spent_text
from analytics.measures import Usage, span_of
from analytics.numbers import cost_text, count_text, counted, factor_text, round_half_even
from analytics.query import Query
from analytics.report import Actions, Button, Column, Fact, Facts, Note, Report, Row, Table
from analytics.text import clean, distinct
from storage.events import MICRO
from storage.preferences import preferences

PRICE, RATE, MINUTES = "roi_price", "roi_rate", "roi_minutes"
HOUR = 3600
MOST_TASKS = 10
MEASURES = ("events", "prompts", "credits", "uncounted", "unpriced", "ok", "ok_n")
UNCATEGORISED = "Uncategorised"
TO_SET = {
    "price": "`roi set price 0.04 USD`",
    "rate": "`roi set rate 60 EUR`",
    "minutes": "`roi set minutes 4`",
}

NO_RETURN = "No return is told: nobody said yet what a prompt is worth. `roi` says what to enter."


@dataclass(frozen=True, slots=True)
class Money:
    """Billionths of a currency: of a credit or of an hour."""

    nano: int
    currency: str

    @property
    def written(self) -> str:
        """As it is kept."""
        return f"{self.nano} {self.currency}"

    @property
    def text(self) -> str:
        """`$0.04`."""
        return cost_text(self.nano, self.currency)


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What an admin set; `seconds` a prompt saves, `by_task` where a task differs."""

    price: Money | None = None
    rate: Money | None = None
    seconds: int | None = None
    by_task: Mapping[int, int] = field(default_factory=dict)

    def of(self, task: int) -> int | None:
        """Seconds that a prompt of a task saves; None where nobody said."""
        return self.by_task.get(task, self.seconds)

    @property
    def missing(self) -> list[str]:
        """What nobody set yet, by its word."""
        known = {
            "price": self.price is not None,
            "rate": self.rate is not None,
            "minutes": self.seconds is not None or bool(self.by_task),
        }
        return [name for name, is_known in known.items() if not is_known]


def read_assumptions(query: Query) -> Assumptions:
    """What is set in the workspace."""
    reader = query.reader
    kept, _ = preferences(reader.connection, reader.workspace.id, None)
    by_task = {
        int(name.removeprefix(f"{MINUTES}_")): int(value)
        for name, value in kept.items()
        if name.startswith(f"{MINUTES}_")
    }
    seconds = kept.get(MINUTES)
    return Assumptions(
        price=_money(kept.get(PRICE)),
        rate=_money(kept.get(RATE)),
        seconds=None if seconds is None else int(seconds),
        by_task=by_task,
    )


def _money(written: str | None) -> Money | None:
    if written is None:
        return None
    nano, currency = written.split(" ")
    return Money(int(nano), currency)


@dataclass(frozen=True, slots=True)
class Worth:
    """A task with its prompts that did not fail, and the minutes, value and cost of them."""

    name: str
    prompts: int
    credits: int
    seconds: int | None
    minutes: int | None
    value: int | None
    cost: int | None


def roi(query: Query, folded: Collection[int] = ()) -> Report:
    """Cost and value of a range by task, as far as somebody set what they are made of.

    `folded` are tasks that must not have a row of their own: too few people are behind them.
    """
    title = heading("Return on Credits", query)
    rows = query.reader.sums(("task",), MEASURES, span_of(query))
    if not rows:
        return empty_report(title, query)
    assumed = read_assumptions(query)
    whole = sum((Usage(*row[1:6]) for row in rows), Usage())
    worths = _worths(query, [row for row in rows if row[0] not in folded], assumed)
    secret = _worths(query, [row for row in rows if row[0] in folded], assumed)
    return framed(
        query,
        title,
        _headline([*worths, *secret], assumed, whole),
        (
            _assumed(query, assumed),
            *_numbers(worths, secret, assumed),
            *_missing(assumed),
            *footnotes(replace(query, range=query.range.complete()), whole),  # no change is told
            _steps(),
        ),
    )


def _worths(query: Query, rows: Sequence[tuple[int, ...]], assumed: Assumptions) -> list[Worth]:
    known = query.reader.names("task")
    names = distinct({row[0]: known.get(row[0], UNCATEGORISED) for row in rows})
    found = []
    for task, _, prompts, credits, _, _, ok, ok_n in rows:
        fine, seconds = prompts - (ok_n - ok), assumed.of(task)
        saved = None if seconds is None else fine * seconds
        found.append(
            Worth(
                name=names[task],
                prompts=fine,
                credits=credits,
                seconds=seconds,
                minutes=None if saved is None else round_half_even(saved, 60),
                value=_of(saved, HOUR, assumed.rate),
                cost=_of(credits, MICRO, assumed.price),
            )
        )
    return sorted(found, key=lambda worth: (-(worth.value or 0), -worth.credits, worth.name))


def _of(amount: int | None, unit: int, money: Money | None) -> int | None:
    return None if amount is None or money is None else round_half_even(amount * money.nano, unit)


def _sum(parts: Iterator[int | None]) -> int | None:
    """What is known of some parts together; None where nothing is."""
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def _factor(value: int | None, cost: int | None, assumed: Assumptions) -> float | None:
    """How many times its cost something is worth; None across currencies and of nothing."""
    if value is None or not cost or assumed.price is None or assumed.rate is None:
        return None
    return value / cost if assumed.price.currency == assumed.rate.currency else None


def _headline(worths: Sequence[Worth], assumed: Assumptions, whole: Usage) -> str:
    value, cost = _sum(w.value for w in worths), _sum(w.cost for w in worths)
    if value is None and cost is None:
        return f"{spent_text(whole)} used; no return can be told yet"
    parts = []
    if value is not None and assumed.rate is not None:
        parts.append(f"assumed worth {cost_text(value, assumed.rate.currency)}")
    if cost is not None and assumed.price is not None:
        parts.append(f"cost {cost_text(cost, assumed.price.currency)}")
    factor = _factor(value, cost, assumed)
    if factor is not None:
        parts.append(factor_text(factor))
    return f"{spent_text(whole)}: {', '.join(parts)}"


def _missing(assumed: Assumptions) -> Iterator[Note]:
    """What to type for what is missing, each with its line."""
    if assumed.missing:
        names = {"price": "the price of a credit", "rate": "an hourly rate"}
        words = [
            f"{names.get(name, 'the minutes a prompt saves')}: {TO_SET[name]}"
            for name in assumed.missing
        ]
        yield Note(f"Missing, for an admin to set: {'; '.join(words)}.", "hint")
    elif assumed.price and assumed.rate and assumed.price.currency != assumed.rate.currency:
        yield Note(
            f"Value is in {assumed.rate.currency} and cost in {assumed.price.currency}: they are "
            "not compared. Set both in one currency.",
            "hint",
        )


def _numbers(
    worths: Sequence[Worth], secret: Sequence[Worth], assumed: Assumptions
) -> Iterator[Facts | Table]:
    total = _together([*worths, *secret], "Total")
    facts = _facts(total, assumed)
    if facts:
        yield Facts(tuple(facts))
        yield _table(worths, secret, total, assumed)


def return_blocks(query: Query) -> list[Facts | Note]:
    """Time saved, value and cost of a range, and what was assumed; where to enter it before that.

    Assumptions are never left behind: the numbers are worth no more than they are.
    """
    assumed = read_assumptions(query)
    rows = query.reader.sums(("task",), MEASURES, span_of(query))
    total = _together(_worths(query, rows, assumed), "Total")
    if total.value is None:
        return [Note(NO_RETURN)]
    return [Facts(tuple(_facts(total, assumed))), _assumed(query, assumed)]


def _facts(total: Worth, assumed: Assumptions) -> list[Fact]:
    facts = []
    if total.minutes is not None:
        facts.append(Fact("hours", "Time saved", f"{count_text(total.minutes // 60)} hours"))
    if total.value is not None and assumed.rate is not None:
        currency = assumed.rate.currency
        facts.append(Fact("value", "Value", total.value, "cost", currency=currency))
    if total.cost is not None and assumed.price is not None:
        currency = assumed.price.currency
        facts.append(Fact("cost", "Cost", total.cost, "cost", currency=currency))
    factor = _factor(total.value, total.cost, assumed)
    if factor is not None:
        facts.append(Fact("factor", "Value for cost", factor, "factor"))
    return facts


def _together(worths: Sequence[Worth], name: str) -> Worth:
    return Worth(
        name=name,
        prompts=sum(worth.prompts for worth in worths),
        credits=sum(worth.credits for worth in worths),
        seconds=None,
        minutes=_sum(worth.minutes for worth in worths),
        value=_sum(worth.value for worth in worths),
        cost=_sum(worth.cost for worth in worths),
    )


def _table(
    worths: Sequence[Worth], secret: Sequence[Worth], total: Worth, assumed: Assumptions
) -> Table:
    room = MOST_TASKS if secret or len(worths) > MOST_TASKS + 1 else MOST_TASKS + 1
    shown, rest = list(worths[:room]), [*worths[room:], *secret]
    if rest:
        shown.append(_together(rest, counted(len(rest), "other")))
    value = assumed.rate.currency if assumed.rate else ""
    cost = assumed.price.currency if assumed.price else ""
    return Table(
        columns=(
            Column("task", "Task"),
            Column("prompts", "Prompts", "count"),
            Column("minutes_each", "Min each"),
            Column("minutes_saved", "Min saved", "count"),
            *((Column("value", "Value", "cost", value),) if value else ()),
            Column("credits", "Credits", "credits"),
            *((Column("cost", "Cost", "cost", cost),) if cost else ()),
        ),
        rows=tuple(_row(worth, assumed) for worth in shown),
        total=_row(total, assumed),
        others=len(shown) - 1 if rest else None,
    )


def _row(worth: Worth, assumed: Assumptions) -> Row:
    return (
        worth.name,
        worth.prompts,
        None if worth.seconds is None else minutes_text(worth.seconds),
        worth.minutes,
        *((worth.value,) if assumed.rate else ()),
        worth.credits,
        *((worth.cost,) if assumed.price else ()),
    )


def minutes_text(seconds: int) -> str:
    """`4`, `4.5`: minutes with at most one decimal."""
    return f"{seconds // 60}" if seconds % 60 == 0 else f"{seconds / 60:.1f}"


def _assumed(query: Query, assumed: Assumptions) -> Note:
    """Every assumption, always; without any there is nothing to quote."""
    if len(assumed.missing) == len(TO_SET):
        words = "Nothing is assumed yet: no minutes saved, no hourly rate, no price of a credit."
        return Note(words, "delta")
    known = query.reader.names("task")
    tasks = [
        f"{clean(known.get(task, UNCATEGORISED), 40)} {minutes_text(seconds)}"
        for task, seconds in sorted(assumed.by_task.items())
    ]
    listed = f" ({', '.join(tasks)})" if tasks else ""
    general = "–" if assumed.seconds is None else minutes_text(assumed.seconds)
    minutes = "nothing" if "minutes" in assumed.missing else f"{general} minutes a prompt{listed}"
    rate = "no hourly rate" if assumed.rate is None else f"{assumed.rate.text} an hour"
    price = "no price of a credit" if assumed.price is None else f"{assumed.price.text} a credit"
    return Note(
        f"Assumed by an admin, not measured: {minutes} saved, {rate}, {price}. "
        "A prompt that is known to have failed saves nothing.",
        "delta",
    )


def _steps() -> Actions:
    return Actions((Button("Report", "report this month"), Button("Budget", "budget")))
