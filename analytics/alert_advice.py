"""What is told of new advice that passed its gates: once for each task and pair of models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from analytics.advice import Proposal
from analytics.advice_words import Names, evidence_text, saving_text
from analytics.alert_facts import Told, post
from analytics.evidence import Pair
from analytics.report import Button, Note, Report
from analytics.text import clean, typed

TITLE = "New advice"
PARTS = ("task", "from", "to")


def advice_facts(proposal: Proposal, names: Names) -> dict[str, Any]:
    """A proposal as it was found: the ids of its task and models, its saving, its words."""
    return {
        **dict(zip(PARTS, proposal.pair, strict=True)),
        "saving": proposal.saving,
        "level": proposal.level,
        "evidence": evidence_text(proposal),
        "names": [names.task, names.costly, names.cheap],
    }


def advice_report(told: Told) -> Report:
    """`New advice, worth a trial: Claude 3 Haiku instead of GPT-4o for Coding, up to 850 …`.

    What it rests on stands below: models, level and amount are said once.
    """
    saving, what = told.number_of("saving"), _what(told)
    level = told.text_of("level") or "worth a trial"
    upto = f", {saving_text(saving)}" if saving else ""
    evidence = told.facts.get("evidence", told.facts.get("words"))  # words: of an older version
    notes = (Note(evidence, "delta"),) if isinstance(evidence, str) else ()
    report = Report(TITLE, f"{TITLE}, {level}{what}{upto}", notes)
    return post(told, report, list(_choices(told)), now=_decision(told), may_wait=False)


def _what(told: Told) -> str:
    """`: Claude 3 Haiku instead of GPT-4o for Coding`; empty where no names were kept."""
    names = told.facts.get("names")
    if not isinstance(names, list) or len(names) != 3:
        return ""
    return f": {names[2]} instead of {names[1]} for {names[0]}"


def advice_title(told: Told) -> str:
    """What a list says of it, without its level and saving."""
    return f"{TITLE}{_what(told)}"


def advice_subject(pair: Pair) -> str:
    """What an alert about a pair is kept under."""
    return ":".join(map(str, ("advice", *pair)))


def pair_of(told: Told) -> Pair | None:
    """Task, costly and cheaper model; None where they are not all known."""
    task, a, b = (told.number_of(name) for name in PARTS)
    return None if task is None or a is None or b is None else (task, a, b)


def _choices(told: Told) -> Iterator[Button]:
    """What may be done about it, where its names can be typed so that they mean it again."""
    pair, reader = pair_of(told), told.query.reader
    if pair is None or not told.may_act:
        return
    tasks, models = reader.typed("task", pair[:1]), reader.typed("model", pair[1:])
    names = [tasks.get(pair[0]), *(models.get(key) for key in pair[1:])]
    if None in names:
        return
    words = " ".join(typed(name) for name in names if name)
    yield Button("Try it", f"trial plan {words}")
    yield Button("Why", f"recommend why {words}")
    yield Button("Not useful", f"recommend decline {words}", "do")


def advice_resolved(told: Told) -> str:
    """What is said when somebody decided, or when advice does not hold any more."""
    decision = _decision(told)
    return f"{decision}." if decision else "the evidence does not carry this advice any more."


def _decision(told: Told) -> str:
    """`declined by Anna`; empty where nobody decided."""
    words = told.part_of("resolved").get("words")
    return clean(words, 200) if isinstance(words, str) else ""
