"""`python -m benchmarks.statistics_protocol`: projection, alerts and advice for a scorer outside.

One JSON request a line on stdin, one JSON answer a line on stdout, in order; what is unknown in a
request is ignored. The answers are those of the product's own functions.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from analytics.anomaly import verdicts
from analytics.projection import Projection, State, project, state_of
from storage.events import MICRO

Request = Mapping[str, Any]  # JSON, as the scorer sends it
Answer = dict[str, object]


def answer(request: Request) -> Answer:
    """The answer to one request; `error` names a kind that is not known."""
    kind = request.get("kind")
    if kind not in KINDS:
        return {"error": f"'{kind}' is not of {', '.join(KINDS)}"}
    return KINDS[kind](request)


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


def _prompts(daily: Sequence[float]) -> list[int]:
    """The scorer's totals are counts, so they stand for the prompts, too."""
    return [round(value) for value in daily]


def _micro(daily: Sequence[float]) -> list[int]:
    return [round(value * MICRO) for value in daily]


KINDS: dict[str, Callable[[Request], Answer]] = {
    "projection": _projection,
    "anomaly": _anomaly,
}


def main() -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
