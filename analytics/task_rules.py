"""Rules that give usage a task: the usual tasks with templates, and what rules would do.

Rules look at names and sizes, never at what was asked.  Nothing is claimed about how right they
are: only what they match.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from analytics.numbers import counted, rate_text, shares
from analytics.report import Actions, Block, Button, Column, Note, Report, Row, Table
from analytics.tasks import UNCATEGORISED
from analytics.text import clean, typed
from storage.reading import Reader
from storage.task_rules import DryRun, Rule, check_conditions
from storage.timekeys import from_micros

SHOWN_TASKS = 15
NEW = -1  # an id that no rule and no task has
Conditions = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Template:
    """A usual task with conditions that often mean it, to be edited before they are tried."""

    task: str
    conditions: Conditions


TEMPLATES = (
    Template(
        "Email Writing & Communication", {"project": ("*mail*", "crm*"), "tag": ("email", "chat")}
    ),
    Template(
        "Content Creation & Editing",
        {"project": ("*content*", "*campaign*"), "department": ("marketing",)},
    ),
    Template(
        "Data Analysis & Summarization",
        {"project": ("*forecast*", "bi-*"), "department": ("data*", "finance")},
    ),
    Template(
        "Code Development & Review",
        {"model": ("*code*", "composer*"), "source": ("cursor*", "copilot*")},
    ),
    Template("Complex Research Tasks", {"tag": ("research",), "tokens_in": ("20000..",)}),
    Template("Other", {"model": ("*",)}),
)
DEFAULT_TASKS = tuple(template.task for template in TEMPLATES)


def rule_line(verb: str, conditions: Conditions, task: str) -> str:
    """`tasks rule add project=crm -> "Email Writing"`."""
    return f"tasks rule {verb} {_typed(conditions)} -> {typed(task)}"


def _typed(conditions: Conditions) -> str:
    return " ".join(f"{name}={typed(one)}" for name, given in conditions.items() for one in given)


def conditions_text(conditions: Conditions) -> str:
    """`project is *mail* or crm*, tokens_in is 20000..`."""
    return ", ".join(f"{name} is {' or '.join(given)}" for name, given in conditions.items())


def unnamed(rule: Rule) -> Rule:
    """The rule without whom it is about, for those who may not see other people's rows."""
    hidden = {name: ("hidden",) for name in rule.conditions if name == "person"}
    return replace(rule, conditions={**rule.conditions, **hidden})


def templates_report() -> Report:
    """The usual tasks, each with the line that tries its template."""
    rows = tuple((task, _typed(conditions)) for task, conditions in usual_rules())
    first = dict(reversed(usual_rules()))
    buttons = [Button(task[:24], rule_line("add", first[task], task)) for task in DEFAULT_TASKS[:5]]
    return Report(
        "Task templates",
        f"{len(TEMPLATES)} usual tasks, with conditions to edit",
        (
            Table((Column("task", "Task"), Column("conditions", "Conditions")), rows),
            Note("`tasks rule add CONDITIONS -> TASK` tries one and changes nothing.", "hint"),
            Note("Conditions of one rule must all hold; a field may be given several times."),
            Note("The first rule that matches wins, so `Other` belongs at the end, if anywhere."),
            Note("A task that the source sends always goes before every rule."),
            Actions((*buttons, Button("Rules", "tasks rule list"))),
        ),
    )


def usual_rules() -> list[tuple[str, Conditions]]:
    """Tasks with their conditions, a rule for each field: any of them means the task."""
    return [
        (template.task, {name: given})
        for template in TEMPLATES
        for name, given in template.conditions.items()
    ]


# ---- what a rule would do


def dry_report(reader: Reader, found: DryRun, new: Rule, task: str) -> Report:
    """Coverage, events by task and hits by rule, with the new one; nothing is changed."""
    names = _names(reader, new, task)
    at = next(index for index, rule in enumerate(found.rules) if rule.id == new.id)
    hits = found.hits[at]
    before = found.events - found.before.get(0, 0)
    whole = max(found.events, 1)
    covered = (
        f"{rate_text(found.covered / whole)} would have a task, {rate_text(before / whole)} do"
    )
    headline = f"{counted(hits, 'event')} of 30 days would become {clean(task)}; {covered}"
    blocks: list[Block] = [_by_task(found, names), _by_rule(found, names)]
    if found.examples[at]:
        blocks.append(_examples(reader, found, at))
    if not hits:
        blocks.append(Note("It matches nothing that is not matched before.", "hint"))
    save = Button("Save", rule_line("save", new.conditions, task), "do")
    blocks += [
        Note("Nothing is changed yet. Tasks that sources named stay as they are."),
        Actions((save, Button("Rules", "tasks rule list"), Button("Templates", "tasks templates"))),
    ]
    return Report("Task rule", headline, tuple(blocks))


def _names(reader: Reader, new: Rule, task: str) -> dict[int, str]:
    known = {key: clean(name) for key, name in reader.names("task").items()}
    return {**known, 0: UNCATEGORISED, new.task_id: clean(task)}


def _by_task(found: DryRun, names: Mapping[int, str]) -> Table:
    keys = [key for key in {*found.before, *found.after} if key]
    keys.sort(key=lambda key: (-found.after.get(key, 0), names[key]))
    shown, rest = keys[:SHOWN_TASKS], keys[SHOWN_TASKS:]
    groups = [(names[key], [key]) for key in shown]
    if rest:
        groups.append((counted(len(rest), "other"), rest))
    groups.append((UNCATEGORISED, [0]))
    after = [sum(found.after.get(key, 0) for key in members) for _, members in groups]
    before = [sum(found.before.get(key, 0) for key in members) for _, members in groups]
    rows = zip((name for name, _ in groups), before, after, shares(after), strict=True)
    return Table(
        (
            Column("task", "Task"),
            Column("before", "Events now", "count"),
            Column("after", "Events then", "count"),
            Column("share", "Share", "share"),
        ),
        tuple(rows),
        ("Total", sum(before), sum(after), 100 if found.events else 0),
        others=len(shown) if rest else None,
    )


def _by_rule(found: DryRun, names: Mapping[int, str]) -> Table:
    rows: list[Row] = [
        (
            place,
            conditions_text(rule.conditions),
            names.get(rule.task_id, UNCATEGORISED),
            hits,
            None if hits else "never matches",
        )
        for place, (rule, hits) in enumerate(zip(found.rules, found.hits, strict=True), 1)
    ]
    columns = (*RULE_COLUMNS, Column("hits", "Events", "count"), Column("note", "Note"))
    return Table(columns, tuple(rows))


RULE_COLUMNS = (
    Column("rule", "Rule", "count"),
    Column("conditions", "When"),
    Column("task", "Task"),
)


def _examples(reader: Reader, found: DryRun, at: int) -> Table:
    """Some events that the new rule matches, without who and what."""
    models, projects = reader.names("model"), reader.names("project")
    rows: list[Row] = [
        (
            from_micros(row.ts).astimezone(reader.clock.zone),
            clean(models.get(row.model_id, "–")),
            clean(projects[row.project_id]) if row.project_id in projects else None,
            row.tokens_in or None,
        )
        for row in found.examples[at]
    ]
    return Table(
        (
            Column("start", "Example", "moment"),
            Column("model", "Model"),
            Column("project", "Project"),
            Column("tokens_in", "Tokens in", "count"),
        ),
        tuple(rows),
    )


def rules_report(reader: Reader, rules: Sequence[Rule], done: str | None) -> Report:
    """The rules in their order; `done` tells what the last run over the past came to."""
    names = reader.names("task")
    rows = tuple(
        (place, conditions_text(rule.conditions), clean(names.get(rule.task_id, "–")))
        for place, rule in enumerate(rules, 1)
    )
    buttons = Actions(
        (
            *([Button("Apply to the past", "tasks rule apply", "do")] if rules else []),
            Button("Templates", "tasks templates"),
            Button("By task", "tasks last 30d"),
        )
    )
    if not rules:
        hint = Note("`tasks templates` has some to start with.", "hint")
        return Report("Task rules", "There are no rules", (hint, buttons))
    return Report(
        "Task rules",
        f"{counted(len(rules), 'rule')}; the first that matches wins",
        (
            Table(RULE_COLUMNS, rows),
            Note("They give new usage a task that its source did not name."),
            *([Note(done)] if done else []),
            buttons,
        ),
    )


def changed_report(headline: str, hint: str, *, may_apply: bool = True) -> Report:
    """What was done to the rules, and the next step."""
    apply = [Button("Apply to the past", "tasks rule apply", "do")] if may_apply else []
    rest = (Button("Rules", "tasks rule list"), Button("By task", "tasks last 30d"))
    return Report("Task rules", headline, (Note(hint, "hint"), Actions((*apply, *rest))))


def draft(conditions: Conditions, *, task_id: int | None, now: datetime) -> Rule:
    """A rule that is not kept yet, for a known task or a new one.  Raises StorageError."""
    kept = check_conditions({name: given for name, given in conditions.items() if given})
    return Rule(NEW, 0, NEW if task_id is None else task_id, kept, now)
