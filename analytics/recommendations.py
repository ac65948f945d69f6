"""Advice: cheaper models for tasks, what they may save at most, and what it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from analytics.advice import (
    MOST_SHOWN,
    combined_saving,
    shortfalls,
)
from analytics.advice_basis import Advice, Findings
from analytics.advice_words import missing_text, proposal_text
from analytics.evidence import Comparison, Pair
from analytics.figures import FrontierFigure
from analytics.followed import Followed, followed_blocks
from analytics.frontier import Plot, frontier_figure
from analytics.lines import spent_text
from analytics.measures import Usage
from analytics.numbers import (
    counted,
    counted_credits,
    duration_text,
    rate_text,
    ratio_text,
    step_text,
)
from analytics.percentiles import Spread
from analytics.quality import Quality
from analytics.report import Actions, Block, Button, Column, Note, Report, Row, Table
from analytics.text import typed
from analytics.wilson import Tally

QUIET = timedelta(days=90)
SHOWN_MISSING = 3
OFF_PEAK = "Off-peak hours save no credits, because a prompt costs the same at any hour"
FEWEST_TIMES = 100  # below it response times by the hour say nothing
NO_NIGHT = "Advice rests on evidence that is gathered every night; there is none yet."


@dataclass(frozen=True, slots=True)
class Waits:
    """Response times over 30 complete days, on all tasks: by model, and by class of hour."""

    models: Mapping[int, Spread]
    peak: Spread | None = None
    off_peak: Spread | None = None

    @property
    def hint(self) -> str:
        """Why nobody saves by waiting for the evening, and what waiting does change."""
        peak, off = self.peak, self.off_peak
        if peak is None or off is None or min(peak.n, off.n) < FEWEST_TIMES:
            return f"{OFF_PEAK}."
        sides = f"p50 {_typical(off)} against {_typical(peak)} in peak hours, all models"
        sooner = "answers come sooner" if off.p50 < peak.p50 else "answers come no sooner either"
        return f"{OFF_PEAK}; {sooner}: {sides}."


def _typical(spread: Spread) -> str:
    return f"{duration_text(spread.p50)} (n {spread.n:,})"


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked: of one task or of all, by somebody who may start trials or not."""

    now: datetime
    task: int | None = None
    may_decide: bool = False


def no_evidence() -> Report:
    """The answer before the first night."""
    return Report(
        "Advice",
        "No advice yet",
        (Note(NO_NIGHT, "hint"), Actions((Button("By task", "tasks last 30d"),))),
    )


def recommend(
    found: Findings,
    asked: Asked,
    every: Sequence[Advice],
    waits: Waits,
    followed: Sequence[Followed],
) -> Report:
    """At most three pieces of advice, or what is missing for one.

    `every` is all advice in its order.
    """
    shown, stopped = shown_of(every)
    blocks: list[Block] = [
        *(Note(_sentence(one, found), "delta") for one in shown),
        *(_figure(shown[0], found) if shown else ()),
        *([_table([*shown, *stopped], found, waits.models)] if shown or stopped else []),
        *(Note(_sentence(one, found)) for one in stopped),
        *([] if shown else _missing(found, asked)),
        *followed_blocks(followed, found.names, asked.task),
        *_premium_note(found, asked),
        *_context(found, asked, has_advice=bool(shown)),
        Note(waits.hint),
        *_actions(shown, found, asked),
    ]
    return Report(_title(found, asked), _headline(shown, found), tuple(blocks))


def shown_of(every: Sequence[Advice]) -> tuple[list[Advice], list[Advice]]:
    """What is proposed, and what was stopped; at most three of each."""
    shown = [one for one in every if one.proposal.level != "stopped"]
    stopped = [one for one in every if one.proposal.level == "stopped"]
    return shown[:MOST_SHOWN], stopped[:MOST_SHOWN]


def advice_notes(found: Findings, now: datetime) -> list[Note]:
    """What is proposed in a sentence each, after what all of it may save; nothing where none is."""
    shown, _ = shown_of(found.advice(now))
    if not shown:
        return []
    sentences = (Note(_sentence(one, found), is_detail=True) for one in shown)
    return [Note(f"Advice: {_headline(shown, found)}."), *sentences]


def _title(found: Findings, asked: Asked) -> str:
    return "Advice" if asked.task is None else f"Advice on {found.names.tasks[asked.task]}"


def _sentence(advice: Advice, found: Findings) -> str:
    names = found.names.of(advice.proposal.pair)
    if advice.is_short:
        names = replace(names, task=f"the shortest third of {names.task}")
    return proposal_text(advice.proposal, names)


def _headline(shown: Sequence[Advice], found: Findings) -> str:
    """`Up to 2,500 credits a month (16% of the last 30 days' credits) by 3 switches`."""
    if not shown:
        return f"Nothing to advise within a margin of {counted(found.margin_pct, 'point')}"
    saving = combined_saving(one.proposal for one in shown)
    switches = "1 switch" if len(shown) == 1 else f"{len(shown)} switches"
    percent = rate_text(saving / found.spent) if found.spent else "0%"
    whole = f"{percent} of the {counted_credits(found.spent)} of the last 30 complete days"
    levels = {one.proposal.level for one in shown}
    sure = f", {levels.pop()}" if len(levels) == 1 else ""
    return f"Up to {counted_credits(saving)} a month by {switches}{sure}: {whole}"


def _figure(first: Advice, found: Findings) -> list[FrontierFigure]:
    """The models of the first advice's task between price and quality."""
    basis = found.short if first.is_short else found.whole
    task, costly, cheap = first.proposal.pair
    models = {
        model: Quality(
            record.prompts,
            record.credits,
            record.outcomes.ok,
            record.outcomes.n,
            sum(stars for stars, _ in record.ratings.values()),
            sum(count for _, count in record.ratings.values()),
        )
        for (one, model), record in basis.records.items()
        if one == task and record.prompts
    }
    names = found.names.of(first.proposal.pair)
    if costly not in models or cheap not in models:
        return []
    low, high = (ratio_text(models[key].per_prompt) for key in (cheap, costly))
    words = f"{names.cheap} takes {low} credits a prompt, {names.costly} {high}"
    title = f"{names.task}: {words}"
    figure = frontier_figure(Plot(models, found.catalog, found.footer, title))
    return [figure] if figure else []


def _table(shown: Sequence[Advice], found: Findings, times: Mapping[int, Spread]) -> Table:
    return Table(
        columns=(
            Column("task", "Task"),
            Column("model", "From"),
            Column("to_model", "To"),
            Column("saving", "Up to, a month", "credits"),
            Column("level", "Level"),
            Column("success_rate", "Success", "rate"),
            Column("success_change", "Against"),
            Column("rating_change", "Rating"),
            Column("n", "n", "count"),
            Column("p50_ms", "p50", "duration"),
            Column("p50_before_ms", "p50 before", "duration"),
        ),
        rows=tuple(_row(one, found, times) for one in shown),
    )


def _row(advice: Advice, found: Findings, times: Mapping[int, Spread]) -> Row:
    proposal = advice.proposal
    names = found.names.of(proposal.pair)
    a = b = None
    if proposal.trial is not None:
        a, b = proposal.trial.control, proposal.trial.test
    elif proposal.comparison is not None:
        a, b = proposal.comparison.difference.a, proposal.comparison.difference.b
    known = a is not None and b is not None and a.n and b.n
    after, before = (times[key].p50 if key in times else None for key in proposal.pair[:0:-1])
    return (
        f"{names.task} (shortest third)" if advice.is_short else names.task,
        names.costly,
        names.cheap,
        proposal.saving or None,
        proposal.level,
        b.rate if known and b is not None else None,
        points_text(a, b) if known and a is not None and b is not None else None,
        stars_text(proposal.comparison),
        b.n if b is not None else None,
        after,
        before,
    )


def _missing(found: Findings, asked: Asked) -> list[Note]:
    """Why there is no advice: evidence that is missing, or comparisons that did not pass."""
    lacking = [
        one for one in shortfalls(found.whole) if asked.task is None or one.pair[0] == asked.task
    ]
    compared = [one for one in found.compared if asked.task is None or one.pair[0] == asked.task]
    notes = [
        Note(missing_text(one, found.names.of(one.pair)), "delta")
        for one in lacking[:SHOWN_MISSING]
    ]
    if compared:
        words = f"{counted(len(compared), 'comparison')} had enough evidence"
        notes.insert(0, Note(f"{words}; none is surely within the margin.", "delta"))
    if not notes:
        notes.append(Note(_nothing(found, asked), "hint"))
    return notes


def _nothing(found: Findings, asked: Asked) -> str:
    if not found.whole.records:
        return (
            "Advice needs prompts with a task and a known outcome; none came in the last 60 days. "
            "`tasks templates` shows how usage gets a task."
        )
    where = "" if asked.task is None else f" on {found.names.tasks[asked.task]}"
    return f"No two models of different multipliers were used{where} in the last 60 days."


def _premium_note(found: Findings, asked: Asked) -> list[Note]:
    """What premium models took for short prompts in 30 days, whoever could take them."""
    credits = sum(
        volume.credits
        for (task, model), volume in found.short.volumes.items()
        if found.short.multipliers.get(model, 0) >= found.premium_from
        and asked.task in (None, task)
    )
    if not credits:
        return []
    spent = spent_text(Usage(events=1, credits=credits))
    return [
        Note(f"Premium models took about {spent} of 30 days for the shortest third of prompts.")
    ]


def _context(found: Findings, asked: Asked, *, has_advice: bool) -> Iterator[Note]:
    quiet = [
        one
        for one in found.opinions
        if one.status == "declined" and one.until and one.until > asked.now
        if asked.task in (None, one.task_id)
    ]
    if quiet:
        stay = "stays" if len(quiet) == 1 else "stay"
        yield Note(f"{counted(len(quiet), 'refused proposal')} {stay} quiet for 90 days.")
    if has_advice:
        yield Note("Savings are at the volume of the last 30 complete days; no prompt is in two.")


def _actions(shown: Sequence[Advice], found: Findings, asked: Asked) -> Iterator[Actions]:
    for number, one in enumerate(shown, 1):
        names = arguments(found, one.proposal.pair)
        mark = f" {number}" if len(shown) > 1 else ""
        buttons = [Button(f"Why?{mark}", f"recommend why {names}")]
        if not one.is_short and one.proposal.level == "worth a trial":
            buttons.append(Button(f"Plan trial{mark}", f"trial plan {names}"))
        if asked.may_decide:
            buttons.append(Button(f"We switched{mark}", f"recommend accept {names}", "do"))
        buttons.append(Button(f"Not useful{mark}", f"recommend decline {names}", "do"))
        yield Actions(tuple(buttons))
    if asked.task is None:
        yield Actions(
            (Button("Efficiency", "efficiency last 30d"), Button("Trials", "trial status"))
        )
    else:
        yield Actions((Button("All advice", "recommend"), Button("Trials", "trial status")))


def arguments(found: Findings, pair: Pair) -> str:
    """Task and both models as a line carries them."""
    task, a, b = pair
    models = found.names.models
    return " ".join(typed(name) for name in (found.names.tasks[task], models[a], models[b]))


def points_text(a: Tally, b: Tally) -> str:
    """`−0.3 points`: success of b minus that of a."""
    return f"{step_text(100 * (b.rate - a.rate))} points"


def stars_text(found: Comparison | None) -> str | None:
    """`−0.1 (n 61)`: stars of the cheaper model minus those of the costly one; None where unknown.

    Within the people who rated both; `n` are the ratings of the model that has fewer.
    """
    if found is None or found.ratings is None:
        return None
    few = min(found.ratings.a, found.ratings.b)
    return f"{step_text(found.ratings.value)} (n {few})"
