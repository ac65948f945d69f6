"""Sample figures, ordinary and extreme; rows of each add up to what its words say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from analytics.figures import (
    FamilyBars,
    Figure,
    Grain,
    ModelBar,
    ModelFigure,
    PersonBar,
    PersonFigure,
    TimeBar,
    TimelineFigure,
)
from analytics.numbers import change_of, count_text, shares
from tests.charts.kind_samples import more_samples

MICRO = 1_000_000
FOOTER = "1–30 Mar 2026 · Europe/Berlin · data to 30 Mar 14:05"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
STEP = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=31),
}

Model = tuple[str, float, float | None]
Person = tuple[str, float, float | None, int]


def micro(amount: float) -> int:
    return round(amount * MICRO)


def model_figure(
    families: Mapping[str, Sequence[Model]], title: str = "", subtitle: str = "Credits by model"
) -> ModelFigure:
    """Families of (model, credits, multiplier); a model without credits given is unpriced."""
    sums = [sum(micro(row[1]) for row in rows) for rows in families.values()]
    bars = tuple(
        FamilyBars(
            name,
            total,
            share,
            tuple(
                ModelBar(model, micro(used), None if times is None else micro(times))
                for model, used, times in rows
            ),
        )
        for (name, rows), total, share in zip(families.items(), sums, shares(sums), strict=True)
    )
    title = title or f"{count_text(sum(sums) // MICRO)} credits by model"
    return ModelFigure(title, subtitle, FOOTER, f"Bar chart. {title}.", bars)


def person_bar(row: Person) -> PersonBar:
    name, used, before, prompts = row
    previous = None if before is None else micro(before)
    per_prompt = micro(used) // prompts if prompts else None
    return PersonBar(name, micro(used), previous, change_of(micro(used), previous), per_prompt)


def person_figure(
    people: Sequence[Person], others: Person | None = None, title: str = ""
) -> PersonFigure:
    """People of (name, credits, credits before, prompts)."""
    total = sum(row[1] for row in (*people, *([others] if others else [])))
    title = title or f"{len(people)} people use {total:,.0f} credits"
    return PersonFigure(
        title,
        "Credits by person. Tick = previous 30 days",
        FOOTER,
        f"Bar chart. {title}.",
        tuple(person_bar(row) for row in people),
        person_bar(others) if others else None,
    )


def moment_label(start: datetime, grain: Grain) -> str:
    day = f"{start.day} {MONTHS[start.month - 1]}"
    if grain == "month":
        return f"{MONTHS[start.month - 1]} {start.year}"
    return f"{WEEKDAYS[start.weekday()]} {day}" + (f" {start:%H:%M}" if grain == "hour" else "")


def timeline_figure(
    values: Sequence[float | None],
    grain: Grain = "day",
    *,
    partial: bool = True,
    window: int = 7,
    title: str = "Usage peaks mid-week",
) -> TimelineFigure:
    """Buckets from 1 March 2026 on; the last is partial, the average has `window` buckets."""
    start = datetime(2026, 3, 1, tzinfo=UTC)
    last = len(values) - 1 if partial else -1
    bars: list[TimeBar] = []
    for place, value in enumerate(values):
        run = values[max(place + 1 - window, 0) : place + 1]
        known = [micro(v) for v in run if v is not None]
        whole = len(known) == window and place != last
        bars.append(
            TimeBar(
                start,
                moment_label(start, grain),
                None if value is None else micro(value),
                sum(known) // window if whole else None,
                place == last,
            )
        )
        following = start + STEP[grain]
        start = following.replace(day=1) if grain == "month" else following
    complete = [i for i, bar in enumerate(bars) if not bar.partial and bar.credits]
    peak = max(complete, key=lambda i: bars[i].credits or 0, default=None)
    total = sum(bar.credits or 0 for bar in bars) // MICRO
    return TimelineFigure(
        title,
        f"{total:,} credits by {grain}. ▲ 8% vs previous 30",
        FOOTER,
        f"Bar chart. {total:,} credits.",
        grain,
        tuple(bars),
        peak,
        f"{window}-{grain} average",
    )


MODELS: dict[str, Sequence[Model]] = {
    "ChatGPT": [("GPT-4o", 4900, 2), ("GPT-4 Turbo", 1200, 1), ("GPT-3.5 Turbo", 240, 0.3)],
    "Claude": [
        ("Claude 3.7 Sonnet", 2750, 2.5),
        ("Claude 3.5 Sonnet", 600, 1),
        ("Claude 3 Haiku", 150, 0.5),
    ],
    "Other": [("Llama 3.3 70B", 400, 1), ("DeepSeek V3", 150, 1)],
}
PEOPLE: list[Person] = [
    ("Sarah Oyelaran", 2110, 1790, 1010),
    ("王小明 (Xiaoming)", 1760, 1980, 800),
    ("محمد عبد الله", 1160, 1120, 680),
    ("אברהם כהן", 980, 980, 650),
    ("Aleksandra Wiśniewska-Brzęczyszczykiewicz", 790, 890, 715),
    ("김민준 🚀", 580, 320, 580),
    ("प्रिया शर्मा", 520, 500, 430),
    ("สมชาย ใจดี", 500, 0, 555),
    ("$$cash$$_money", 330, 400, 410),
]
WEEK = (300, 415, 430, 420, 330, 80, 70)
# 1 March 2026 is a Sunday.
DAYS: list[float | None] = [
    round(WEEK[(day + 6) % 7] * (1 + 0.31 * (day * 7 % 5) / 5 + 0.006 * day)) for day in range(30)
]
LONG = "Model with a very long name v{} preview 2026-03"
NASTY_NAMES = (
    "\u202egro.moc@evil",
    "tab\tand\nnewline\x07",
    "Z" + "\u0334\u0321" * 30 + "algo",
    "$x^2$ <b>&amp;</b>",
    "",
    "W" * 200,
    "_x",
    "👩\u200d🚀 \ud83d 🇩🇪 ❤\ufe0f",
    "தமிழ் ქართული",
)
MANY_FAMILIES = (
    "ChatGPT", "Claude", "Gemini", "Llama", "DeepSeek", "Mistral",
    "Grok", "Qwen", "Command", "Nova", "Phi", "Other",
)  # fmt: skip


def many_models(count: int) -> dict[str, Sequence[Model]]:
    """So many models spread over twelve families, each smaller than the one before."""
    size = len(MANY_FAMILIES)
    families: dict[str, Sequence[Model]] = {}
    for place, family in enumerate(MANY_FAMILIES):
        rows = range(place, count, size)
        if rows:
            families[family] = [
                (f"{family.lower()}-{row}-2026-0{1 + row % 9}", round(40000 / (row + 1) ** 1.3), 1)
                for row in rows
            ]
    return families


def samples() -> dict[str, Figure]:
    """Every sample by name."""
    nasty = [
        (name, 1_234_567 / (i + 1), 10.0 if i == 1 else None, 0 if i == 5 else 1000)
        for i, name in enumerate(NASTY_NAMES)
    ]
    unpriced = model_figure({"Claude": [("claude-opus-5", 120, 5)], "Grok": [("grok-9", 3, None)]})
    grok = FamilyBars("Grok", 0, 0, (ModelBar("grok-9", 0, None, priced=False),))
    return more_samples() | {
        "models": model_figure(MODELS, "GPT-4o takes 47% of 10,390 credits"),
        "one_model": model_figure({"Claude": [("claude-opus-5", 1, 5)]}, "One model, one credit"),
        "sixty_models": model_figure(many_models(60), "60 models in 12 families"),
        "sixty_of_a_family": model_figure({"ChatGPT": many_models(720)["ChatGPT"]}),
        "alike_models": model_figure(
            {
                "ChatGPT": [(LONG.format(i), 1_800_000 / i, 2) for i in range(1, 5)],
                "Unheard of": [("new-model", 120_345, 1)],
            },
            "Five models use 3.9M credits, and this headline is far too long for a single line",
        ),
        "unpriced": ModelFigure(
            "A model without a price", "", FOOTER, "Bar chart.", (unpriced.families[0], grok)
        ),
        "tiny_and_huge": model_figure(
            {
                "Gemini": [("huge", 1e9, 12.5), ("tiny", 0.000001, 0.0125), ("none", 0, 0)],
                "Mistral": [("small", 0.03, 1)],
            }
        ),
        "no_models": model_figure({}, "No credits were used", ""),
        "people": person_figure(
            PEOPLE, ("43 others", 1660, 1640, 1170), "Top 9 of 52 people use 84% of credits"
        ),
        "one_person": person_figure([("Sarah", 1, None, 1)], title="Sarah used the only credit"),
        "nasty_people": person_figure(nasty, title="Nine people with unusual names"),
        "many_people": person_figure(
            [(f"person.{i}@example.com", 9000 // (i + 1), 5000 // (i + 1), 40) for i in range(500)]
        ),
        "extreme_people": person_figure(
            [
                ("Billionaire", 1e9, 1, 1),
                ("Before", 0, 12, 3),
                ("Nothing", 0, 0, 0),
                ("Tiny", 0.000001, None, 3),
            ]
        ),
        "no_people": person_figure([], title="Nobody used credits in March"),
        "days": timeline_figure(DAYS),
        "one_day": timeline_figure([12.5], partial=False, title="One day"),
        "late_days": timeline_figure(
            [None] * 20 + [v if i != 4 else 0 for i, v in enumerate(DAYS[20:])],
            title="Data since 21 March",
        ),
        "gaps": timeline_figure(
            [None if i in (12, 13) else v for i, v in enumerate(DAYS)], window=3, title="Two gaps"
        ),
        "hours": timeline_figure(
            [abs(12 - i % 24 - 0.5) ** 2 for i in range(48)], "hour", window=6, title="Two days"
        ),
        "year_of_days": timeline_figure([WEEK[(i + 6) % 7] + i for i in range(400)]),
        "weeks": timeline_figure([1800 + 37 * (i % 5) for i in range(14)], "week", window=4),
        "months": timeline_figure([41e6, 12e6, 1e9, 0, 4.2e8] * 3, "month", window=3),
        "big_today": timeline_figure([3, 4, 5, 40], title="Today is already the largest"),
        "tiny_days": timeline_figure([0.000001, 0.000003, 0.000002], partial=False, window=2),
        "no_days": timeline_figure([None] * 9, title="Nothing yet"),
        "zero_days": timeline_figure([0.0] * 9, title="Nothing used"),
        "long_words": PersonFigure(
            "A title " * 40,
            "A subtitle " * 40,
            "A footer that names many filters · " * 8,
            "Bar chart.",
            (person_bar(("Sarah", 3, 4, 5)),),
        ),
    }
