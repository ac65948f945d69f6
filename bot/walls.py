"""Walls around people's rows: what is left of a question when its asker may not see everybody.

Where a workspace restricts them, a question about people answers with the rows the asker may see,
and one narrowed to a department, project or task must leave enough people to hide each of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from analytics.errors import UserError
from analytics.measures import gather_spend
from analytics.query import Filters, Query
from analytics.timerange import TimeRange
from bot.context import Context
from storage.reading import Key

FEWEST = 3  # people among whom one person's rows cannot be told from the sums
Behind = dict[tuple[tuple[Key, int], ...], set[int]]
GROUPS: tuple[Key, ...] = ("department", "project", "task")


def walled(values: Mapping[str, object], ctx: Context, *, shows_people: bool) -> dict[str, object]:
    """A command's values, narrowed to what the asker may see; raises UserError for nothing."""
    visible = ctx.visible_people
    if visible is None:
        return dict(values)
    found = dict(values)
    if shows_people and not visible:
        raise UserError(
            f"This shows other people's rows, which are for {ctx.people_visibility} here.",
            hint="Ask an admin, or try `by-model`; you are not linked to usage of your own.",
        )
    for name, filters in values.items():
        if not isinstance(filters, Filters) or filters.person:
            continue
        if shows_people:
            found[name] = replace(filters, person=tuple(sorted(visible)))
        else:
            _check_groups(filters, values, ctx, visible=visible)
    return found


def _check_groups(
    filters: Filters, values: Mapping[str, object], ctx: Context, *, visible: frozenset[int]
) -> None:
    """Raise UserError when a group, or a crossing of groups, is too small to hide a person.

    The time before counts too: an answer says how much was used then.
    """
    groups = [group for group in GROUPS if getattr(filters, group)]
    range_ = next((value for value in values.values() if isinstance(value, TimeRange)), None)
    if not groups or range_ is None:
        return
    query = Query(ctx.reader, ctx.now, range_, filters)
    asked: Behind = {((group, one),): set() for group in groups for one in getattr(filters, group)}
    behind = asked | _people_behind(query, groups)
    before = _people_behind(replace(query, range=range_.previous()), groups)
    if not all(_hides(people, visible) for people in (*behind.values(), *before.values())):
        words = " and ".join(f"`{group}=`" for group in groups)
        raise UserError(
            f"Fewer than {FEWEST} people are behind {words}, and other people's rows are for "
            f"{ctx.people_visibility} here.",
            hint=f"Ask for a longer range, or leave {words} out.",
        )


def _people_behind(query: Query, groups: Sequence[Key]) -> Behind:
    """The people with usage in each group and in each crossing of groups; 0 is an unknown one."""
    found: Behind = defaultdict(set)
    for key in gather_spend(query, (*groups, "person")):
        parts = tuple(zip(groups, key, strict=False))
        for crossing in {parts, *((part,) for part in parts)}:
            found[crossing].add(key[-1])
    return found


def _hides(people: set[int], visible: frozenset[int]) -> bool:
    """Whether a sum over people tells nothing new about one; the unknown may be one of the rest."""
    return len(people - {0}) >= FEWEST or (bool(people) and people <= visible)
