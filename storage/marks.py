"""At which use of a limit people are warned: a share of it, or a number of credits.

A share of t per cent is reached when used * 100 >= t * limit; so many credits when they are used,
or when no more are left.  All in integers, and of nothing used nothing is reached.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Mark:
    """A threshold in micro-credits: so many are `used`, or no more are `left`."""

    kind: Literal["used", "left"]
    amount: int


Threshold = int | Mark  # whole per cent, or credits
BEHIND_SHARES = 10**6


def hundredths(threshold: Threshold, limit: int) -> int:
    """A hundred times the micro-credits of use that reach a threshold: no share is rounded."""
    if isinstance(threshold, int):
        return threshold * limit
    return 100 * (threshold.amount if threshold.kind == "used" else limit - threshold.amount)


def is_reached(threshold: Threshold, used: int, limit: int) -> bool:
    """Whether a threshold is reached, exactly; of a limit of nothing, whether anything is used."""
    return used > 0 and used * 100 >= hundredths(threshold, limit)


def least(threshold: Threshold, limit: int) -> int:
    """The fewest micro-credits of use that reach a threshold."""
    return max(1, -(-hundredths(threshold, limit) // 100))


def ordered(thresholds: Collection[Threshold], limit: int) -> list[Threshold]:
    """Each threshold once, in the order in which use reaches them; of a tie the shares first."""

    def place(one: Threshold) -> tuple[int, int, str]:
        share = one if isinstance(one, int) else BEHIND_SHARES
        return hundredths(one, limit), share, kept(one)

    return sorted(set(thresholds), key=place)


def kept(threshold: Threshold) -> str:
    """A threshold as keys hold it: `75`, `used:15000000000`."""
    if isinstance(threshold, int):
        return str(threshold)
    return f"{threshold.kind}:{threshold.amount}"


def as_json(threshold: Threshold) -> int | str:
    """A threshold as JSON holds it: a share is a number, as ever."""
    return threshold if isinstance(threshold, int) else kept(threshold)


def threshold_of(value: object) -> Threshold | None:
    """A threshold of JSON; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    kind, _, amount = value.partition(":") if isinstance(value, str) else ("", "", "")
    if amount.isdecimal() and kind in ("used", "left"):
        return Mark("used" if kind == "used" else "left", int(amount))
    return None


def thresholds_of(value: object) -> tuple[Threshold, ...]:
    """The thresholds of a JSON list; what is none is left out."""
    found = map(threshold_of, value) if isinstance(value, list | tuple) else ()
    return tuple(one for one in found if one is not None)


def passed_facts(thresholds: Collection[Threshold]) -> dict[str, object]:
    """What facts tell of thresholds that were passed: shares apart, as older versions read them."""
    marks = [kept(one) for one in thresholds if not isinstance(one, int)]
    shares = [one for one in thresholds if isinstance(one, int)]
    return {"percents": shares, **({"marks": marks} if marks else {})}


def passed_in(facts: Mapping[str, object]) -> tuple[Threshold, ...]:
    """The thresholds that facts name; none where they name none."""
    return (*thresholds_of(facts.get("percents")), *thresholds_of(facts.get("marks")))
