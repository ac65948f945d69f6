"""What people and workspaces prefer: each choice, how it is typed, and who may make it.

Invariant: a stored value was read by its own reader once, so what is kept can be used.  A person's
choice goes before the workspace's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from analytics.advice import MARGIN_PCT
from analytics.advice_basis import MARGIN
from analytics.errors import UserError
from analytics.numbers import multiplier_text
from analytics.query import Filters
from analytics.text import clean
from analytics.timerange import WEEKDAYS, parse_range
from analytics.trial import MARGINS
from bot.context import Context
from bot.params import PARAM_TYPES, GrainType, Param
from storage.events import MICRO
from storage.workspaces import check_zone

Scope = Literal["person", "workspace", "both"]
FOLLOWS = ("default", "none")  # what is typed to take a choice back
REMINDERS = "alert_reminders"  # with "daily", of a budget that is used up and not acknowledged
BUDGETS_BY = "budgets_by"  # with "leads", a lead may set the budget of the own department
PARTS = ("model", "family", "tier", "person", "department", "project", "task")
_PEAK = re.compile(r"(\d{1,2})(?::00)? ?(?:-|–|to) ?(\d{1,2})(?::00)?", re.ASCII)
_TIERS = re.compile(
    r"(\d{1,2}(?:\.\d{1,3})?)[x×]? ?(?:-|–|,| ) ?(\d{1,2}(?:\.\d{1,3})?)[x×]?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Preference:
    """One thing that can be chosen: `option` is typed, `name` is kept, `usual` holds without.

    `read` gives the text that is kept, or raises UserError; `shown` says it to people.
    """

    option: str
    name: str
    title: str
    scope: Scope
    words: str
    usual: str
    read: Callable[[str, Context], str]
    shown: Callable[[str], str] = str


# ---- readers


def _one_of(*choices: str) -> Callable[[str, Context], str]:
    def read(text: str, ctx: Context) -> str:
        del ctx
        if text.casefold() in choices:
            return text.casefold()
        allowed = ", ".join(f"`{choice}`" for choice in choices)
        raise UserError(f"'{clean(text)}' is not one of the choices.", hint=f"Choose {allowed}.")

    return read


def _zone(text: str, ctx: Context) -> str:
    del ctx
    check_zone(text)
    return text


def _week_start(text: str, ctx: Context) -> str:
    return str(WEEKDAYS.index(_one_of("monday", "saturday", "sunday")(text, ctx)))


def _range(text: str, ctx: Context) -> str:
    parse_range(text, ctx.reader.clock.local_date(ctx.now))
    return " ".join(text.split())


def _grain(text: str, ctx: Context) -> str:
    return str(GrainType().read([text], ctx))


def _filters(text: str, ctx: Context) -> str:
    """`department=Sales; model=gpt-4o`, each name checked as in a line."""
    pairs = [_pair(part) for part in text.split(";") if part.strip()]
    kinds = {param.name: param for param in PARAM_TYPES[Filters].expand("filters", None)}
    for name, value in pairs:
        kinds[name].type.read([value], ctx)
    return "; ".join(f"{name}={value}" for name, value in pairs)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = (part.strip() for part in text.partition("="))
    if name.casefold() not in PARTS or not equals or not value:
        raise UserError(
            f"'{clean(text.strip())}' is no filter.",
            hint='Write filters="department=Sales; model=gpt-4o".',
        )
    return name.casefold(), value


def _peak(text: str, ctx: Context) -> str:
    del ctx
    found = _PEAK.fullmatch(text.strip())
    first, end = map(int, found.groups()) if found else (0, 0)
    if not 0 <= first < end <= 24:
        raise UserError(
            f"'{clean(text)}' are no hours of a day.", hint="Write peak=9-17, from 0 to 24."
        )
    return f"{first} {end}"


def _tiers(text: str, ctx: Context) -> str:
    del ctx
    found = _TIERS.fullmatch(text.strip())
    standard, premium = map(Decimal, found.groups()) if found else (Decimal(0), Decimal(0))
    if not 0 < standard < premium:
        raise UserError(
            f"'{clean(text)}' are no two multipliers, the smaller first.",
            hint="Write tiers=1x-2x: standard from 1x, premium from 2x.",
        )
    return f"{int(standard * MICRO)} {int(premium * MICRO)}"


def _margin(text: str, ctx: Context) -> str:
    del ctx
    typed = text.strip().removesuffix("%").strip()
    if not (typed.isascii() and typed.isdigit() and int(typed) in MARGINS):
        raise UserError(
            f"'{clean(text)}' is no margin.",
            hint=f"Write margin=3: {MARGINS[0]} to {MARGINS[-1]} points of success.",
        )
    return str(int(typed))


def _tiers_shown(kept: str) -> str:
    standard, premium = map(int, kept.split())
    return f"standard {multiplier_text(standard)}, premium {multiplier_text(premium)}"


# ---- what can be chosen

PREFERENCES: tuple[Preference, ...] = (
    Preference("zone", "zone", "Time zone", "both", "Europe/Berlin", "the workspace's", _zone),
    Preference(
        "week",
        "week_start",
        "Week starts on",
        "workspace",
        "monday|saturday|sunday",
        "Monday",
        _week_start,
        lambda kept: WEEKDAYS[int(kept)].title(),
    ),
    Preference("range", "range", "Usual range", "both", "last 7d", "the command's own", _range),
    Preference("by", "by", "Usual grain", "both", "hour|day|week|month", "fitted", _grain),
    Preference(
        "filters", "filters", "Usual filters", "both", "department=Sales; ...", "none", _filters
    ),
    Preference(
        "theme",
        "theme",
        "Theme of pictures",
        "both",
        "light|dark",
        "light, dark in Discord",
        _one_of("light", "dark"),
    ),
    Preference(
        "notifications",
        "notifications",
        "Direct messages",
        "person",
        "all|off",
        "important",
        _one_of("all", "important", "off"),
    ),
    Preference(
        "peak",
        "peak",
        "Peak hours",
        "workspace",
        "9-17",
        "9-17",
        _peak,
        lambda kept: "-".join(kept.split()),
    ),
    Preference(
        "tiers",
        "tiers",
        "Tiers",
        "workspace",
        "1x-2x",
        _tiers_shown("1000000 2000000"),
        _tiers,
        _tiers_shown,
    ),
    Preference(
        "margin",
        MARGIN,
        "Quality margin",
        "workspace",
        "3",
        f"{MARGIN_PCT} points",
        _margin,
        lambda kept: f"{kept} point{'' if kept == '1' else 's'}",
    ),
    Preference(
        "people",
        "people_visibility",
        "Who sees people's rows",
        "workspace",
        "everyone|leads|admins",
        "everyone",
        _one_of("everyone", "leads", "admins"),
    ),
    Preference(
        "budgets",
        BUDGETS_BY,
        "Who sets budgets",
        "workspace",
        "admins|leads",
        "admins",
        _one_of("admins", "leads"),
        lambda kept: "admins; leads of their department" if kept == "leads" else kept,
    ),
    Preference(
        "reminders",
        REMINDERS,
        "Budget reminders",
        "workspace",
        "off|daily",
        "off",
        _one_of("off", "daily"),
    ),
)


# ---- what is preferred where a line says nothing


def preferred(
    params: Sequence[Param], given: Mapping[str, object], ctx: Context
) -> Iterator[tuple[str, str]]:
    """Options that a line leaves out and its asker prefers, by name.

    A usual range only takes the place of a rolling one: `report` is about a month whoever asks.
    """
    left_out = {param.name: param for param in params if param.name not in given}
    usual = left_out.get("range")
    wanted = ctx.chosen("range")
    if wanted and usual is not None and (usual.default or "").startswith("last "):
        yield "range", wanted
    grain = left_out.get("by")
    if (by := ctx.chosen("by")) and grain is not None and isinstance(grain.type, GrainType):
        yield "by", by
    if any(part in given for part in PARTS):
        return
    for pair in filter(None, (ctx.chosen("filters") or "").split("; ")):
        name, _, value = pair.partition("=")
        if name in left_out and left_out[name].part:
            yield name, value
