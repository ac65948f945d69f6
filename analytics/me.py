"""What the asker used: credits, models, a rank without names, the own limit."""

from __future__ import annotations

from dataclasses import replace

from analytics.burn_up import BurnUp
from analytics.by_model import by_model
from analytics.captions import heading
from analytics.drill import address
from analytics.lines import empty_report, spent_text
from analytics.measures import Usage, gather, gather_credits, span_of, total
from analytics.month_budget import month_burn
from analytics.numbers import count_text, ratio_text
from analytics.query import Filters, Query
from analytics.report import Actions, Block, Button, Fact, Facts, Note, Report, Tree
from analytics.scopes import Scope

TITLE = "Your Usage"
FEWEST_PEOPLE = 3  # a rank among fewer would tell what the others used
FEWEST_PROMPTS = 50  # below, credits a prompt are not set beside anybody's
MODELS = 10


def me(query: Query, person: int) -> Report:
    """Usage of one person, for that person."""
    own = replace(query, filters=Filters(person=(person,)))
    title, burn = heading(TITLE, query), _limit(own, person)
    usage = total(gather(own, ("model",)))
    if not usage.events:
        report = empty_report(title, own)
        return replace(report, narrowed="", blocks=(*report.blocks, *_limit_note(burn)))
    models = by_model(own, MODELS, "credits", with_people=False)
    rank = _rank(query, person)
    words = (
        f"You used {spent_text(usage)}" if usage.known_credits is not None else spent_text(usage)
    )
    notes = [block for block in models.blocks if isinstance(block, Note)]
    rest = [block for block in models.blocks if not isinstance(block, Note | Tree)]
    facts = Facts(tuple(_facts(query, usage, rank, burn)))
    blocks: tuple[Block, ...] = (
        *(note for note in notes if note.role == "delta"),
        facts,
        *rest,
        *_limit_note(burn),
        *(note for note in notes if note.role != "delta"),
        *_days(own),
    )
    return replace(
        models,
        title=title,
        headline=f"{words}, rank {rank}" if rank else words,
        narrowed="only you",
        blocks=blocks,
    )


def _days(own: Query) -> tuple[Actions, ...]:
    line = address(own, "timeline", own.range.words, "day")
    return (Actions((Button("Your days", line),)),) if line else ()


def _rank(query: Query, person: int) -> str:
    """`3 of 52`, by credits; equal people share a rank.  Empty where it would say too much."""
    credits = gather_credits(query, "person", span_of(query))
    people = {key: spent for key, spent in credits.items() if key}
    own = people.get(person)
    if not own or len(people) < FEWEST_PEOPLE:
        return ""
    above = sum(spent > own for spent in people.values())
    return f"{count_text(above + 1)} of {count_text(len(people))}"


def _facts(query: Query, usage: Usage, rank: str, burn: BurnUp | None) -> list[Fact]:
    facts = [
        Fact("credits", "Credits", usage.known_credits, "credits"),
        Fact("prompts", "Prompts", usage.known_prompts, "count"),
        Fact(
            "credits_per_prompt", "Per prompt", usage.per_prompt, "credits", _beside(query, usage)
        ),
    ]
    if rank:
        facts.append(Fact("rank", "Rank", rank, note="by credits"))
    if burn is not None:
        used = "" if burn.percent is None else f"{burn.percent}% used this month"
        facts.append(Fact("budget", "Your limit", burn.limit, "credits", used))
    return facts


def _beside(query: Query, usage: Usage) -> str:
    """What the workspace uses a prompt, where there are enough prompts to say so."""
    if usage.per_prompt is None:
        return ""
    if usage.prompts < FEWEST_PROMPTS:
        return f"too few to compare: {usage.prompts} of {FEWEST_PROMPTS} prompts"
    everyone = total(gather(query, ("model",))).per_prompt
    return "" if everyone is None else f"everyone: {ratio_text(everyone)}"


def _limit(own: Query, person: int) -> BurnUp | None:
    """The running month against the person's own monthly budget; None without one."""
    today = own.reader.clock.local_date(own.now)
    burn = month_burn(own, Scope("person", person), today)
    return None if burn.limit is None else burn


def _limit_note(burn: BurnUp | None) -> tuple[Note, ...]:
    return () if burn is None else (Note(f"Your limit this month: {burn.words}"),)


def nobody(identity: str, *, is_terminal: bool) -> Report:
    """The answer for somebody whose usage is not known."""
    hint = (
        'Say who you are: `creditbot ask "me" --as NAME`.'
        if is_terminal
        else f"Ask an admin to link you: `creditbot people link NAME {identity}`."
    )
    return Report(
        title=TITLE,
        headline="You are not linked to any usage, so I cannot tell what you used.",
        blocks=(
            Note(hint, "hint"),
            Actions((Button("By model", "by-model this month"), Button("Overview", "overview"))),
        ),
    )
