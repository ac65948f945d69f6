"""Questions about how long people wait, and for which model it is worth it."""

from __future__ import annotations

from analytics import comparison, live, performance
from analytics.errors import UserError
from analytics.query import Filters, Query
from analytics.report import Actions, Button, Note, Report
from analytics.text import clean, typed
from analytics.timerange import TimeRange, parse_range
from analytics.timings import Split
from bot.context import Context
from bot.params import Limit, ModelName, ModelNames, RatedTask, Stars
from bot.registry import command
from storage.ratings import rate

MOST_MODELS = 60
MOST_PEOPLE = 20  # their response times are read prompt by prompt


@command(
    "performance",
    example="performance last 30d",
    aliases=("latency", "response-times", "speed"),
    defaults={"range": "last 30d", "by": "model"},
    native="performance summary",
)
def response_times(
    ctx: Context, range: TimeRange, by: Split, filters: Filters, limit: Limit | None
) -> Report:
    """Response times and success by model, person, hour or day.

    Average, p50 and p95, time to the first token, output tokens a second, success; peak hours,
    off-peak and weekend; the fastest hours. `by day` shows them over time.
    """
    shown = limit or (MOST_PEOPLE if by == "person" else MOST_MODELS)
    return performance.performance(Query(ctx.reader, ctx.now, range, filters), by, shown)


@command("live", example="live", aliases=("right-now",), native="performance live")
def last_minutes(ctx: Context, models: ModelNames) -> Report:
    """The last 15 minutes by model; renews itself in chat.

    Prompts, average, p95 and success. The message renews itself for ten minutes, as often as the
    platform allows.
    """
    today = parse_range("today", ctx.reader.clock.local_date(ctx.now))
    return live.live(Query(ctx.reader, ctx.now, today, Filters(model=models)))


@command(
    "compare",
    example="compare last 30d",
    aliases=("versus",),
    defaults={"range": "last 30d"},
)
def compared(ctx: Context, models: ModelNames, range: TimeRange, filters: Filters) -> Report:
    """Up to six models side by side; the five most used alone.

    Response time, success, credits a prompt and ratings: `compare gpt-4o, claude-3-haiku last 7d
    task=coding`. The picture joins the models that no other beats in both price and quality.
    """
    query = Query(ctx.reader, ctx.now, range, filters)
    return comparison.compare(query, models, may_rate=ctx.asker.person_id is not None)


@command("rate", example="rate gpt-4o 4", changes=True, aliases=("stars",))
def rated(ctx: Context, model: ModelName, stars: Stars, task: RatedTask) -> Report:
    """Give a model 1 to 5 stars, for a task or in general.

    They count beside the ratings that sources bring. The last one of a day counts.
    """
    person, reader = ctx.asker.person_id, ctx.reader
    if person is None:
        raise UserError(
            "Ratings are given by people whose usage is known, and I don't know which of them "
            "you are.",
            hint=_who(ctx),
        )
    name = reader.catalog.models[model].name
    purpose = f" for {clean(reader.names('task')[task])}" if task else ""
    rate(
        reader.connection,
        reader.workspace.id,
        person_id=person,
        model_id=model,
        task_id=task,
        day=reader.clock.day(ctx.now),
        stars=stars,
        now=ctx.now,
    )
    ctx.record("rate", f"model {clean(name)}{purpose}", after=f"{stars} of 5")
    return Report(
        title="Rating",
        headline=f"{clean(name)}: {stars} of 5{purpose}, thank you",
        blocks=(
            Note("Another rating today takes the place of this one."),
            Actions((Button("Compare models", f"compare {typed(name)}"),)),
        ),
    )


def _who(ctx: Context) -> str:
    """How an asker becomes a person."""
    identity = ctx.asker.identity
    if identity.platform == "terminal":
        return 'Say it behind the line: `creditbot ask "rate gpt-4o 4" --as NAME`.'
    return f"An admin can tell me: `creditbot people link NAME {identity.actor}`."
