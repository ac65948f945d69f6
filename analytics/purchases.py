"""What is said of purchases: how buying stands, and what became of each purchase."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from analytics.grants import HOW_TO_ADD
from analytics.lines import framed
from analytics.numbers import counted_credits, credits_text
from analytics.purchase_need import Level, is_across, is_armed, wanted
from analytics.query import Query
from analytics.report import (
    TEST,
    Actions,
    Block,
    Button,
    Column,
    Fact,
    Facts,
    Note,
    Report,
    Row,
    Table,
)
from analytics.stretches import Stretch
from analytics.text import clean
from storage.budgets import Period
from storage.purchase_policy import Policy
from storage.purchases import Purchase

TITLE = "Credit Purchases"
HISTORY = (
    Column("id", "ID"),
    Column("start", "Asked", "moment"),
    Column("credits", "Credits", "credits"),
    Column("status", "State"),
    Column("why", "Why"),
    Column("reference", "Reference"),
)
_LIMITS: Mapping[str, str] = {"budget": " of the budget", "plan": " of the plan"}
APPROVERS: Mapping[str, str] = {"owners": "owners", "admins": "owners and admins"}
NO_POLICY = Note(
    "An owner says when: `purchase policy trigger=100% pack=5000 ceiling=20000`, then "
    "`purchase on`.",
    "hint",
)
DRY_RUN = Note("Dry run: every step is taken, but nothing is bought and no pack is added.")
UNCERTAIN = Note(
    "Nobody knows whether it was sold: ask the provider. What was sold is added with "
    "`grants add pack`; it counts against the ceiling either way.",
    "hint",
)
STATES: Mapping[str, str] = {
    "proposed": "waits for approval",
    "approved": "approved",
    "sending": "being sent",
    "pending": "asked, no clear answer yet",
    "accepted": "bought",
    "declined": "declined",
    "failed": "failed, perhaps sold",
    "cancelled": "not bought",
    "expired": "not bought",
}
TRIED = "would be bought"
ONWARD = (Button("Purchases", "purchase"), Button("Grants", "grants list"))


@dataclass(frozen=True, slots=True)
class Standing:
    """How buying stands: micro-credits of this month that are `bought`, `tried` and maybe sold.

    Tried out is what would have been bought: it counts against the ceiling of a dry run alone.

    `may_decide` and `may_read` are what the asker may: approve, and see where requests go.
    """

    policy: Policy
    level: Level
    bought: int
    unclear: int
    since: Sequence[Purchase]
    purchases: Sequence[Purchase]
    tried: int = 0
    may_decide: bool = False
    may_read: bool = False

    @property
    def room(self) -> int:
        """What the ceiling of the month leaves."""
        return max(self.policy.ceiling - self.bought - self.tried - self.unclear, 0)

    @property
    def waiting(self) -> list[Purchase]:
        """What needs a yes: the real question, then the newest test."""
        asked = [one for one in self.purchases if one.state == "proposed"]
        real = [one for one in asked if not one.is_test]
        return [*real, *[one for one in asked if one.is_test][:1]]


# ---- the status


def no_policy_report(query: Query) -> Report:
    """That nothing is bought by itself, and how to change that."""
    buttons = Actions((Button("Grants", "grants list"), Button("Budget", "budget")))
    return framed(query, TITLE, "Credits are not bought by themselves", (NO_POLICY, buttons))


def status_report(query: Query, standing: Standing) -> Report:
    """Policy, the month's sum against its ceiling, the line, and what was bought."""
    policy, level = standing.policy, standing.level
    rows = tuple(_row(one, query) for one in standing.purchases)
    return framed(
        query,
        TITLE,
        _headline(standing),
        (
            Facts(tuple(_facts(standing))),
            *((Table(HISTORY, rows),) if rows else (Note("Nothing was bought yet."),)),
            *_next(query, standing),
            *_notes(policy, level),
            _steps(standing),
        ),
    )


def _headline(standing: Standing) -> str:
    policy = standing.policy
    if standing.waiting:
        first, *others = standing.waiting
        kind = "Test purchase" if first.is_test else "Purchase"
        too = f"; so does test {others[0].id}" if others else ""
        amount = counted_credits(first.credits)
        return f"{kind} {first.id} of {amount} waits for a yes{too}"
    if not policy.is_on:
        return f"Off; it would {policy_text(policy)}"
    across = is_across(standing.level, policy, standing.since)
    words = "; the trigger is reached" if across else ""
    return f"On: {policy_text(policy)}{words}"


def policy_text(policy: Policy) -> str:
    """`buy 5,000 credits at 90% used, up to 20,000 a month; a person approves; dry run`."""
    amount = (
        counted_credits(policy.pack)
        if policy.pack is not None
        else f"up to a balance of {counted_credits(policy.target or 0)}"
    )
    who = "a person approves" if policy.approval == "admin" else "nobody is asked"
    how = "dry run" if policy.provider == "dry-run" else "webhook"
    limit = f"up to {credits_text(policy.ceiling)} a month"
    return f"buy {amount} at {trigger_words(policy)}, {limit}; {who}; {how}"


def trigger_words(policy: Policy) -> str:
    """`100% used`, `fewer than 2,000 left`."""
    if policy.trigger_left is not None:
        return f"fewer than {credits_text(policy.trigger_left)} left"
    return f"{policy.trigger_pct}% used"


def _facts(standing: Standing) -> Iterator[Fact]:
    policy, level = standing.policy, standing.level
    yield Fact("bought", "Bought this month", standing.bought, "credits")
    if policy.provider == "dry-run":
        yield Fact("tried", "Would be bought this month", standing.tried, "credits")
    yield Fact("pending", "Without an answer", standing.unclear, "credits")
    yield Fact("remaining", "Left of the ceiling", standing.room, "credits")
    yield Fact("budget", "Ceiling a month", policy.ceiling, "credits")
    yield Fact("level", "Now", level_text(level, policy))
    if policy.provider == "webhook" and standing.may_read:
        yield Fact("provider", "Provider", place_of(policy.url or ""))
    if policy.approval == "admin":
        yield Fact("approvers", "May approve", APPROVERS[policy.approvers])


def level_text(level: Level, policy: Policy) -> str:
    """`18,050 of 20,000 used`, `1,940 left`."""
    if policy.trigger_left is not None:
        return f"{credits_text(level.left)} left"
    if level.limit is None:
        return "no budget and no plan"
    return f"{credits_text(level.used)} of {credits_text(level.limit)} used"


def place_of(url: str) -> str:
    """An address as people may read it: without what may be secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}" if parts.netloc else "none"


def _row(purchase: Purchase, query: Query) -> Row:
    zone = query.reader.clock.zone
    again = purchase.not_before.astimezone(zone)
    state = state_text(purchase)
    if purchase.ended_at is None and purchase.state in ("pending", "declined"):
        state = f"{state}; asked again {again:%d %b %H:%M}"
    return (
        str(purchase.id),
        purchase.created_at.astimezone(zone),
        purchase.credits,
        state,
        clean(purchase.reason, 200) if purchase.reason else _cause(purchase.facts),
        purchase.provider_ref,
    )


def state_text(purchase: Purchase) -> str:
    """`bought`, `dry run: would be bought`, `test: waits for approval`."""
    kind = "test: " if purchase.is_test else "dry run: " if purchase.provider == "dry-run" else ""
    return f"{kind}{outcome_text(purchase)}"


def outcome_text(purchase: Purchase) -> str:
    """`bought`, `would be bought`, `waits for approval`."""
    is_tried = purchase.provider == "dry-run" and purchase.state == "accepted"
    return TRIED if is_tried else STATES[purchase.state]


def _cause(facts: Mapping[str, Any]) -> str:
    """`18,050 of 20,000 used`, `1,940 left`: why it was asked for."""
    if facts.get("trigger_left") is not None:
        return f"{credits_text(_number(facts, 'left'))} left"
    if facts.get("limit") is None:
        return "typed"
    used, limit = _number(facts, "used"), _number(facts, "limit")
    return f"{credits_text(used)} of {credits_text(limit)} used"


def _next(query: Query, standing: Standing) -> Iterator[Note]:
    """Why nothing waits for a yes although the trigger is reached."""
    policy, level, since = standing.policy, standing.level, standing.since
    ours = [one for one in standing.purchases if not one.is_test]
    is_open = any(one.ended_at is None for one in ours)
    if not policy.is_on or is_open or not is_across(level, policy, since):
        return
    if not is_armed(query, level, policy, since):
        yield Note(
            "This crossing was asked about already: the next one counts once use was below the "
            "trigger again, or as much was used as was asked for.",
            "hint",
        )
    elif standing.room <= 0:
        yield Note("The ceiling of the month is used up: nothing more is bought.", "hint")
    elif wanted(level, policy, standing.room) > 0:
        yield Note("A purchase is proposed within seconds.", "hint")


def _notes(policy: Policy, level: Level) -> Iterator[Block]:
    if policy.trigger_left is None and level.limit is None:
        yield Note("Without a budget and a plan nothing is bought at a share used.", "hint")
        yield HOW_TO_ADD
    if policy.provider == "dry-run":
        yield DRY_RUN


def _steps(standing: Standing) -> Actions:
    waiting = standing.waiting if standing.may_decide else []
    decide = [button for one in waiting for button in _decide(one.id, is_test=one.is_test)]
    return Actions((*decide, Button("Grants", "grants list"), Button("Budget", "budget")))


def _decide(number: int, *, is_test: bool) -> tuple[Button, Button]:
    what = " test" if is_test else ""
    return (
        Button(f"Approve{what}", f"purchase approve {number}", "do"),
        Button(f"Decline{what}", f"purchase decline {number}", "do"),
    )


# ---- after a change


def changed_report(headline: str, *notes: Note) -> Report:
    """What was changed, and the way on."""
    return Report(TITLE, headline, (*notes, Actions(ONWARD)))


# ---- what is told unasked


def purchase_report(query: Query, facts: Mapping[str, Any]) -> Report:
    """An alert of the kind `purchase` or `ceiling`, from its frozen facts alone.

    A fact that is missing leaves a sentence out.
    """
    headline, notes, buttons = _ceiling(facts) if "percents" in facts else _news(facts)
    when = _moment(query, facts)
    asked = (Facts((Fact("as_of", "As of", when, "moment"),)),) if when else ()
    return Report(TITLE, headline, (*notes, *asked, Actions(buttons)), own_buttons=True)


def resolved_words(facts: Mapping[str, Any]) -> str:
    """How a question ended: `approved by Anna`."""
    ended = facts.get("resolved")
    words = ended.get("words") if isinstance(ended, Mapping) else None
    return clean(str(words), 200) if words else "answered"


Told = tuple[str, list[Block], tuple[Button, ...]]


def _ceiling(facts: Mapping[str, Any]) -> Told:
    used, limit = _number(facts, "used"), _number(facts, "limit")
    left = limit - used
    words = (
        "Nothing more is bought this month; an owner may raise it: `purchase policy ceiling=30000`."
        if left <= 0
        else f"{counted_credits(left)} can still be bought this month."
    )
    notes: list[Block] = [Note(words, "hint")]
    if facts.get("provider") == "dry-run":
        notes.append(DRY_RUN)
    sums = f"{credits_text(used)} of {counted_credits(limit)}"
    percent = max(facts["percents"], default=100)
    tried = "Dry run: " if facts.get("provider") == "dry-run" else ""
    return f"{tried}{percent}% of the month's purchase ceiling: {sums}", notes, ONWARD


def _news(facts: Mapping[str, Any]) -> Told:
    amount = counted_credits(_number(facts, "credits"))
    reason = clean(facts["reason"], 200) if facts.get("reason") else "no reason is known"
    headline, notes = _told(facts, amount, reason)
    if facts.get("is_test"):
        headline = f"{TEST}{headline}"
    elif facts.get("provider") == "dry-run":
        headline = f"Dry run: {headline}"
    blocks: list[Block] = [Facts(tuple(_frozen(facts))), *notes]
    if facts.get("provider") == "dry-run":
        blocks.append(DRY_RUN)
    number, is_test = _number(facts, "purchase"), bool(facts.get("is_test"))
    decide = _decide(number, is_test=is_test) if facts.get("news") == "wanted" else ()
    return headline, blocks, (*decide, *ONWARD)


def _told(facts: Mapping[str, Any], amount: str, reason: str) -> tuple[str, list[Block]]:
    """The finding, and what to do about it."""
    match facts.get("news"):
        case "wanted":
            who = APPROVERS.get(str(facts.get("approvers")), "owners")
            ask: list[Block] = [Note(f"It needs a yes: {who}.", "hint")]
            return f"Buy {amount}? {_cause(facts)}", [] if facts.get("resolved") else ask
        case "bought" if facts.get("provider") == "dry-run":
            return f"{amount} would be bought now", []
        case "bought":
            words = f"They are a pack of their own: `Purchase {_number(facts, 'purchase')}`."
            return f"Bought: {amount}", [Note(words)]
        case "declined":
            return f"The provider declined {amount}: {reason}", []
        case "stopped":
            return f"Not bought: {amount}, because {reason}", []
        case _:
            return f"{amount} may have been bought: {reason}", [UNCERTAIN]


def _frozen(facts: Mapping[str, Any]) -> Iterator[Fact]:
    used, limit = _number(facts, "used"), _number(facts, "limit")
    if facts.get("trigger_left") is not None:
        line = f"fewer than {credits_text(_number(facts, 'trigger_left'))}"
        yield Fact("left", "Left in plan and packs", _number(facts, "left"), "credits", line)
    elif facts.get("limit") is not None:
        # What packs still hold is another matter than how a budget stands.
        of = _LIMITS.get(str(facts.get("subject")).partition(":")[0], "")
        yield Fact("used", "Used", used, "credits", f"of {credits_text(limit)}{of}")
        if used > limit:
            yield Fact("over", "More than that by", used - limit, "credits")
        else:
            yield Fact("left", "Left of it", limit - used, "credits")
    if {"first", "end", "period"} <= facts.keys():
        first, end = (date.fromisoformat(str(facts[name])) for name in ("first", "end"))
        period: Period = facts["period"]
        yield Fact("period", "Period", Stretch(first, end, period).title)
    note = f"of {credits_text(_number(facts, 'ceiling'))}"
    is_tried = facts.get("provider") == "dry-run"
    label = "With dry runs this month" if is_tried else "Bought this month"
    yield Fact("counted", label, _number(facts, "counted"), "credits", note)
    if facts.get("reference"):
        yield Fact("reference", "Reference", clean(str(facts["reference"]), 120))


def _number(facts: Mapping[str, Any], name: str) -> int:
    found = facts.get(name)
    return found if isinstance(found, int) else 0


def _moment(query: Query, facts: Mapping[str, Any]) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(facts.get("as_of")))
    except ValueError:
        return None
    return found.astimezone(query.reader.clock.zone) if found.tzinfo else None
