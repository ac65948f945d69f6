"""What is told when a budget passes some of its percentages, or is expected to be passed.

A projected end is never said without its range, and nothing is said about it while data are thin.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, TypeGuard

from analytics.alert_facts import Told, as_number, moment_key, post
from analytics.alert_standing import Crossed, Standing, crossed_of, read_standing, thaw
from analytics.budget_words import amount_text, line_of, thresholds_text
from analytics.budgets import projected_facts
from analytics.burn_up import BurnUp, budget_figure
from analytics.by_person import UNATTRIBUTED
from analytics.captions import moment_text
from analytics.lines import framed
from analytics.numbers import counted, credits_text, shares
from analytics.projection import State, chance_of_passing
from analytics.projection_words import chance_text, range_text, shown_end
from analytics.query import Query
from analytics.report import Button, Column, Fact, Facts, Note, Report, Row, Table
from analytics.scopes import Scope
from analytics.stretches import DAY, Stretch
from analytics.text import distinct, joined
from analytics.timerange import MONTH_NAMES
from storage.budgets import THRESHOLDS
from storage.marks import Mark, Threshold, is_reached, passed_in

TITLE = "Budget alert"
TITLES = {"person": "Person", "department": "Department", "model": "Model"}


@dataclass(frozen=True, slots=True)
class BudgetAlert:
    """One alert about a budget with how that stands."""

    told: Told
    crossed: Crossed
    standing: Standing

    @property
    def burn(self) -> BurnUp:
        """The burn-up."""
        return self.standing.burn

    @property
    def whose(self) -> str:
        """`March credits`, `March credits of Sales`: what is used up."""
        scope, query = self.crossed.scope, self.told.query
        title = self.crossed.stretch.title
        return f"{title} credits" + of_text(scope, query)


def of_text(scope: Scope, query: Query) -> str:
    """` of Sales`; nothing for the workspace."""
    return "" if scope.kind == "workspace" else f" of {scope.name(query)}"


def alert_of(told: Told, thresholds: Sequence[Threshold] = THRESHOLDS) -> BudgetAlert | None:
    """The alert with its standing: frozen where it is, read anew where not or where it was held."""
    crossed = crossed_of(told.scope, told.period_key, told.facts, thresholds)
    if crossed is None:
        return None
    frozen = thaw(_frozen(told), crossed)
    standing = frozen or read_standing(told.query, crossed, is_frozen=not told.held)
    return BudgetAlert(told, crossed, standing)


def _frozen(told: Told) -> Mapping[str, Any]:
    if not told.held:
        return told.part_of("standing")
    kept = told.part_of("told").get(moment_key(told.query.now))
    return kept if isinstance(kept, Mapping) else {}


# ---- thresholds


def threshold_report(told: Told, thresholds: Sequence[Threshold] = THRESHOLDS) -> Report:
    """`90% of March credits used (18,012 of 20,000); 3 days left, about 1,400 short (…)`."""
    alert = alert_of(told, thresholds)
    if alert is None:
        return post(told, Report(TITLE, _bare(told), ()))
    if told.reminds:
        return _reminder(alert)
    report = _report(alert, f"{_used(alert)}; {left_text(alert)}", _passed(alert))
    return report.as_test if told.is_test else report


def _reminder(alert: BudgetAlert) -> Report:
    """`Still over: 104% of March credits used (…)`: what was told before, in few words."""
    told = alert.told
    since = moment_text(told.local(told.fired_at))
    note = Note(f"Alert {told.number} of {since}: nobody has acknowledged it.", "delta")
    notes = (note,) if told.acked_at is None and told.is_open else ()
    blocks = (*notes, Facts(tuple(_facts(alert))))
    report = Report(TITLE, f"Still over: {_used(alert)}", blocks)
    return post(told, report, buttons_of(alert), now=now_text(alert))


def _used(alert: BudgetAlert) -> str:
    burn, crossed = alert.burn, alert.crossed
    amounts = f"{credits_text(burn.spent)} of {credits_text(crossed.limit)}"
    percent = "More than 100" if burn.percent is None else str(burn.percent)
    return f"{percent}% of {alert.whose} used ({amounts})"


def _bare(told: Told) -> str:
    """What can be said where the numbers are missing: that it happened, and to whom."""
    named = thresholds_text(told.passed) if told.passed else "A threshold"
    return f"{named} of a budget{of_text(told.scope, told.query)} was passed"


def _passed(alert: BudgetAlert) -> list[Note]:
    """Every percentage that this post tells of, and when."""
    told = alert.told
    if told.is_test:
        return [Note("Nothing was crossed.", "delta")]
    if not told.passed:
        return []
    did = "Passed" if any(isinstance(one, int) for one in told.passed) else "Reached"
    words = f"{did} {_passed_on(alert)}"
    last = ", for the last time in this period" if told.facts.get("is_last") else ""
    return [Note(f"{words}{last}.", "delta")]


def _passed_on(alert: BudgetAlert) -> str:
    """`75% on 24 Mar 19:03`: when it was seen, unless days say another day, as `budget` does."""
    told = alert.told
    seen = told.local(told.fired_at)
    by_day: dict[date | None, list[Threshold]] = {}
    for one in told.passed:
        by_day.setdefault(alert.burn.reached(one), []).append(one)
    days = [day for day in by_day if day is not None]
    set_at = _set_before(alert)
    if len(days) < len(by_day) or (set_at is None and days == [seen.date()]):
        return f"{thresholds_text(told.passed)} on {moment_text(seen)}"
    each = [f"{thresholds_text(by_day[day])} on {day_words(day)}" for day in sorted(days)]
    if set_at is not None:
        did = "was set" if told.number_of("revision") == 1 else "became what it is"
        return f"{joined(each)}; the budget {did} on {moment_text(set_at)}"
    is_late = min(days) < seen.date() and not _is_at_once(alert)
    return joined(each) + (f"; known since {moment_text(seen)}" if is_late else "")


def _is_at_once(alert: BudgetAlert) -> bool:
    """Whether no usage crossed it: a limit was set, or fell, below what was used."""
    before, limit = alert.told.number_of("before"), alert.crossed.limit
    return before is not None and all(is_reached(t, before, limit) for t in alert.told.passed)


def _set_before(alert: BudgetAlert) -> datetime | None:
    """When the limit was set, where that is what passed the thresholds; None for any other."""
    set_at = alert.told.moment_of("set_at")
    days = [alert.burn.reached(one) for one in alert.told.passed]
    is_later = set_at is not None and all(day and day <= set_at.date() for day in days)
    return set_at if is_later and _is_at_once(alert) else None


# ---- projected to go over


def projected_report(told: Told, thresholds: Sequence[Threshold] = THRESHOLDS) -> Report:
    """`March credits are expected to be used up about 27 March: even the low end …`."""
    alert = alert_of(told, thresholds)
    if alert is None:
        whose = of_text(told.scope, told.query)
        headline = f"The budget{whose} is expected to be passed"
        return post(told, Report(TITLE, headline, ()))
    runs_out = told.day_of("runs_out")
    when = "in this period" if runs_out is None else f"about {day_words(runs_out)}"
    is_sure = told.text_of("status") == "over"
    expected = "are expected to be" if is_sure else "are likely to be"
    headline = f"{alert.whose} {expected} used up {when}; {left_text(alert)}"
    return _report(alert, headline, [])


def day_words(day: date) -> str:
    """`27 March`."""
    return f"{day.day} {MONTH_NAMES[day.month - 1]}"


# ---- both


def left_text(alert: BudgetAlert) -> str:
    """`3 days left, about 1,400 short (80% range 300-2,600)`."""
    burn, today = alert.burn, alert.told.query.reader.clock.local_date(alert.told.query.now)
    days = (burn.stretch.end - today).days - 1
    left = (
        "last day" if days == 0 else "period over" if days < 0 else f"{counted(days, 'day')} left"
    )
    return f"{left}, {outlook(burn, alert.crossed.limit)}"


def outlook(burn: BurnUp, limit: int) -> str:
    """Where the period will end against its limit, in the words that its state allows."""
    projection, state = burn.projection, burn.state
    if state is None or state is State.EARLY or projection.is_thin:
        over = burn.spent - limit
        return f"over by {credits_text(over)}" if over > 0 else "too early to say how it ends"
    low, point, high = shown_end(projection, limit)
    if state is State.ON_TRACK:
        return (
            f"on track for about {credits_text(point)} (80% range {range_text(projection, limit)})"
        )
    if projection.is_finished:
        return f"over by {credits_text(burn.spent - limit)}"
    ends = f"{credits_text(max(0, low - limit))}-{credits_text(high - limit)}"
    if state is State.POSSIBLE:
        most = credits_text(high - limit)
        return f"possibly up to {most} short (80% range {range_text(projection, limit)})"
    return f"about {credits_text(point - limit)} short (80% range {ends})"


def _report(alert: BudgetAlert, headline: str, notes: Sequence[Note]) -> Report:
    told, stretch, query = alert.told, alert.crossed.stretch, alert.told.query
    today = query.reader.clock.local_date(query.now)
    range_ = stretch.so_far(min(today, stretch.end - DAY))
    scope, newest = alert.crossed.scope, alert.standing.newest
    asked = replace(query, range=range_, filters=scope.filters, newest=newest)
    name = "" if told.scope.kind == "workspace" else told.scope.name(query)
    body = framed(
        asked,
        TITLE,
        headline,
        (
            *notes,
            *_chance(alert),
            # Two lines of a card cannot hold where it leads, and a point needs its range.
            budget_figure(asked, alert.burn, headline.partition("; ")[0], name),
            Facts(tuple(_facts(alert))),
            *_drivers(alert),
            *_origin(alert),
        ),
    )
    return post(told, body, buttons_of(alert), now=now_text(alert))


def _chance(alert: BudgetAlert) -> Iterator[Note]:
    """The chance of passing the limit, where one can be told and it is not passed."""
    burn = alert.burn
    if burn.limit and burn.state not in (None, State.PASSED):
        chance = chance_text(chance_of_passing(burn.projection, burn.limit))
        if chance:
            yield Note(f"{chance} chance of passing {credits_text(burn.limit)}.", "delta")


def _facts(alert: BudgetAlert) -> Iterator[Fact]:
    burn, limit = alert.burn, alert.crossed.limit
    percent = "" if burn.percent is None else f"{burn.percent}%"
    yield Fact("used", "Used", burn.spent, "credits", note=percent)
    yield Fact("budget", "Budget", limit, "credits")
    yield from projected_facts(burn)
    told = alert.told
    yield Fact("as_of", "As of", told.local(told.query.now), "moment")


def _origin(alert: BudgetAlert) -> Iterator[Note]:
    if alert.told.part_of("plan") or alert.told.facts.get("budget") == 0:
        yield Note("No budget is set: this is the plan's allowance.")


# ---- who used it


def _drivers(alert: BudgetAlert) -> Iterator[Table]:
    """The three that used most, and all others together; nobody who must not be named."""
    told, standing = alert.told, alert.standing
    kind = _kind_of_drivers(told)
    found = standing.drivers.get(kind, ())
    if not found or standing.total <= 0:
        return
    names = told.query.reader.names("model" if kind == "model" else "person")
    shown = distinct({key: names.get(key, UNATTRIBUTED) for key, _ in found})
    rest = standing.total - sum(micro for _, micro in found)
    amounts = [micro for _, micro in found] + ([rest] if rest > 0 else [])
    parts = shares(amounts)
    rows: list[Row] = [(shown[key], micro, parts[at]) for at, (key, micro) in enumerate(found)]
    if rest > 0:
        rows.append(("All others", rest, parts[-1]))
    columns = (
        Column(kind, TITLES[kind]),
        Column("credits", "Credits", "credits"),
        Column("share", "Share", "share"),
    )
    total: Row = ("Total", sum(amounts), 100)
    others = len(rows) - 1 if rest > 0 else None
    yield Table(columns, tuple(rows), total=total, others=others)


def _kind_of_drivers(told: Told) -> str:
    """People where everybody may be named and more than one is behind it, else models."""
    return "model" if told.people is not None or told.scope.kind == "person" else "person"


# ---- what may be done


def buttons_of(alert: BudgetAlert) -> list[Button]:
    """Who used most and, while it is open, how to raise the limit: both only ask."""
    told, stretch = alert.told, alert.crossed.stretch
    dates = period_words(stretch)
    command = "by-model" if told.scope.kind == "person" else "by-user"
    line = line_of(told.query, told.scope, command, dates)
    label = "What used most" if told.scope.kind == "person" else "Who used most"
    buttons = [Button(label, line)] if line else []
    if told.may_act and told.may_raise and told.facts.get("budget"):
        buttons.append(Button("Raise limit", f"alerts raise {told.number}"))
    return buttons


def period_words(stretch: Stretch) -> str:
    """The days of a period as a line carries them for good: `2026-03`, `2026-03-02..2026-03-08`."""
    if stretch.period == "monthly":
        return f"{stretch.first:%Y-%m}"
    return f"{stretch.first}..{stretch.end - DAY}"


def now_text(alert: BudgetAlert) -> str:
    """`now 71%`, `the limit is now 25,000`: what a resolved alert came to."""
    return resolved_words(alert.told.part_of("resolved"), alert.crossed.limit)


def resolved_words(ended: Mapping[str, object], before: int) -> str:
    """What facts tell of an end: the share used then, and a limit that was changed."""
    used, limit = as_number(ended.get("used")), as_number(ended.get("limit"))
    raised = limit is not None and limit != before
    words = f"the limit is now {credits_text(limit)}" if raised and limit is not None else ""
    if used is None or not limit:
        return words
    percent = 100 * used // limit
    return f"now {percent}%" + (f", {words}" if words else "")


def replaced_words(facts: Mapping[str, object], at: datetime | None) -> str:
    """`The limit was raised to 25,000 on 25 Mar 14:05; a newer post tells how it stands`."""
    ended = facts.get("resolved")
    ended = ended if isinstance(ended, Mapping) else {}
    limit, before = as_number(ended.get("limit")), as_number(facts.get("limit"))
    if ended.get("reason") == "passed":
        words = "The limit was reached"
    elif limit is None or before is None:
        words = "Another limit counts"
    elif limit == before:
        words = "The budget was set anew"
    else:
        step = "raised" if limit > before else "lowered"
        words = f"The limit was {step} to {credits_text(limit)}"
    when = "" if at is None else f" on {moment_text(at)}"
    return f"{words}{when}; a newer post tells how it stands"


def threshold_resolved(told: Told) -> str:
    """`March credits of Sales are below 75 and 90% again, now 71%.`."""
    ended = told.part_of("resolved")
    below = _clear_of(passed_in(ended) or told.passed)
    crossed = crossed_of(told.scope, told.period_key, told.facts)
    whose = of_text(told.scope, told.query)
    if crossed is None:
        return f"credits{whose} {below}."
    if ended.get("reason") == "removed":
        below = "have no budget any more"
    elif ended.get("reason") == "revised" and as_number(ended.get("limit")) is None:
        below = "are held against another limit"
    now = resolved_words(ended, crossed.limit)
    return f"{crossed.stretch.title} credits{whose} {below}" + (f", {now}" if now else "") + "."


def _clear_of(thresholds: Sequence[Threshold]) -> str:
    """`are below 75% and have more than 500 left again`."""
    left = [amount_text(one.amount) for one in thresholds if _is_left(one)]
    words = thresholds_text([one for one in thresholds if not _is_left(one)])
    words = words.replace(" used", "") or ("" if left else "their thresholds")
    below = [f"are below {words}"] if words else []
    more = [f"have more than {joined(left)} left"] if left else []
    return f"{' and '.join([*below, *more])} again"


def _is_left(threshold: Threshold) -> TypeGuard[Mark]:
    return isinstance(threshold, Mark) and threshold.kind == "left"


def projected_resolved(told: Told) -> str:
    """`March credits are on track again, about 19,400 (80% range …)`."""
    crossed = crossed_of(told.scope, told.period_key, told.facts)
    whose = of_text(told.scope, told.query)
    if crossed is None:
        return f"the budget{whose} is not expected to be passed any more."
    now = resolved_words(told.part_of("resolved"), crossed.limit)
    words = f"{crossed.stretch.title} credits{whose} are not expected to be used up any more"
    return f"{words}{f' ({now})' if now else ''}."


def closed_text(scope: Scope, period_key: str, facts: Mapping[str, object], query: Query) -> str:
    """For digests: a line about thresholds that late usage passed after their period had ended."""
    crossed = crossed_of(scope, period_key, facts)
    passed = passed_in(facts)
    if crossed is None or not passed:
        return ""
    amounts = f"{credits_text(crossed.used)} of {credits_text(crossed.limit)}"
    whose = f"{crossed.stretch.title} credits{of_text(scope, query)}"
    return f"Late usage took {whose} past {thresholds_text(passed)} ({amounts})."


def untold_text(scope: Scope, period_key: str, facts: Mapping[str, object], query: Query) -> str:
    """For digests: a line about what fired and could not be told before its period had ended."""
    crossed = crossed_of(scope, period_key, facts)
    if crossed is None:
        return ""
    passed = passed_in(facts)
    amounts = f"{credits_text(crossed.used)} of {credits_text(crossed.limit)}"
    whose = f"{crossed.stretch.title} credits{of_text(scope, query)}"
    what = f"passed {thresholds_text(passed)}" if passed else "were expected to be used up"
    return f"{whose} {what} ({amounts}); the alert could not be told in time."


def suggested_raise(burn: BurnUp, limit: int) -> int:
    """Micro-credits that would carry a limit to the high end of its range; a tenth without one.

    Rounded up to two significant digits, so that it is a number people would type.
    """
    thin = burn.projection.is_thin or burn.projection.is_finished
    end = burn.spent + limit // 10 if thin else burn.projection.high
    wanted = max(end - limit, limit // 20, 1)
    step = int("1" + "0" * max(0, len(str(wanted)) - 2))
    return -(-wanted // step) * step
