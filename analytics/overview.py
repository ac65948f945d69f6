"""The answer to a bare `/credits`: this month at a glance, and three things to try."""

from __future__ import annotations

from analytics.captions import footnotes, nothing_known
from analytics.lines import framed, total_delta
from analytics.measures import gather, gather_spend, total
from analytics.numbers import credits_text
from analytics.query import Query
from analytics.report import Actions, Button, Fact, Facts, Report
from analytics.text import clean
from analytics.timerange import MONTHS

SUGGESTIONS = (
    ("By model", "by-model last 30d"),
    ("By person", "by-user last 7d"),
    ("Over time", "timeline last 3 months by week"),
)


def overview(query: Query, *, with_people: bool) -> Report:
    """Credits of the running month, their change, top model and, where allowed, top person."""
    title = f"{MONTHS[query.range.first.month - 1].title()} {query.range.first.year} so far"
    models = gather(query, ("model",))
    suggestions = Actions(tuple(Button(label, line) for label, line in SUGGESTIONS))
    if not models:
        headline, hint = nothing_known(query)
        steps = () if query.reader.newest is None else (suggestions,)
        return framed(query, title, headline, (hint, *steps))
    whole = total(models)
    facts = [
        Fact("credits", "Credits", whole.credits, "credits"),
        Fact("prompts", "Prompts", whole.known_prompts, "count"),
        _top(query, "model", "Top model", {k: u.credits for (k,), u in models.items()}),
    ]
    if with_people:
        people = gather_spend(query, ("person",))
        facts.append(
            _top(query, "person", "Top person", {k: u.credits for (k,), u in people.items()})
        )
    return framed(
        query,
        title,
        f"{credits_text(whole.credits)} credits used this month",
        (*total_delta(query), Facts(tuple(facts)), suggestions, *footnotes(query, whole)),
    )


def _top(query: Query, dimension: str, title: str, credits: dict[int, int]) -> Fact:
    key = min(credits, key=lambda k: (-credits[k], k))
    names = query.reader.names("person" if dimension == "person" else "model")
    name = clean(names.get(key, "(unattributed)"))
    return Fact(f"top_{dimension}", title, name, note=f"{credits_text(credits[key])} credits")
