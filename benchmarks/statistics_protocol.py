"""`python -m benchmarks.statistics_protocol`: projection, alerts and advice for a scorer outside.

One JSON request a line on stdin, one JSON answer a line on stdout, in order; what is unknown in a
request is ignored. The answers are those of the product's own functions.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from analytics.advice import Basis, Proposal, TrialResult, Volume, proposals
from analytics.anomaly import verdicts
from analytics.evidence import Records, cheaper_pairs, comparisons, records_of
from analytics.projection import Projection, State, project, state_of
from analytics.trial import LEAST_ARM, Look, status_of
from storage.events import MICRO
from storage.evidence import Evidence

Request = Mapping[str, Any]  # JSON, as the scorer sends it
Answer = dict[str, object]
UNCATEGORISED = {None, "", "unknown", "uncategorised"}


def answer(request: Request) -> Answer:
    """The answer to one request; `error` says what is wrong with it."""
    kind = request.get("kind")
    if kind not in KINDS:
        return {"error": f"'{kind}' is not of {', '.join(KINDS)}"}
    try:
        return KINDS[kind](request)
    except KeyError as missing:
        return {"error": f"a request of kind '{kind}' lacks {missing}"}


def _projection(request: Request) -> Answer:
    daily: Sequence[float] = request["daily"][: request["today_index"] + 1]
    last = date.fromisoformat(request["first_day"]) + timedelta(days=request["today_index"])
    found = project(_micro(daily), _prompts(daily), day=last.day, month_days=request["month_days"])
    return {
        "projected": found.projected / MICRO,
        "low": found.low / MICRO,
        "high": found.high / MICRO,
        "state": _state(found, request.get("budget")),
    }


def _state(found: Projection, budget: float | None) -> str:
    if budget is None:
        return "no-budget"
    state: State = state_of(found, round(budget * MICRO))
    return state.words.replace(" ", "-")


def _anomaly(request: Request) -> Answer:
    daily: Sequence[float] = request["daily"]
    found = verdicts(_micro(daily), _prompts(daily))
    return {"alerts": [verdict.index for verdict in found if verdict.is_alert]}


def _advice(request: Request) -> Answer:
    cells: Sequence[Request] = request["cells"]
    ids = Ids.of(cells)
    multipliers = {
        ids.models.index(cell["model"]): round(cell["multiplier"] * MICRO) for cell in cells
    }
    every, logged, drawn = (
        records_of(
            ids.evidence(cell, multipliers)
            for cell in cells
            if bool(cell.get("randomised")) in wanted
        )
        for wanted in ((False, True), (False,), (True,))
    )
    volumes = {key: Volume(one.prompts, one.credits) for key, one in every.items()}
    margin_pct = round(100 * request["margin"])
    found = proposals(
        # The strata are opaque: how many people they are is not told.
        comparisons(logged, multipliers, least_people=1),
        Basis(logged, volumes, multipliers),
        margin_pct=margin_pct,
        trials=_trials(drawn, multipliers, margin_pct),
    )
    return {"proposals": [ids.proposal(one) for one in found]}


@dataclass(frozen=True, slots=True)
class Ids:
    """Numbers for the scorer's names: their places; task 0 is uncategorised."""

    tasks: Sequence[str]
    models: Sequence[str]
    strata: Sequence[str]

    @classmethod
    def of(cls, cells: Sequence[Request]) -> Ids:
        """Of the names in a request."""
        tasks = {cell["task"] for cell in cells} - UNCATEGORISED
        return cls(
            ["uncategorised", *sorted(tasks)],
            sorted({cell["model"] for cell in cells}),
            sorted({cell.get("stratum", "") for cell in cells}),
        )

    def evidence(self, cell: Request, multipliers: Mapping[int, int]) -> Evidence:
        """A cell as a row of evidence; a stratum stands for a person."""
        model = self.models.index(cell["model"])
        return Evidence(
            task_id=0 if cell["task"] in UNCATEGORISED else self.tasks.index(cell["task"]),
            model_id=model,
            person_id=self.strata.index(cell.get("stratum", "")) + 1,
            third=0,
            prompts=cell["prompts"],
            ok_n=cell["prompts"],
            ok=cell["ok"],
            credits=cell["prompts"] * multipliers[model],
            rating_sum=0,
            rating_n=0,
        )

    def proposal(self, proposal: Proposal) -> Answer:
        """A proposal in the scorer's names."""
        task, costly, cheap = proposal.pair
        return {
            "task": self.tasks[task],
            "from": self.models[costly],
            "to": self.models[cheap],
            "level": "trial" if proposal.level == "worth a trial" else proposal.level,
        }


def _trials(
    drawn: Records, multipliers: Mapping[int, int], margin_pct: int
) -> Iterator[TrialResult]:
    """Trials that have ended: the scorer sends all of their prompts at once."""
    for pair in cheaper_pairs(drawn, multipliers):
        task, costly, cheap = pair
        look = Look(drawn[task, costly].outcomes, drawn[task, cheap].outcomes)
        per_arm = min(look.control.n, look.test.n)
        if per_arm >= LEAST_ARM:
            status = status_of(per_arm, margin_pct, [look])
            if status != "running":
                yield TrialResult(pair, status, margin_pct, look.control, look.test)


def _prompts(daily: Sequence[float]) -> list[int]:
    """The scorer's totals are counts, so they stand for the prompts, too."""
    return [round(value) for value in daily]


def _micro(daily: Sequence[float]) -> list[int]:
    return [round(value * MICRO) for value in daily]


KINDS: dict[str, Callable[[Request], Answer]] = {
    "projection": _projection,
    "anomaly": _anomaly,
    "advice": _advice,
}


def main() -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        print(json.dumps(_answer_line(line)), flush=True)


def _answer_line(line: str) -> Answer:
    try:
        request = json.loads(line)
    except ValueError as error:
        return {"error": f"not a JSON line: {error}"}
    return answer(request)


if __name__ == "__main__":
    main()
