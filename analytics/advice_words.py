"""What may be said about advice: the evidence with every claim, "up to" with every saving."""

from __future__ import annotations

from dataclasses import dataclass

from analytics.advice import Proposal, TrialResult
from analytics.evidence import Comparison, Shortfall
from analytics.numbers import count_text, counted, counted_credits

UNPROVEN = "Logs cannot prove equal quality."


@dataclass(frozen=True, slots=True)
class Names:
    """What the three parts of a pair are called."""

    task: str
    costly: str
    cheap: str


def proposal_text(proposal: Proposal, names: Names) -> str:
    """Level, evidence and saving of a proposal, in sentences."""
    what = f"{names.cheap} for {names.task}"
    if proposal.comparison is not None:
        found = _evidence(proposal.comparison, proposal.margin_pct)
        return f"Worth a trial: {what}. {found} {_saving(proposal)} {UNPROVEN}"
    if proposal.trial is None:
        raise ValueError("a proposal stands on logs or on a trial")
    found, level = _result(proposal.trial), proposal.level.capitalize()
    if proposal.level == "running":
        return f"Trial running: {what}. {found} {_saving(proposal)}"
    saving = "" if proposal.level == "stopped" else f" {_saving(proposal)}"
    return f"{level}: {what}. {found}{saving}"


def evidence_text(proposal: Proposal) -> str:
    """What a proposal rests on, without its models, its level and its amount."""
    if proposal.comparison is not None:
        found = _evidence(proposal.comparison, proposal.margin_pct)
        return f"{found} The saving is at the last 30 days' volume. {UNPROVEN}"
    if proposal.trial is None:
        raise ValueError("a proposal stands on logs or on a trial")
    return _result(proposal.trial)


def saving_text(micro: int) -> str:
    """`up to 850 credits a month`."""
    return f"up to {counted_credits(micro)} a month"


def missing_text(shortfall: Shortfall, names: Names) -> str:
    """`Needs 100 prompts of Haiku on Code review; 43 so far.`."""
    both = f"both {names.costly} and {names.cheap} on {names.task}"
    if shortfall.missing == "people":
        return f"Needs {shortfall.need} people who used {both}; {shortfall.have} so far."
    if shortfall.missing == "overlap":
        return (
            f"Needs the same people to use {both} more evenly; "
            f"comparable prompts {shortfall.have} of {shortfall.need} so far."
        )
    model = names.costly if shortfall.missing == "from" else names.cheap
    known = " with a known outcome" if shortfall.prompts > shortfall.have else ""
    return (
        f"Needs {counted(shortfall.need, 'prompt')} of {model} on {names.task}{known}; "
        f"{count_text(shortfall.have)} so far."
    )


def _evidence(found: Comparison, margin_pct: int) -> str:
    a, b = found.difference.a, found.difference.b
    return (
        f"On {count_text(b.n)} and {counted(a.n, 'prompt')} of {_people(found.people)} who use "
        f"both, success {b.rate:.1%} against {a.rate:.1%} (margin {counted(margin_pct, 'point')})."
    )


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{count_text(number)} people"


def _result(trial: TrialResult) -> str:
    arms = f"{count_text(trial.test.n)} + {counted(trial.control.n, 'prompt')}"
    margin = counted(trial.margin_pct, "point")
    if trial.status == "confirmed":
        return f"Success stayed within {margin} in a trial of {arms}."
    if trial.status == "stopped":
        return f"Success was more than {margin} lower in a trial of {arms}."
    return f"{arms} so far (margin {margin})."


def _saving(proposal: Proposal) -> str:
    words = saving_text(proposal.saving)
    return f"{words[:1].upper()}{words[1:]} at the last 30 days' volume."
