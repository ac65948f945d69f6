"""What advice rests on, read once for a question: evidence, volumes, trials and opinions.

Comparing every pair of models takes half a second on a large workspace and changes once a night,
so what was found is remembered beside the catalogue it was computed with.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from analytics.advice import (
    MARGIN_PCT,
    Basis,
    Proposal,
    TrialResult,
    Volume,
    proposals,
    saving_of,
)
from analytics.advice_words import Names as Spoken
from analytics.evidence import Comparison, Pair, Record, comparisons, records_of
from analytics.nightly import Nightly
from analytics.text import clean
from analytics.timerange import MONTH_NAMES
from analytics.trial import MARGINS
from storage.advice import Opinion, list_opinions
from storage.catalog import Catalog, ModelEntry
from storage.evidence import Evidence, evidence_version, read_evidence
from storage.preferences import preference
from storage.reading import Days, Reader
from storage.timekeys import date_of, to_micros
from storage.workspaces import TIERS

VOLUME_DAYS = 30
SHORTEST = 1  # of the thirds of prompt size
MARGIN = "quality_margin"  # the preference of a workspace, in points
Multipliers = Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Names:
    """Clean names of tasks and models by id."""

    tasks: Mapping[int, str]
    models: Mapping[int, str]

    def of(self, pair: Pair) -> Spoken:
        """Task, costly model, cheaper model."""
        task, a, b = pair
        return Spoken(self.tasks[task], self.models[a], self.models[b])


@dataclass(frozen=True, slots=True)
class Compared:
    """Records by task and model, and every comparison that they allow."""

    records: Mapping[tuple[int, int], Record]
    pairs: Sequence[Comparison]


@dataclass(frozen=True, slots=True)
class _Night:
    """What one night's evidence says of all prompts, and of the shortest third of each task."""

    whole: Compared
    short: Compared


@dataclass(frozen=True, slots=True)
class Advice:
    """A proposal; a short one is about the shortest third of the task's prompts only."""

    proposal: Proposal
    is_short: bool = False


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything a question about advice needs; `spent` are all micro-credits of 30 days."""

    whole: Basis
    short: Basis
    compared: Sequence[Comparison]
    compared_short: Sequence[Comparison]
    trials: Sequence[TrialResult]
    opinions: Sequence[Opinion]
    spent: int
    margin_pct: int
    names: Names
    catalog: Mapping[int, ModelEntry]
    footer: str
    premium_from: int = TIERS[1]

    def declined(self, now: datetime) -> set[Pair]:
        """Pairs that nobody wants to hear of now: refused for a while, or followed already."""
        return {pair_of(one) for one in self.opinions if one.until is None or one.until > now}

    def advice(self, now: datetime, task: int | None = None) -> list[Advice]:
        """All advice, the largest saving first and stopped trials last; of one task if given.

        A costly model and task are in one piece of advice only, so no prompt counts twice.
        """
        declined = self.declined(now)
        found = proposals(
            self.compared,
            self.whole,
            margin_pct=self.margin_pct,
            trials=self.trials,
            declined=declined,
        )
        taken = {one.pair[:2] for one in found}
        short = proposals(
            [one for one in self.compared_short if one.pair[:2] not in taken],
            self.short,
            margin_pct=self.margin_pct,
            declined=declined,
        )
        every = [*map(Advice, found), *(Advice(one, is_short=True) for one in short)]
        every.sort(key=lambda one: (one.proposal.level == "stopped", -one.proposal.saving))
        return [one for one in every if task is None or one.proposal.pair[0] == task]

    def only(self, tasks: Collection[int]) -> Findings:
        """What was found of some tasks; all that was spent stays."""

        def basis(whole: Basis) -> Basis:
            return replace(
                whole,
                records={key: one for key, one in whole.records.items() if key[0] in tasks},
                volumes={key: one for key, one in whole.volumes.items() if key[0] in tasks},
            )

        return replace(
            self,
            whole=basis(self.whole),
            short=basis(self.short),
            compared=[one for one in self.compared if one.pair[0] in tasks],
            compared_short=[one for one in self.compared_short if one.pair[0] in tasks],
            trials=[one for one in self.trials if one.pair[0] in tasks],
            opinions=[one for one in self.opinions if one.task_id in tasks],
        )

    def saving(self, pair: Pair, now: datetime) -> int:
        """The most that a pair may save in a month, as it is proposed or would be (micro)."""
        every = (one.proposal for one in self.advice(now))
        proposed = next((one.saving for one in every if one.pair == pair), None)
        return saving_of(self.whole, pair) if proposed is None else proposed


def pair_of(opinion: Opinion) -> Pair:
    """The pair that an opinion is about."""
    return opinion.task_id, opinion.from_model, opinion.to_model


def find(
    reader: Reader, now: datetime, *, trials: Sequence[TrialResult], margin_pct: int | None = None
) -> Findings | None:
    """What can be found for advice; None before the first night has gathered evidence."""
    place = reader.connection, reader.workspace.id
    version = evidence_version(*place)
    if version is None:
        return None
    multipliers = current_multipliers(reader.catalog, now)
    night = _night(reader, version, multipliers)
    volumes, spent = _volumes(reader, now)
    short = short_volumes(volumes, night.whole, night.short)
    return Findings(
        whole=Basis(night.whole.records, volumes, multipliers),
        short=Basis(night.short.records, short, multipliers),
        compared=night.whole.pairs,
        compared_short=night.short.pairs,
        trials=trials,
        opinions=list_opinions(*place),
        spent=spent,
        margin_pct=margin_pct or margin_of(reader),
        names=names_of(reader),
        catalog=reader.catalog.models,
        premium_from=reader.workspace.tiers[1],
        footer=f"60 complete days to {_last_day(reader, now)} · {reader.clock.zone}",
    )


def _last_day(reader: Reader, now: datetime) -> str:
    day = date_of(reader.clock.day(now) - 1)
    return f"{day.day} {MONTH_NAMES[day.month - 1]} {day.year}"


def margin_of(reader: Reader) -> int:
    """The loss of success, in points, that this workspace takes for none."""
    chosen = preference(reader.connection, reader.workspace.id, MARGIN)
    return int(chosen) if chosen and chosen.isdigit() and int(chosen) in MARGINS else MARGIN_PCT


def names_of(reader: Reader) -> Names:
    """Clean names of every task and model."""
    return Names(
        {key: clean(name) for key, name in reader.names("task").items()},
        {key: clean(name) for key, name in reader.names("model").items()},
    )


def current_multipliers(catalog: Catalog, now: datetime) -> dict[int, int]:
    """The multiplier of each model that has one now and is not charged by its cost."""
    moment = to_micros(now)
    prices = {key: catalog.price_at(key, moment) for key in catalog.models}
    return {
        key: price.multiplier
        for key, price in prices.items()
        if price is not None and price.per_currency is None
    }


_NIGHTS: Nightly[_Night] = Nightly()


def _night(reader: Reader, version: str, multipliers: Multipliers) -> _Night:
    def computed() -> _Night:
        rows = read_evidence(reader.connection, reader.workspace.id)
        return _Night(compare(rows, multipliers), compare_short(rows, multipliers))

    return _NIGHTS.of(reader, (version, tuple(multipliers.items())), computed)


def compare(rows: Sequence[Evidence], multipliers: Multipliers) -> Compared:
    """Every pair of models on all prompts of a task."""
    records = records_of(rows)
    return Compared(records, comparisons(records, multipliers))


def compare_short(
    rows: Sequence[Evidence], multipliers: Multipliers, tiers: tuple[int, int] = TIERS
) -> Compared:
    """Premium models beside economy ones on the shortest third of prompts whose size is known."""
    standard_from, premium_from = tiers
    records = records_of([row for row in rows if row.third == SHORTEST])
    ends = {
        key: multiplier
        for key, multiplier in multipliers.items()
        if multiplier >= premium_from or multiplier < standard_from
    }
    pairs = comparisons(records, ends)
    return Compared(
        records,
        [
            one
            for one in pairs
            if ends[one.pair[1]] >= premium_from and ends[one.pair[2]] < standard_from
        ],
    )


def _volumes(reader: Reader, now: datetime) -> tuple[dict[tuple[int, int], Volume], int]:
    """Volumes of the 30 complete days before today, and all that was spent in them."""
    today = reader.clock.day(now)
    measures = ("prompts", "credits", "uncounted")
    rows = reader.sums(("task", "model"), measures, Days(today - VOLUME_DAYS, today))
    volumes = {
        (task, model): Volume(prompts, credits)
        for task, model, prompts, credits, uncounted in rows
        # The credits of rows without a number of prompts would all seem saved.
        if task and not uncounted
    }
    return volumes, sum(row[3] for row in rows)


def short_volumes(
    volumes: Mapping[tuple[int, int], Volume], whole: Compared, short: Compared
) -> dict[tuple[int, int], Volume]:
    """The part of each volume that the shortest third has in the evidence; savings round down."""
    found = {}
    for key, volume in volumes.items():
        part, every = short.records.get(key), whole.records.get(key)
        if part is not None and every is not None and every.prompts and every.credits:
            found[key] = Volume(
                -(-volume.prompts * part.prompts // every.prompts),
                volume.credits * part.credits // every.credits,
            )
    return found
