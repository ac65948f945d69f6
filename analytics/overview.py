"""The answer to a bare `/credits`: this month at a glance, and three things to try."""

from __future__ import annotations

from analytics.captions import footnotes, nothing_known
from analytics.lines import framed, read_changes, spent_text
from analytics.measures import gather, gather_credits, span_of, total
from analytics.numbers import counted_credits
from analytics.query import Query
from analytics.report import (
    Actions,
    Button,
    Fact,
    Facts,
    Report,
)
from analytics.text import clean
from analytics.timerange import MONTHS
from analytics.top_model import top_model

# Label, line, and whether it shows nobody's rows.
SUGGESTIONS = (
    ("By model", "by-model last 30d", True),
    ("By person", "by-user last 7d", False),
    ("Over time", "timeline last 3 months by week", True),
    ("By hour", "timeline today by hour", True),
)


def overview(query: Query, *, with_people: bool) -> Report:
    """Credits of the running month, their change, top model and, where allowed, top person."""
    title = f"{MONTHS[query.range.first.month - 1].title()} {query.range.first.year} so far"
    models = gather(query, ("model",))
    suggestions = Actions(
        tuple(Button(label, line) for label, line, is_open in SUGGESTIONS if is_open or with_people)
    )
    if not models:
        headline, hint = nothing_known(query)
        steps = () if query.reader.newest is None else (suggestions,)
        return framed(query, title, headline, (hint, *steps))
    whole = total(models)
    facts = [
        Fact("credits", "Credits", whole.known_credits, "credits"),
        Fact("prompts", "Prompts", whole.known_prompts, "count"),
        Fact("top_model", "Top model", top_model(query, models)),
    ]
    if with_people:
        facts += _top_person(query)
    return framed(
        query,
        title,
        spent_text(whole) + ("" if whole.known_credits is None else " used this month"),
        (
            *read_changes(query, "model").note(),
            Facts(tuple(facts)),
            suggestions,
            *footnotes(query, whole),
        ),
    )


def _top_person(query: Query) -> list[Fact]:
    """Whoever used most credits; nobody where no name or no price is known."""
    people = gather_credits(query, "person", span_of(query))
    credits = {key: spent for key, spent in people.items() if key and spent}
    if not credits:
        return []
    key = min(credits, key=lambda k: (-credits[k], k))
    name = clean(query.reader.names("person")[key])
    spent = credits[key]
    note = counted_credits(spent)
    return [Fact("top_person", "Top person", name, note=note, spent=spent)]
