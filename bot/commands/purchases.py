"""Buying credits by policy: how it stands, who may change it, yes and no to a purchase.

Buying is a matter of owners, and of admins where an owner says so.  Every admin may stop it, say
no, and try it out.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import cast

import sqlalchemy as sa

from analytics import purchase_need as need
from analytics import purchases as words
from analytics.errors import UserError
from analytics.numbers import counted_credits, credits_text
from analytics.purchases import Standing, changed_report, policy_text
from analytics.query import Query
from analytics.report import Note, Report
from analytics.text import clean
from analytics.timerange import parse_range
from bot.context import Context, NotAllowed, Role, outranks
from bot.params import ApprovalBy, Approvers, NamedAmount, Number, ProviderUrl, Trigger
from bot.purchases.news import answered, summary, tell
from bot.registry import command
from storage import purchases
from storage.events import MICRO
from storage.purchase_policy import Approval, Policy, find_policy, keep_policy
from storage.purchase_policy import Approvers as Who
from storage.purchases import NewPurchase, Purchase
from storage.timekeys import month_number

OFF = "buying was turned off"
OTHER_PROVIDER = "the provider was changed"
TEST_DAYS = timedelta(days=1)
TEST_CREDITS = MICRO


@command("purchase", example="purchase", aliases=("purchases",), native="grants purchase-status")
def status(ctx: Context) -> Report:
    """How buying credits by itself stands.

    Policy, what was bought this month of its ceiling, and each purchase with its reason.
    """
    connection, workspace = _place(ctx)
    query, policy = _month(ctx), find_policy(connection, workspace)
    if policy is None:
        return words.no_policy_report(query)
    month = month_number(query.range.today)
    listed = purchases.list_purchases(connection, workspace)
    counted = purchases.counted(connection, workspace, month, policy.provider)
    bought = purchases.counted(connection, workspace, month, "webhook", is_sold=True)
    done = purchases.counted(connection, workspace, month, policy.provider, is_sold=True)
    level = need.level(query, policy)
    since = need.asked_before(query, policy, level)
    return words.status_report(
        query,
        Standing(
            policy,
            level,
            bought,
            counted - done,
            since,
            listed,
            tried=done - bought,
            may_decide=_refused(ctx, policy) is None,
            may_read=outranks(ctx.asker.role, "admin"),
        ),
    )


@command(
    "purchase policy",
    example="purchase policy trigger=100% pack=5000 ceiling=20000",
    needs="admin",
    changes=True,
    native="grants purchase-policy",
)
def set_policy(  # noqa: PLR0913, PLR0917  # the parts of a policy
    ctx: Context,
    trigger: Trigger | None,
    pack: NamedAmount | None,
    target: NamedAmount | None,
    ceiling: NamedAmount | None,
    approval: ApprovalBy | None,
    approvers: Approvers | None,
) -> Report:
    """Say when credits are bought, and how many.

    At a share of the budget or plan used (`trigger=90%`), or with fewer credits left
    (`trigger=2000`).  One pack, or what brings the balance to `target`; never more than `ceiling`
    in a month.  What is left out stays.  It buys after `purchase on`.
    """
    before = _policy(ctx)
    _permit(ctx, before)
    if pack is not None and target is not None:
        raise UserError(
            "A purchase is one pack or what is missing to a balance.",
            hint="Keep `pack=` or `target=`.",
        )
    after = _with_amounts(before, pack, target, ceiling)
    if trigger is not None:
        after = replace(after, trigger_pct=trigger.percent, trigger_left=trigger.left)
    if approval is not None:
        after = replace(after, approval=cast("Approval", str(approval)))
    if approvers is not None:
        if not outranks(ctx.asker.role, "owner"):
            raise NotAllowed("Who decides about buying is for owners to say.", hint="Ask one.")
        after = replace(after, approvers=cast("Who", str(approvers)))
    _check(after)
    return _kept(ctx, "purchase policy", before, after)


@command(
    "purchase url",
    example="purchase url https://billing.example.com/credits",
    needs="admin",
    changes=True,
    native="grants purchase-url",
)
def set_url(ctx: Context, url: ProviderUrl) -> Report:
    """Name the provider's webhook, or `dry-run`.

    Requests are signed with CREDITBOT_PURCHASE_SECRET.  What waits for the provider before is
    cancelled.
    """
    before = _known(ctx)
    _permit(ctx, before)
    after = replace(before, provider="webhook" if url else "dry-run", url=str(url) or None)
    if (after.provider, after.url) != (before.provider, before.url):
        _cancel_open(ctx, OTHER_PROVIDER)
    return _kept(ctx, "purchase url", before, after)


@command(
    "purchase on", example="purchase on", needs="admin", changes=True, native="grants purchase-on"
)
def turn_on(ctx: Context) -> Report:
    """Buy by the policy from now on."""
    before = _known(ctx)
    _permit(ctx, before)
    return _kept(ctx, "purchase on", before, replace(before, is_on=True))


@command(
    "purchase off",
    example="purchase off",
    needs="admin",
    changes=True,
    native="grants purchase-off",
)
def turn_off(ctx: Context) -> Report:
    """Buy nothing more.

    What was not sent yet is cancelled; what may be sold is asked about until it is clear.
    """
    before = _known(ctx)
    _cancel_open(ctx, OFF)
    return _kept(ctx, "purchase off", before, replace(before, is_on=False))


@command(
    "purchase approve",
    example="purchase approve 1",
    needs="admin",
    changes=True,
    native="grants purchase-approve",
)
def approve(ctx: Context, number: Number) -> Report:
    """Say yes to a purchase.

    Owners may; admins after `purchase policy approvers=admins`.
    """
    _permit(ctx, _known(ctx))
    place = _place(ctx)
    actor = ctx.asker.identity.actor
    approved = purchases.approve(*place, number, actor=actor, now=ctx.now)
    if approved is None:
        return _too_late(ctx, number)
    ctx.record("purchase approve", f"purchase {number}", after=summary(approved))
    answered(place[0], approved, f"approved by {_who(ctx)}", now=ctx.now)
    return changed_report(
        f"Purchase {number} of {counted_credits(approved.credits)} is approved",
        Note("It is sent within seconds; the channel hears what comes of it."),
        *([words.DRY_RUN] if approved.provider == "dry-run" else []),
    )


@command(
    "purchase decline",
    example="purchase decline 1",
    needs="admin",
    changes=True,
    native="grants purchase-decline",
)
def decline(ctx: Context, number: Number) -> Report:
    """Say no to a purchase that was not sent yet, or give one up that the provider declined."""
    place = _place(ctx)
    ended = purchases.cancel(*place, number, reason=purchases.REFUSED, now=ctx.now)
    if ended is None:
        return _too_late(ctx, number)
    ctx.record("purchase decline", f"purchase {number}", after=summary(ended))
    answered(place[0], ended, f"declined by {_who(ctx)}", now=ctx.now)
    if ended.is_test:
        return changed_report(f"Test purchase {number} is declined; nothing else changes by it")
    return changed_report(
        f"Purchase {number} is not bought; this crossing is not asked about again"
    )


@command(
    "purchase test",
    example="purchase test",
    needs="admin",
    changes=True,
    native="grants purchase-test",
)
def test(ctx: Context) -> Report:
    """Try every step without buying.

    A dry run of one pack takes the same steps: alert, approval, ledger of purchases.  No pack is
    added and nothing counts.
    """
    connection, workspace = _place(ctx)
    policy = _known(ctx)
    number = secrets.token_hex(16)
    query = _month(ctx)
    made = purchases.propose(
        connection,
        NewPurchase(
            workspace_id=workspace,
            dedupe_key=f"p|test|{number}",
            idempotency_key=number,
            credits=policy.pack or TEST_CREDITS,
            month=month_number(query.range.today),
            provider="dry-run",
            url=None,
            is_test=True,
            facts=need.facts_of(need.level(query, policy), policy),
            expires_at=ctx.now + TEST_DAYS,
            approved_by=ctx.asker.identity.actor if policy.approval == "automatic" else None,
        ),
        now=ctx.now,
    )
    if made is None:
        raise UserError("The test could not be made.", hint="Try it again.")
    if made.state == "proposed":
        tell(connection, policy, made, "wanted", now=ctx.now)
    ctx.record("purchase test", f"purchase {made.id}", after=summary(made))
    how = "It waits for a yes, as a real one would." if made.state == "proposed" else ""
    return changed_report(f"Test purchase {made.id} is on its way", Note(how or words.DRY_RUN.text))


# ---- who may


def _permit(ctx: Context, policy: Policy | None) -> None:
    refused = _refused(ctx, policy)
    if refused is not None:
        raise refused


def _refused(ctx: Context, policy: Policy | None) -> NotAllowed | None:
    """Why an asker may not decide about buying; None where they may."""
    needed: Role = "admin" if policy is not None and policy.approvers == "admins" else "owner"
    if outranks(ctx.asker.role, needed):
        return None
    return NotAllowed(
        "Buying credits is decided by owners here.",
        hint="An owner lets admins do so, too, with `purchase policy approvers=admins`.",
    )


def _who(ctx: Context) -> str:
    """Who decides, for the post that asked: the name is made harmless where it is shown."""
    return clean(ctx.asker.identity.name or "an admin", 60)


# ---- what holds


def _place(ctx: Context) -> tuple[sa.Connection, int]:
    return ctx.reader.connection, ctx.reader.workspace.id


def _month(ctx: Context) -> Query:
    today = ctx.reader.clock.local_date(ctx.now)
    return Query(ctx.reader, ctx.now, parse_range("this month", today))


def _policy(ctx: Context) -> Policy | None:
    return find_policy(*_place(ctx))


def _known(ctx: Context) -> Policy:
    """The policy; raises UserError where there is none."""
    found = _policy(ctx)
    if found is None:
        raise UserError(
            "There is no policy of buying yet.",
            hint="Make one: `purchase policy trigger=100% pack=5000 ceiling=20000`.",
        )
    return found


def _with_amounts(
    before: Policy | None, pack: int | None, target: int | None, ceiling: int | None
) -> Policy:
    """The policy with other amounts; a pack takes the place of a target, and the other way."""
    if before is None and (ceiling is None or (pack is None and target is None)):
        raise UserError(
            "A first policy needs a ceiling, and a pack or a target.",
            hint="For example `purchase policy trigger=100% pack=5000 ceiling=20000`.",
        )
    known = before or Policy(ceiling=ceiling or 0)
    if ceiling is not None:
        known = replace(known, ceiling=ceiling)
    if pack is not None or target is not None:
        known = replace(known, pack=pack, target=target)
    return known


def _check(policy: Policy) -> None:
    """Raise UserError for a policy that could never do what it says."""
    if policy.pack is not None and policy.pack > policy.ceiling:
        raise UserError(
            f"A pack of {counted_credits(policy.pack)} is more than the month's ceiling of "
            f"{credits_text(policy.ceiling)}.",
            hint="Raise `ceiling=`, or take a smaller pack.",
        )
    left, target = policy.trigger_left, policy.target
    if left is not None and target is not None and target < left:
        raise UserError(
            f"A balance of {counted_credits(target)} is below the trigger of "
            f"{credits_text(left)}: it would buy again at once.",
            hint="Take a higher `target=`.",
        )


def _kept(ctx: Context, verb: str, before: Policy | None, after: Policy) -> Report:
    """Keep a policy and say how it stands."""
    actor = ctx.asker.identity.actor
    keep_policy(*_place(ctx), after, actor=actor, now=ctx.now)
    was = None if before is None else _audited(before)
    ctx.record(verb, "purchase policy", before=was, after=_audited(after))
    state = "On" if after.is_on else "Off"
    notes = [] if before is None or before == after else [Note(f"Before: {was}.", "delta")]
    if not after.is_on:
        notes.append(Note("`purchase on` turns it on.", "hint"))
    return changed_report(f"{state}: {policy_text(after)}", *notes)


def _audited(policy: Policy) -> str:
    where = f" {words.place_of(policy.url)}" if policy.url else ""
    return f"{'on' if policy.is_on else 'off'}: {policy_text(policy)}{where}"


def _cancel_open(ctx: Context, reason: str) -> None:
    place = _place(ctx)
    for ended in purchases.cancel_open(*place, reason=reason, now=ctx.now):
        ctx.record("purchase cancelled", f"purchase {ended.id}", after=summary(ended))
        answered(place[0], ended, f"cancelled, because {reason}", now=ctx.now)


def _too_late(ctx: Context, number: int) -> Report:
    """What a purchase is instead of waiting; changes nothing, so a button stays pressed."""
    found: Purchase | None = purchases.purchase_by_id(*_place(ctx), number)
    if found is None:
        raise UserError(f"There is no purchase {number}.", hint="`purchase` lists them.")
    if found.state == "proposed":
        return changed_report(f"Purchase {number} is not waiting any more: {purchases.OVER}")
    why = f": {clean(found.reason, 200)}" if found.reason else ""
    return changed_report(f"Purchase {number} is not waiting: {words.outcome_text(found)}{why}")
