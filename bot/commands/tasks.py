"""Questions about what the credits are used for, and the rules that give usage a task."""

from __future__ import annotations

from analytics import task_rules, tasks
from analytics.query import Filters, Query
from analytics.report import Report
from analytics.timerange import TimeRange
from bot.context import Context
from bot.operation.rules_past import ask_for, last_run
from bot.params import Conditions, Limit, NewTask, Number
from bot.registry import command
from bot.walls import folded
from storage.labels import task_named
from storage.reading import Days
from storage.task_rules import (
    Rule,
    add_rule,
    dry_run,
    list_rules,
    move_rule,
    remove_rule,
)

TRIED_DAYS = 30


@command(
    "tasks",
    example="tasks last 30d",
    aliases=("use-cases", "what-for"),
    defaults={"range": "last 30d", "limit": "20"},
    native="tasks shares",
)
def credits_by_task(ctx: Context, range: TimeRange, filters: Filters, limit: Limit) -> Report:
    """Share of credits by task, with the multipliers that are typical.

    What has no task is a row of its own: its share is always told and never spread over others.
    """
    query = Query(ctx.reader, ctx.now, range, filters)
    return tasks.tasks(query, limit, folded("task", query, ctx))


@command("tasks templates", example="tasks templates")
def templates(ctx: Context) -> Report:
    """Usual tasks, with rules to edit and try."""
    del ctx
    return task_rules.templates_report()


@command("tasks rule list", example="tasks rule list")
def rules(ctx: Context) -> Report:
    """The rules that give usage a task, in their order."""
    reader = ctx.reader
    place = reader.connection, reader.workspace.id
    known = list_rules(*place)
    if not ctx.sees_people:
        known = [task_rules.unnamed(rule) for rule in known]
    return task_rules.rules_report(reader, known, last_run(*place))


@command("tasks rule add", example='tasks rule add project=Atlas -> "Email Writing"', needs="admin")
def try_rule(ctx: Context, conditions: Conditions, task: NewTask) -> Report:
    """Try a rule on 30 days; a button saves it.

    All conditions must hold; one that is given several times holds for any of its values. `*`
    stands for anything, `tokens_in=20000..` for 20,000 or more.
    """
    reader = ctx.reader
    place = reader.connection, reader.workspace.id
    new = task_rules.draft(conditions, task_id=reader.find("task", task), now=ctx.now)
    today = reader.clock.day(ctx.now)
    days = Days(today + 1 - TRIED_DAYS, today + 1)
    found = dry_run(*place, [*list_rules(*place), new], days)
    return task_rules.dry_report(reader, found, new, task)


@command(
    "tasks rule save",
    example='tasks rule save project=Atlas -> "Email Writing"',
    needs="admin",
    changes=True,
)
def save_rule(ctx: Context, conditions: Conditions, task: NewTask) -> Report:
    """Keep a rule, at the end; it gives new usage a task."""
    reader = ctx.reader
    place = reader.connection, reader.workspace.id
    given = {name: words for name, words in conditions.items() if words}
    rule = add_rule(*place, task_id=task_named(*place, task), conditions=given, now=ctx.now)
    words = f"{task_rules.conditions_text(rule.conditions)} means {task}"
    ctx.record("task rule add", f"rule {rule.id}", after=words)
    hint = "New usage gets it from now on; what is there already keeps its task."
    return task_rules.changed_report(f"Kept as the last rule: {words}", hint)


@command("tasks rule remove", example="tasks rule remove 1", needs="admin", changes=True)
def drop_rule(ctx: Context, number: Number) -> Report:
    """Remove a rule; what it did stays until rules are applied to the past."""
    reader = ctx.reader
    place = reader.connection, reader.workspace.id
    rule = _numbered(ctx, number)
    if rule is None:
        return _no_rule(number)
    remove_rule(*place, rule.id)
    words = task_rules.conditions_text(rule.conditions)
    ctx.record("task rule remove", f"rule {rule.id}", before=words)
    return task_rules.changed_report(
        f"Rule {number} is gone: {words}", "Usage that it gave a task keeps it for now."
    )


@command("tasks rule move", example="tasks rule move 2 1", needs="admin", changes=True)
def shift_rule(ctx: Context, number: Number, to: Number) -> Report:
    """Give a rule another place; the first that matches wins."""
    reader = ctx.reader
    rule = _numbered(ctx, number)
    if rule is None:
        return _no_rule(number)
    moved = move_rule(reader.connection, reader.workspace.id, rule.id, position=to) or rule
    ctx.record("task rule move", f"rule {rule.id}", before=str(number), after=str(moved.position))
    words = task_rules.conditions_text(rule.conditions)
    return task_rules.changed_report(
        f"Rule {moved.position} is now: {words}", "It holds for new usage."
    )


@command("tasks rule apply", example="tasks rule apply", needs="admin", changes=True)
def apply_rules(ctx: Context) -> Report:
    """Let the rules decide about past usage, too.

    Only usage whose task no source named; each change stands in the correction log.
    """
    reader = ctx.reader
    ask_for(reader.connection, reader.workspace.id, actor=ctx.asker.identity.actor)
    ctx.record("task rule apply", "past usage")
    return task_rules.changed_report(
        "The rules will be applied to past usage within a minute",
        "`tasks rule list` tells when it is done.",
        may_apply=False,
    )


def _numbered(ctx: Context, number: int) -> Rule | None:
    """The rule at a place of the list, from 1."""
    rules = list_rules(ctx.reader.connection, ctx.reader.workspace.id)
    return rules[number - 1] if number <= len(rules) else None


def _no_rule(number: int) -> Report:
    return task_rules.changed_report(
        f"There is no rule {number}", "`tasks rule list` shows their numbers.", may_apply=False
    )
