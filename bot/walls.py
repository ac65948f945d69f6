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
from analytics.timerange import TimeRange, parse_range
from bot.context import Context
from storage.reading import MAX_LEDGER_DAYS, Key, RangeTooLong

FEWEST = 3  # people among whom one person's rows cannot be told from the sums
Behind = dict[tuple[tuple[Key, int], ...], set[int]]
GROUPS: tuple[Key, ...] = ("department", "project", "task")
LABELS: Mapping[str, Key] = {str(name): name for name in GROUPS}


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
    if not groups:
        return
    given = next((value for value in values.values() if isinstance(value, TimeRange)), None)
    # What has no range of its own is about the running month.
    range_ = given or parse_range("this month", ctx.reader.clock.local_date(ctx.now))
    query = Query(ctx.reader, ctx.now, range_, filters)
    asked: Behind = {((group, one),): set() for group in groups for one in getattr(filters, group)}
    behind = asked | _people_behind(query, groups)
    before = _people_behind(replace(query, range=range_.previous()), groups)
    if not all(_hides(people, visible) for people in (*behind.values(), *before.values())):
        # They may be somebody's usual ones: leaving them out would not help.
        every = " ".join(f"{group}=all" for group in groups)
        start = "Ask for a longer range, or" if given else "Ask"
        raise _too_few(groups, ctx, f"{start} with `{every}`.")


def _too_few(groups: Sequence[Key], ctx: Context, hint: str) -> UserError:
    return UserError(
        f"Fewer than {FEWEST} people are behind {_words(groups)}, and other people's rows are for "
        f"{ctx.people_visibility} here.",
        hint=hint,
    )


def _words(groups: Sequence[Key]) -> str:
    return " and ".join(f"`{group}=`" for group in groups)


def folded(group: str, query: Query, ctx: Context) -> frozenset[int]:
    """The ids of a label that may have no row of their own: too few people are behind each.

    With them go as many of the smallest others as it takes to hide people in their sum.  The time
    before counts too.  Raises UserError for more days than people are kept for by this label.
    """
    visible, label = ctx.visible_people, LABELS.get(group)
    if visible is None or label is None:
        return frozenset()
    return _parted(label, query, visible)[0]


def unfolded(group: Key, query: Query, ctx: Context) -> frozenset[int] | None:
    """The ids of a label that are known to hide people, for what reads more than the query.

    None is every id.  Raises UserError as `folded` does.
    """
    visible = ctx.visible_people
    return None if visible is None else _parted(group, query, visible)[1]


def open_tasks(ctx: Context) -> frozenset[int] | None:
    """The tasks that the asker may be told of by name, from 60 days of usage; None is all."""
    recent = parse_range("last 30d", ctx.reader.clock.local_date(ctx.now))
    return unfolded("task", Query(ctx.reader, ctx.now, recent), ctx)


def check_task(task: int, ctx: Context) -> None:
    """Raise UserError for a task with too few people to hide each of them."""
    tasks = open_tasks(ctx)
    if tasks is not None and task not in tasks:
        raise _too_few(("task",), ctx, "Leave the task out, or ask an admin.")


def _parted(
    label: Key, query: Query, visible: frozenset[int]
) -> tuple[frozenset[int], frozenset[int]]:
    """The ids of a label that must be folded, and those that need not be."""
    sides = (query, replace(query, range=query.range.previous()))
    try:
        behind = [_people_behind(side, (label,)) for side in sides]
    except RangeTooLong as error:
        raise UserError(
            f"Rows of few people are folded here, which can be told by {label} for "
            f"{MAX_LEDGER_DAYS} days.",
            hint="Ask for a shorter range, or try `by-department`.",
        ) from error
    people = [{key[0][1]: found for key, found in side.items()} for side in behind]
    keys = {key for side in people for key in side}
    few = {
        key
        for key in keys
        if any(key in side and not _hides(side[key], visible) for side in people)
    }
    smallest = sorted(keys, key=lambda key: (sum(len(s.get(key, ())) for s in people), key))
    for side in people:
        for key in (key for key in smallest if key in side):
            if not few or _hide_together(side, few, visible):
                break
            few.add(key)
    return frozenset(few), frozenset(keys - few)


def _hide_together(people: Mapping[int, set[int]], keys: set[int], visible: frozenset[int]) -> bool:
    """Whether the sum of some groups hides the people in them; nobody needs no hiding."""
    together = set().union(*(people.get(key, set()) for key in keys))
    return not together or _hides(together, visible)


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
