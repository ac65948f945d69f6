"""Why something is proposed: each gate, what was seen at it, and what nobody checked."""

from __future__ import annotations

from collections.abc import Mapping

from analytics.advice import LEAST_CERTAINTY, certainty_of, is_vetoed, saving_of
from analytics.advice_basis import Findings
from analytics.advice_words import missing_text, saving_text
from analytics.evidence import (
    LEAST_FROM,
    LEAST_OVERLAP,
    LEAST_PEOPLE,
    LEAST_TO,
    Comparison,
    Pair,
    shortfall,
)
from analytics.numbers import count_text, counted, duration_text, rate_text
from analytics.percentiles import Spread
from analytics.recommendations import stars_text
from analytics.report import Actions, Button, Column, Note, Report, Row, Table
from analytics.text import typed
from analytics.wilson import Tally

UNCHECKED = (
    "Not checked: what the answers said, how hard the prompts were beyond their size, and why "
    "people chose a model. Only a trial can confirm it."
)
Spreads = Mapping[int, Spread]


def why(found: Findings, pair: Pair, times: Spreads) -> Report:
    """Every gate of one proposal; `times` are response times of models over 30 days."""
    names = found.names.of(pair)
    title = f"Why {names.cheap} for {names.task}?"
    back = Actions(
        (Button("Advice", "recommend"), Button(names.task, f"recommend {typed(names.task)}"))
    )
    known = next((one for one in found.compared if one.pair == pair), None)
    short = next((one for one in found.compared_short if one.pair == pair), None)
    compared = known if known is not None and (short is None or _passes(found, known)) else short
    if compared is None:
        headline = f"{names.cheap} was not compared with {names.costly} on {names.task}"
        return Report(title, headline, (*_not_compared(found, pair), back))
    verdict = "passes every gate" if _passes(found, compared) else "does not pass every gate"
    part = f"the shortest third of {names.task}" if compared is short else names.task
    columns = (Column("gate", "Gate"), Column("seen", "Seen"), Column("needed", "Needed"))
    rows = (*_gates(found, compared), *_effects(found, compared, times, is_short=compared is short))
    trial = next((one for one in reversed(found.trials) if one.pair == pair), None)
    return Report(
        title,
        f"{names.cheap} instead of {names.costly} on {part} {verdict}",
        (
            Table(columns, rows),
            *([Note(f"Its last trial: {trial.status}.")] if trial is not None else []),
            Note(UNCHECKED),
            back,
        ),
    )


def _passes(found: Findings, compared: Comparison) -> bool:
    certainty = certainty_of(compared, found.margin_pct)
    return certainty >= LEAST_CERTAINTY and not is_vetoed(compared)


def _gates(found: Findings, compared: Comparison) -> list[Row]:
    names = found.names.of(compared.pair)
    certainty = certainty_of(compared, found.margin_pct)
    margin = counted(found.margin_pct, "point")
    return [
        (f"Known outcomes, {names.costly}", count_text(compared.a.n), f"{LEAST_FROM}"),
        (f"Known outcomes, {names.cheap}", count_text(compared.b.n), f"{LEAST_TO}"),
        ("People who use both", count_text(compared.people), f"{LEAST_PEOPLE}"),
        ("Overlap of like prompts", f"{compared.difference.overlap:.0f}", f"{LEAST_OVERLAP:.0f}"),
        (
            f"Chance that success falls by less than {margin}",
            _chance(certainty),
            f"{LEAST_CERTAINTY:.0%}",
        ),
        ("Stars of people who rated both", stars_text(compared), "not clearly fewer"),
    ]


def _effects(found: Findings, compared: Comparison, times: Spreads, *, is_short: bool) -> list[Row]:
    names, difference = found.names.of(compared.pair), compared.difference
    saving = saving_of(found.short if is_short else found.whole, compared.pair)
    rows: list[Row] = [
        ("Groups of like prompts (person and size)", count_text(compared.strata), None),
        (f"Success there, {names.costly}", _rate(difference.a), None),
        (f"Success there, {names.cheap}", _rate(difference.b), None),
        ("Difference within the groups", f"{100 * difference.value:+.1f} points", None),
        ("Saving at the last 30 days' volume", saving_text(saving), None),
    ]
    for key, name in zip(compared.pair[1:], (names.costly, names.cheap), strict=True):
        if key in times:
            typical = f"{duration_text(times[key].p50)} (n {times[key].n:,})"
            rows.append((f"Typical response time, {name}", typical, None))
    return rows


def _rate(tally: Tally) -> str:
    return f"{rate_text(tally.rate)} (n {tally.n:,})"


def _not_compared(found: Findings, pair: Pair) -> list[Note]:
    records = found.whole.records
    is_known = all((pair[0], model) in records for model in pair[1:])
    lacking = shortfall(records, pair) if is_known and _is_cheaper(found, pair) else None
    if lacking is not None:
        return [Note(missing_text(lacking, found.names.of(pair)), "delta")]
    if not _is_cheaper(found, pair):
        return [Note("It is not the cheaper one of the two, by their multipliers now.", "hint")]
    return [Note("One of them was not used on this task in the last 60 days.", "hint")]


def _is_cheaper(found: Findings, pair: Pair) -> bool:
    a, b = (found.whole.multipliers.get(key) for key in pair[1:])
    return a is not None and b is not None and b < a


def _chance(value: float) -> str:
    return ">99%" if value > 0.99 else "<1%" if value < 0.01 else f"{value:.0%}"
