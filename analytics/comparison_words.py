"""What a comparison of models says, and no more than the numbers carry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analytics.candidates import Candidate, is_faster, rating_step, success_step
from analytics.numbers import counted, duration_text, rate_text, ratio_text
from analytics.outcomes import FEWEST_PROMPTS
from analytics.report import Note

NUMBERS = ("no", "one", "two", "three", "four", "five", "six")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The finding of a comparison, and the model it speaks of; None where nobody leads.

    `title` is the finding for a picture, where it must be shorter.
    """

    headline: str
    leader: Candidate | None
    title: str = ""


def verdict(candidates: Sequence[Candidate]) -> Verdict:
    """`Claude 3.7 Sonnet: fastest of the three (p50 1.6 s) and best rated (4.8), at 2.5 ...`."""
    if len(candidates) == 1:
        return Verdict(_alone(candidates[0]), None)
    enough = [one for one in candidates if not one.is_marked]
    if len(enough) < 2:
        known = ", ".join(f"{one.name} {one.outcome.usage.prompts}" for one in candidates)
        return Verdict(f"Not enough prompts to compare: {known} ({FEWEST_PROMPTS} needed)", None)
    fast, best = _fastest(enough), _best_rated(enough)
    number = NUMBERS[len(enough)]
    if fast is None and best is None:
        names = " and ".join(one.name for one in enough) if len(enough) == 2 else f"the {number}"
        return Verdict(f"No clear difference between {names} in speed or rating", None)
    leader = fast or best
    assert leader is not None  # noqa: S101  # one of them is known
    at = f", at {_price(leader)}" if leader.per_prompt is not None else ""
    quick = f"fastest of the {number} (p50 {duration_text(fast.p50 or 0)})" if fast else ""
    liked = f"best rated ({best.rating:.1f})" if best else ""
    if fast is not None and best is not None and fast.key != best.key:
        title = f"{fast.name} is fastest, {best.name} best rated"
        return Verdict(f"{fast.name}: {quick}{at}; {best.name}: {liked}", fast, title)
    both = " and ".join(filter(None, (quick, liked)))
    unclear = sum(one.rating is not None for one in enough) > 1 and best is None
    tail = "; ratings show no clear difference" if unclear else ""
    return Verdict(f"{leader.name}: {both}{at}{tail}", leader, f"{leader.name}: {both}{at}")


def _alone(one: Candidate) -> str:
    """`GPT-4o: p50 1.6 s, 96.1% success, 2.5 credits a prompt, rated 4.6`."""
    usage = one.outcome.usage
    parts = [
        f"p50 {duration_text(one.spread.p50)}" if one.spread else "",
        "" if one.outcome.success is None else f"{rate_text(one.outcome.success)} success",
        "" if one.per_prompt is None else _price(one),
        "" if one.rating is None else f"rated {one.rating:.1f}",
    ]
    said = ", ".join(filter(None, parts)) or "nothing known but its prompts"
    return f"{one.name}: {said} ({counted(usage.prompts, 'prompt')})"


def _price(one: Candidate) -> str:
    return f"{ratio_text(one.per_prompt or 0)} credits a prompt"


def _fastest(enough: Sequence[Candidate]) -> Candidate | None:
    """The one that is noticeably faster than all others; each must have been timed."""
    return _ahead(enough, is_faster)


def _best_rated(enough: Sequence[Candidate]) -> Candidate | None:
    """The one that is clearly better rated than all other rated ones, of at least two."""
    rated = [one for one in enough if one.rating is not None]
    return _ahead(rated, lambda one, other: (rating_step(one, other) or 0) > 0)


def _ahead(
    candidates: Sequence[Candidate], beats: Callable[[Candidate, Candidate], bool]
) -> Candidate | None:
    if len(candidates) < 2:
        return None
    return next(
        (
            one
            for one in candidates
            if all(beats(one, other) for other in candidates if other.key != one.key)
        ),
        None,
    )


def delta(candidates: Sequence[Candidate], leader: Candidate | None) -> tuple[Note, ...]:
    """`GPT-4 Turbo costs 60% less a prompt; its rating is 0.3 lower.`: the cheapest beside.

    Or that the leader is the cheapest itself, alone or not.
    """
    if leader is None or not leader.per_prompt:
        return ()
    cheaper = [
        (one.per_prompt, one.key, one)
        for one in candidates
        if not one.is_marked and one.per_prompt is not None and one.per_prompt < leader.per_prompt
    ]
    if not cheaper:
        return (Note(_cheapest(candidates, leader), "delta"),)
    price, _, cheapest = min(cheaper)
    less = f"{cheapest.name} costs {1 - price / leader.per_prompt:.0%} less a prompt"
    return (Note("; ".join([less, *_steps(cheapest, leader)]) + ".", "delta"),)


def _cheapest(candidates: Sequence[Candidate], leader: Candidate) -> str:
    """Of a leader that no other undercuts."""
    price = leader.per_prompt or 0
    others = [one.per_prompt for one in candidates if one is not leader]
    if all(other is not None and other > price for other in others):
        return f"{leader.name} also costs least a prompt."
    return f"None that is known well enough costs less a prompt than {leader.name}."


def _steps(one: Candidate, other: Candidate) -> list[str]:
    """`its rating is 0.3 lower`, `no clear difference in success`: of what both have enough."""
    found = {"rating": rating_step(one, other), "success": success_step(one, other)}
    known = {measure: step for measure, step in found.items() if step is not None}
    unclear = [measure for measure, step in known.items() if not step]
    clear = [_step(measure, step) for measure, step in known.items() if step]
    return [*clear, *([f"no clear difference in {' or '.join(unclear)}"] if unclear else [])]


def _step(measure: str, step: float) -> str:
    size = f"{abs(step):.1f}" if measure == "rating" else f"{100 * abs(step):.1f} points"
    return f"its {measure} is {size} {'higher' if step > 0 else 'lower'}"
