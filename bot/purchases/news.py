"""What is told and kept of purchases: alerts with frozen numbers, rows of the audit.

Every function belongs into the transaction of the change that it tells of.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import sqlalchemy as sa

from analytics.numbers import counted_credits
from storage import audit
from storage.alerts import NewAlert, insert_alert, list_alerts, resolve, resolve_anew
from storage.purchase_policy import Policy
from storage.purchases import Purchase, counted
from storage.timekeys import date_of, first_day

PURCHASE: Final = "purchase"
CEILING: Final = "ceiling"
NOTICES: Final = (80, 90, 100)  # per cent of the month's ceiling
News = Literal["wanted", "bought", "declined", "failed", "stopped"]


def tell(
    connection: sa.Connection, policy: Policy, purchase: Purchase, news: News, *, now: datetime
) -> None:
    """Tell people what became of a purchase, each thing once."""
    insert_alert(
        connection,
        NewAlert(
            workspace_id=purchase.workspace_id,
            dedupe_key=f"p|{purchase.id}|{news}",
            kind=PURCHASE,
            subject=_subject(purchase),
            scope="workspace",
            facts={
                **purchase.facts,
                "news": news,
                "purchase": purchase.id,
                "credits": purchase.credits,
                "provider": purchase.provider,
                "is_test": purchase.is_test,
                "reason": purchase.reason,
                "reference": purchase.provider_ref,
                "month": month_text(purchase.month),
                "counted": counted(
                    connection, purchase.workspace_id, purchase.month, purchase.provider
                ),
                "ceiling": policy.ceiling,
                "approvers": policy.approvers,
                "as_of": now.isoformat(),
            },
            fired_at=now,
        ),
    )


def answered(connection: sa.Connection, purchase: Purchase, words: str, *, now: datetime) -> None:
    """Say under the question for an approval what the answer was, and what came after a yes."""
    asked = list_alerts(connection, purchase.workspace_id, subject=_subject(purchase))
    for alert in asked:
        if alert.facts.get("news") != "wanted":
            continue
        facts = {"words": words, "at": now.isoformat()}
        if not resolve(connection, alert, facts=facts, now=now):
            before = alert.facts.get("resolved") or {}
            said = f"{before.get('words', 'answered')}, but then {words}"
            resolve_anew(connection, alert, facts={**facts, "words": said}, now=now)


def watch_ceiling(
    connection: sa.Connection, policy: Policy, purchase: Purchase, *, now: datetime
) -> None:
    """Tell when the month's sum has reached 80, 90 or 100 % of the ceiling, each once a month."""
    if purchase.is_test:
        return
    workspace, month = purchase.workspace_id, month_text(purchase.month)
    used = counted(connection, workspace, purchase.month, purchase.provider)
    subject = f"ceiling:{purchase.provider}:{month}"
    before = list_alerts(connection, workspace, kinds=[CEILING], subject=subject)
    told = max((max(alert.facts["percents"]) for alert in before), default=0)
    fresh = [one for one in NOTICES if one > told and used * 100 >= one * policy.ceiling]
    if not fresh:
        return
    insert_alert(
        connection,
        NewAlert(
            workspace_id=workspace,
            dedupe_key=f"p|{subject}|{fresh[-1]}",
            kind=CEILING,
            subject=subject,
            scope="workspace",
            facts={
                "percents": fresh,
                "used": used,
                "limit": policy.ceiling,
                "month": month,
                "provider": purchase.provider,
                "as_of": now.isoformat(),
            },
            fired_at=now,
        ),
    )


def record(
    connection: sa.Connection, purchase: Purchase, *, result: str = "done", now: datetime
) -> None:
    """Put what creditbot itself did with a purchase into the audit."""
    audit.record_own(
        connection,
        purchase.workspace_id,
        at=now,
        action=f"purchase {purchase.state}",
        object=f"purchase {purchase.id}",
        after=summary(purchase),
        result=result,
    )


def summary(purchase: Purchase) -> str:
    """`5,000 credits, webhook, reference A-17`."""
    parts = [counted_credits(purchase.credits), purchase.provider]
    if purchase.is_test:
        parts.append("test")
    if purchase.provider_ref:
        parts.append(f"reference {purchase.provider_ref}")
    if purchase.reason:
        parts.append(purchase.reason)
    return ", ".join(parts)


def month_text(month: int) -> str:
    """`2026-03`."""
    return f"{date_of(first_day(month)):%Y-%m}"


def _subject(purchase: Purchase) -> str:
    return f"purchase:{purchase.id}"
