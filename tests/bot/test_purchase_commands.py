"""Buying by line and button: who may, what is said, what is kept, what is a mistake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from analytics.errors import UserError
from analytics.report import Actions, Button, Fact, Facts, Note, Report
from bot.alerts.kinds import tell, tell_resolved
from bot.alerts.routing import route
from bot.alerts.standing import standing
from bot.buttons import public_values
from bot.context import Identity
from bot.desk import Desk
from bot.purchases.news import News
from bot.purchases.news import tell as announce
from bot.purchases.worker import Purchasing
from bot.registry import parse
from bot.render import discord, slack, text
from storage.alerts import Alert, list_alerts
from storage.engine import reading, writing
from storage.purchase_policy import Policy, find_policy
from storage.purchases import list_purchases
from storage.roles import set_role
from storage.workspaces import bind_chat, create_workspace
from tests.analytics.world import World, column, table_of
from tests.bot.alerts.routed import channel, posted, rows
from tests.cast import NOW, ZONE, event
from tests.databases import Filling

OWNER = Identity("slack", "T1", "UOWNER", name="Olga")
ALICE = Identity("slack", "T1", "UALICE", name="Alice")
BOB = Identity("slack", "T1", "UBOB")
CHARLIE = Identity("slack", "T2", "UOWNER2")
POLICY = "purchase policy trigger=90% pack=5000 ceiling=20000"
WEBHOOK = "purchase url https://shop.example/buy?account=hidden"


@pytest.fixture(scope="module")
def sqlite_template(filled: Filling) -> Path:
    """An owner, Alice as admin and Bob as member; Charlie owns another workspace."""
    return filled(_company)


def _company(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        other = create_workspace(connection, "elsewhere", zone=ZONE, now=NOW)
        for workspace, team in ((1, "T1"), (other.id, "T2")):
            bind_chat(connection, workspace, platform="slack", external_id=team, now=NOW)
        alice = {"platform": "slack", "external_id": "T1", "user_id": "UALICE"}
        set_role(connection, 1, **alice, role="admin")
    World(engine).write([event(credits=18_000_000_000)])


@pytest.fixture
def desk(sqlite_engine: sa.Engine) -> Iterator[Desk]:
    """Where they all ask."""
    owners = [OWNER.actor, CHARLIE.actor]
    with closing(Desk(sqlite_engine, now=lambda: NOW, owners=owners)) as desk:
        yield desk


@pytest.fixture
def waiting(desk: Desk) -> Desk:
    """The same with a real purchase that waits for a yes."""
    for line in ("budget set 20000 monthly", POLICY, WEBHOOK, "purchase on"):
        assert desk.answer(line, OWNER).line
    Purchasing(desk.engine, lambda: NOW, None).look_at(1)
    return desk


def policy(desk: Desk) -> Policy | None:
    with reading(desk.engine) as connection:
        return find_policy(connection, 1)


def states(desk: Desk) -> list[str]:
    with reading(desk.engine) as connection:
        return [one.state for one in list_purchases(connection, 1)]


def audited(desk: Desk) -> list[tuple[str, str]]:
    with reading(desk.engine) as connection:
        rows = connection.execute(sa.text("SELECT action, result FROM audit ORDER BY seq"))
        return [(row.action, row.result) for row in rows if row.action.startswith("purchase")]


def in_channel(desk: Desk) -> World:
    """The question stands in a channel."""
    world = World(desk.engine)
    channel(world)
    assert route(desk.engine, NOW) == 1
    posted(world)
    return world


def buttons(report: Report) -> list[Button]:
    rows = (block for block in report.blocks if isinstance(block, Actions))
    return [button for row in rows for button in row.buttons]


def done_by(report: Report) -> list[str]:
    return [button.line for button in buttons(report) if button.verb == "do"]


def facts(report: Report) -> dict[str, Fact]:
    found = (block for block in report.blocks if isinstance(block, Facts))
    return {fact.key: fact for block in found for fact in block.facts}


def said(report: Report) -> str:
    notes = (block.text for block in report.blocks if isinstance(block, Note))
    return " ".join([report.headline, *notes])


# ---- the policy


def test_without_a_policy_it_says_how_to_make_one(desk: Desk) -> None:
    report = desk.answer("purchase", BOB)
    assert report.headline == "Credits are not bought by themselves"
    assert "`purchase policy trigger=100% pack=5000 ceiling=20000`" in said(report)


def test_a_policy_is_made_off_and_in_dry_run(desk: Desk) -> None:
    report = desk.answer("purchase policy pack=5k ceiling=20,000", OWNER)
    assert report.headline == (
        "Off: buy 5,000 credits at 100% used, up to 20,000 a month; a person approves; dry run"
    )
    assert policy(desk) == Policy(ceiling=20_000_000_000, pack=5_000_000_000)


def test_what_is_left_out_stays_and_a_target_takes_the_place_of_a_pack(desk: Desk) -> None:
    desk.answer(POLICY, OWNER)
    report = desk.answer("purchase policy target=8000 trigger=2000 approval=automatic", OWNER)
    assert report.headline == (
        "Off: buy up to a balance of 8,000 credits at fewer than 2,000 left, "
        "up to 20,000 a month; nobody is asked; dry run"
    )
    assert "Before: off: buy 5,000 credits at 90% used" in said(report)


def test_an_address_is_shown_without_what_may_be_secret_in_it(waiting: Desk) -> None:
    assert facts(waiting.answer("purchase", ALICE))["provider"].value == "https://shop.example/buy"
    assert "provider" not in facts(waiting.answer("purchase", BOB))
    with reading(waiting.engine) as connection:
        rows = connection.execute(sa.text("SELECT * FROM audit")).all()
    assert "shop.example/buy" in repr(rows)
    assert "hidden" not in repr([rows, waiting.answer("purchase", OWNER)])


def test_an_other_provider_or_off_cancels_what_was_not_sent(waiting: Desk) -> None:
    waiting.answer("purchase url dry-run", OWNER)
    assert states(waiting) == ["cancelled"]
    waiting.answer("purchase test", OWNER)
    waiting.answer("purchase off", ALICE)
    assert states(waiting) == ["cancelled", "cancelled"]
    assert policy(waiting) == Policy(
        ceiling=20_000_000_000, pack=5_000_000_000, trigger_pct=90, is_on=False
    )


@pytest.mark.parametrize(
    ("line", "quoted", "help_"),
    [
        ("purchase policy", "ceiling", "pack=5000"),
        ("purchase policy pack=5000", "ceiling", "ceiling=20000"),
        ("purchase policy pack=5000 target=1 ceiling=9000", "one pack", "Keep"),
        ("purchase policy pack=5000 ceiling=4000", "5,000", "Raise"),
        ("purchase policy trigger=2000 target=1000 ceiling=9000", "1,000", "higher"),
        ("purchase policy trigger=0% pack=1 ceiling=2", "0%", "trigger=90%"),
        ("purchase policy trigger=101% pack=1 ceiling=2", "101%", "trigger=90%"),
        ("purchase policy trigger=ninety pack=1 ceiling=2", "ninety", "trigger=90%"),
        ("purchase policy trigger=１００% pack=1 ceiling=2", "１００%", "trigger=90%"),
        ("purchase policy pack=0 ceiling=2", "0", "20000"),
        ("purchase policy pack=1e308 ceiling=2", "1e308", "20000"),
        ("purchase policy pack=-5 ceiling=2", "-5", "20000"),
        ("purchase policy pack=1 ceiling=2 approval=nobody", "nobody", "`automatic`"),
        ("purchase policy pack=1 ceiling=2 approvers=leads", "leads", "`admins`"),
        ("purchase on", "no policy", "purchase policy"),
        ("purchase test", "no policy", "purchase policy"),
        ("purchase approve 1", "no policy", "purchase policy"),
        ("purchase decline 7", "no purchase 7", "`purchase`"),
        ("purchase approve seven", "seven", "2"),
        ("purchase approve", "needs number", "purchase approve 1"),
    ],
)
def test_a_mistake_is_quoted_and_helped(desk: Desk, line: str, quoted: str, help_: str) -> None:
    with pytest.raises(UserError) as caught:
        desk.report(line, OWNER)
    assert quoted in caught.value.message
    assert help_ in caught.value.hint
    assert states(desk) == []


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/",
        "https://localhost/",
        "https://169.254.169.254/",
        "https://me:secret@shop.example/",
        "ftp://shop.example/",
        "shop",
        "https://shop.example/ x",
        "https://shöp.example/",
        "https://shop.example/" + "x" * 400,
    ],
)
def test_an_address_that_must_not_be_asked_is_refused_at_once(desk: Desk, url: str) -> None:
    desk.answer(POLICY, OWNER)
    report = desk.answer(f"purchase url {url}", OWNER)
    assert not report.line
    assert "https://" in said(report)
    found = policy(desk)
    assert found is not None
    assert found.url is None


# ---- who may


@pytest.mark.parametrize("line", [POLICY, WEBHOOK, "purchase on", "purchase approve 1"])
def test_buying_is_for_owners_until_an_owner_lets_admins(waiting: Desk, line: str) -> None:
    refused = waiting.answer(line, ALICE)
    assert "decided by owners" in refused.headline
    assert audited(waiting)[-1] == (parse(line).command.name, "refused")
    assert states(waiting) == ["proposed"]
    waiting.answer("purchase policy approvers=admins", OWNER)
    assert waiting.answer(line, ALICE).line


def test_admins_do_not_let_themselves_in_or_out(desk: Desk) -> None:
    desk.answer(f"{POLICY} approvers=admins", OWNER)
    refused = desk.answer("purchase policy approvers=owners", ALICE)
    assert refused.headline == "Who decides about buying is for owners to say."
    found = policy(desk)
    assert found is not None
    assert found.approvers == "admins"


@pytest.mark.parametrize("line", ["purchase off", "purchase decline 1", "purchase test"])
def test_every_admin_may_stop_say_no_and_try(waiting: Desk, line: str) -> None:
    assert waiting.answer(line, ALICE).line


@pytest.mark.parametrize(
    "line",
    [
        POLICY,
        WEBHOOK,
        "purchase on",
        "purchase off",
        "purchase test",
        "purchase approve 1",
        "purchase decline 1",
    ],
)
def test_members_change_nothing_and_the_audit_knows(waiting: Desk, line: str) -> None:
    before = policy(waiting)
    assert "for admins" in waiting.answer(line, BOB).headline
    assert (policy(waiting), states(waiting)) == (before, ["proposed"])
    assert audited(waiting)[-1][1] == "refused"


def test_a_former_admin_presses_an_old_button_in_vain(waiting: Desk) -> None:
    waiting.answer("purchase policy approvers=admins", OWNER)
    (approve, _) = done_by(waiting.answer("purchase", ALICE))
    with writing(waiting.engine) as connection:
        alice = {"platform": "slack", "external_id": "T1", "user_id": "UALICE"}
        set_role(connection, 1, **alice, role="member")
    assert "for admins" in waiting.answer(approve, ALICE).headline
    assert states(waiting) == ["proposed"]


def test_another_workspace_decides_nothing_here(waiting: Desk) -> None:
    waiting.answer(POLICY, CHARLIE)
    assert "no purchase 1" in waiting.answer("purchase approve 1", CHARLIE).headline
    assert "no purchase 1" in waiting.answer("purchase decline 1", CHARLIE).headline
    assert states(waiting) == ["proposed"]


# ---- yes and no


def test_only_who_may_say_yes_is_given_the_button(waiting: Desk) -> None:
    assert done_by(waiting.answer("purchase", OWNER)) == [
        "purchase approve 1",
        "purchase decline 1",
    ]
    assert done_by(waiting.answer("purchase", ALICE)) == []
    assert done_by(waiting.answer("purchase", BOB)) == []


def test_a_yes_twice_is_one_yes_and_a_no_after_it_is_too_late_only_once_sent(
    waiting: Desk,
) -> None:
    waiting.answer("purchase approve 1", OWNER)
    again = waiting.answer("purchase approve 1", OWNER)
    assert again.headline == "Purchase 1 is not waiting: approved"
    assert waiting.answer("purchase decline 1", ALICE).line
    assert states(waiting) == ["cancelled"]
    late = waiting.answer("purchase approve 1", OWNER)
    assert late.headline == "Purchase 1 is not waiting: not bought: an admin declined it"


def test_a_button_works_for_one_press(waiting: Desk) -> None:
    (approve, *_) = [b for b in buttons(waiting.answer("purchase", OWNER)) if b.verb == "do"]
    values = waiting.button_values([approve], OWNER, longest=100)
    assert "purchase" not in values[approve]
    wish = waiting.wish(values[approve], OWNER, key="click 1")
    assert wish is not None
    approved = waiting.pressed(wish, OWNER, key="click 1")
    assert approved is not None
    assert approved.line
    assert waiting.wish(values[approve], OWNER, key="click 2") is None


def test_a_post_s_button_that_the_wrong_person_pressed_works_for_the_right_one_once(
    waiting: Desk,
) -> None:
    (approve, *_) = [b for b in buttons(shown(waiting, alert(waiting))) if b.verb == "do"]
    with writing(waiting.engine) as connection:
        value = public_values(connection, 1, [approve], platform="slack", now=NOW)[approve]
    said_to = []
    for click, who in enumerate((ALICE, OWNER)):
        wish = waiting.wish(value, who, key=f"click {click}")
        assert wish is not None
        answer = waiting.pressed(wish, who, key=f"click {click}")
        assert answer is not None
        said_to.append(answer.headline)
    assert said_to == [
        "Buying credits is decided by owners here.",
        "Purchase 1 of 5,000 credits is approved",
    ]
    assert waiting.wish(value, OWNER, key="click 3") is None


def test_a_yes_after_the_period_is_too_late_before_anybody_noticed(waiting: Desk) -> None:
    with closing(
        Desk(waiting.engine, now=lambda: NOW + timedelta(days=3), owners=[OWNER.actor])
    ) as later:
        report = later.answer("purchase approve 1", OWNER)
    assert report.headline == "Purchase 1 is not waiting any more: its period is over"
    assert states(waiting) == ["proposed"]


def test_a_no_to_a_test_says_nothing_of_a_crossing(desk: Desk) -> None:
    desk.answer(POLICY, OWNER)
    desk.answer("purchase test", OWNER)
    report = desk.answer("purchase decline 1", OWNER)
    assert report.headline == "Test purchase 1 is declined; nothing else changes by it"
    late = desk.answer("purchase approve 1", OWNER)
    assert late.headline == "Purchase 1 is not waiting: not bought: an admin declined it"


def test_a_test_hides_no_real_question(waiting: Desk) -> None:
    waiting.answer("purchase test", OWNER)
    report = waiting.answer("purchase", OWNER)
    assert report.headline == ("Purchase 1 of 5,000 credits waits for a yes; so does test 2")
    assert done_by(report) == [
        f"purchase {do} {n}" for n in (1, 2) for do in ("approve", "decline")
    ]
    assert [b.label for b in buttons(report) if b.verb == "do"][2:] == [
        "Approve test",
        "Decline test",
    ]
    assert column(table_of(report), "status") == ["test: waits for approval", "waits for approval"]


async def test_a_dry_run_is_nowhere_said_to_have_bought(desk: Desk) -> None:
    for line in ("budget set 20000 monthly", POLICY, "purchase on"):
        desk.answer(line, OWNER)
    buying = Purchasing(desk.engine, lambda: NOW, None)
    await buying.turn()
    assert "nothing is bought" in said(desk.answer("purchase approve 1", OWNER))
    await buying.turn()
    report = desk.answer("purchase", OWNER)
    assert column(table_of(report), "status") == ["dry run: would be bought"]
    found = facts(report)
    assert (found["bought"].value, found["tried"].value, found["remaining"].value) == (
        0,
        5_000_000_000,
        15_000_000_000,
    )
    headlines = [shown(desk, alert(desk)).headline]
    assert headlines == ["Dry run: 5,000 credits would be bought now"]


def test_of_purchases_only_questions_and_what_may_be_sold_are_alerts_now(waiting: Desk) -> None:
    def count() -> int:
        with World(waiting.engine).context() as ctx:
            return len(standing(replace(ctx, asker=replace(ctx.asker, role="owner"))))

    assert count() == 1
    waiting.answer("purchase test", OWNER)
    assert count() == 1
    waiting.answer("purchase approve 1", OWNER)
    assert count() == 0
    with reading(waiting.engine) as connection:
        (_, real) = list_purchases(connection, 1)
    held_by: dict[News, int] = {"bought": 0, "declined": 0, "stopped": 0, "failed": 1}
    for news, held in held_by.items():
        with writing(waiting.engine) as connection:
            known = find_policy(connection, 1)
            assert known is not None
            announce(connection, known, real, news, now=NOW)
        assert count() == held


def test_the_status_tells_each_purchase_with_its_reason(waiting: Desk) -> None:
    report = waiting.answer("purchase", BOB)
    assert report.headline == "Purchase 1 of 5,000 credits waits for a yes"
    assert column(table_of(report), "status") == ["waits for approval"]
    assert column(table_of(report), "why") == ["18,000 of 20,000 used"]
    waiting.answer("purchase off", OWNER)
    report = waiting.answer("purchase", BOB)
    assert report.headline.startswith("Off; it would buy 5,000 credits at 90% used")
    assert column(table_of(report), "why") == ["buying was turned off"]


# ---- what is told unasked


def alert(desk: Desk) -> Alert:
    with reading(desk.engine) as connection:
        return list_alerts(connection, 1, kinds=["purchase"])[0]


def shown(desk: Desk, found: Alert) -> Report:
    with World(desk.engine).context() as ctx:
        return tell(found, ctx)


def changed(desk: Desk, **changes: object) -> Report:
    """The alert with other facts."""
    found = alert(desk)
    return shown(desk, replace(found, facts={**found.facts, **changes}))


def test_the_question_shows_the_frozen_numbers_and_both_buttons(waiting: Desk) -> None:
    report = shown(waiting, alert(waiting))
    assert report.headline == "Buy 5,000 credits? 18,000 of 20,000 used"
    assert done_by(report) == ["purchase approve 1", "purchase decline 1"]
    assert facts(report)["period"].value == "March"
    assert (facts(report)["used"].note, facts(report)["left"].value) == (
        "of 20,000 of the budget",
        2_000_000_000,
    )
    assert "It needs a yes: owners." in said(report)


def test_an_answered_question_says_who_and_loses_its_buttons(waiting: Desk) -> None:
    waiting.answer("purchase approve 1", OWNER)
    report = shown(waiting, alert(waiting))
    assert report.is_past
    assert "Resolved 14:05, approved by Olga." in said(report)
    assert "It needs a yes" not in said(report)
    assert done_by(report) == []
    with World(waiting.engine).context() as ctx:
        line = tell_resolved(alert(waiting), ctx)
    assert line.headline == "Resolved: approved by Olga."


def test_a_question_of_the_balance_shows_the_balance_alone(waiting: Desk) -> None:
    report = changed(waiting, trigger_left=2_000_000_000, left=1_900_000_000)
    assert (facts(report)["left"].title, facts(report)["left"].value) == (
        "Left in plan and packs",
        1_900_000_000,
    )
    assert "used" not in facts(report)


def test_use_beyond_a_limit_is_no_balance_below_zero(waiting: Desk) -> None:
    report = changed(waiting, used=21_000_000_000)
    assert facts(report)["over"].value == 1_000_000_000
    assert "left" not in facts(report)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("purchase decline 1", "declined by Alice"),
        ("purchase off", "cancelled, because buying was turned off"),
    ],
)
def test_a_no_after_a_yes_is_told_below_the_post_and_in_it(
    waiting: Desk, line: str, words: str
) -> None:
    world = in_channel(waiting)
    waiting.answer("purchase approve 1", OWNER)
    assert route(waiting.engine, NOW) == 2
    waiting.answer(line, ALICE)
    assert route(waiting.engine, NOW) == 2  # the post once more, and a line below it
    assert route(waiting.engine, NOW) == 0
    assert f"approved by Olga, but then {words}." in said(shown(waiting, alert(waiting)))
    assert sorted(row.act for row in rows(world)) == ["edit", "edit", "post", "reply", "reply"]


def test_once_it_is_sent_a_no_is_too_late(waiting: Desk) -> None:
    waiting.answer("purchase approve 1", OWNER)
    buying = Purchasing(waiting.engine, lambda: NOW, None)
    assert buying._claim(1, "token") is not None
    report = waiting.answer("purchase decline 1", ALICE)
    assert report.headline == "Purchase 1 is not waiting: being sent"
    assert states(waiting) == ["sending"]
    assert shown(waiting, alert(waiting)).is_past


def test_a_room_that_is_gone_is_told_in_the_post_that_says_approved(waiting: Desk) -> None:
    waiting.answer("purchase approve 1", OWNER)
    waiting.answer("purchase policy pack=1000 ceiling=4000", OWNER)
    Purchasing(waiting.engine, lambda: NOW, None)._claim(1, "token")
    with reading(waiting.engine) as connection:
        asked = list_alerts(connection, 1, kinds=["purchase"])[-1]
    assert "but then not bought: the month's ceiling" in said(shown(waiting, asked))


@pytest.mark.parametrize(
    ("changes", "headline"),
    [
        ({"news": "bought", "reference": "A-1"}, "Bought: 5,000 credits"),
        ({"news": "bought", "provider": "dry-run"}, "Dry run: 5,000 credits would be bought now"),
        ({"provider": "dry-run"}, "Dry run: Buy 5,000 credits? 18,000 of 20,000 used"),
        (
            {"news": "bought", "provider": "dry-run", "is_test": True},
            "TEST: 5,000 credits would be bought now",
        ),
        (
            {"news": "declined", "reason": "no funds"},
            "The provider declined 5,000 credits: no funds",
        ),
        ({"news": "stopped", "reason": "x"}, "Not bought: 5,000 credits, because x"),
        ({"news": "failed", "reason": "x"}, "5,000 credits may have been bought: x"),
        ({"is_test": True}, "TEST: Buy 5,000 credits? 18,000 of 20,000 used"),
        ({"trigger_left": 1, "left": 7_000_000}, "Buy 5,000 credits? 7 left"),
    ],
)
def test_every_piece_of_news_has_words(
    waiting: Desk, changes: dict[str, Any], headline: str
) -> None:
    report = changed(waiting, **changes)
    assert report.headline == headline
    assert report.own_buttons
    assert headline in text.render(report)


def test_the_ceiling_says_what_is_left(waiting: Desk) -> None:
    notice = {"percents": [80, 90], "used": 18 * 10**9, "limit": 20 * 10**9}
    found = replace(alert(waiting), kind="ceiling", facts=notice)
    report = shown(waiting, found)
    assert report.headline == "90% of the month's purchase ceiling: 18,000 of 20,000 credits"
    assert "2,000 credits can still be bought" in said(report)
    full = replace(found, facts={**notice, "used": 20 * 10**9, "provider": "dry-run"})
    assert "Nothing more is bought this month" in said(shown(waiting, full))


def test_facts_that_another_version_wrote_stop_no_alert(waiting: Desk) -> None:
    others: tuple[dict[str, object], ...] = ({}, {"percents": []})
    for written in others:
        assert shown(waiting, replace(alert(waiting), facts=written)).headline


def test_what_a_provider_says_is_shown_as_text(waiting: Desk) -> None:
    evil = "<!channel> <https://evil|pay> @everyone [x](http://evil) \u202e"
    report = changed(waiting, news="declined", reason=evil)
    in_slack = repr(slack.message(report, image=None, values={}))
    in_discord = repr(discord.message(report, image=False, values={}))
    assert "<!channel>" not in in_slack
    assert "<https://evil" not in in_slack
    assert "[x](http" not in in_discord
    assert "\u202e" not in in_slack + in_discord


def test_a_question_waits_no_longer_than_its_period(waiting: Desk) -> None:
    with reading(waiting.engine) as connection:
        (found,) = list_purchases(connection, 1)
    assert found.expires_at <= NOW + timedelta(days=30)
    assert found.expires_at.astimezone(NOW.tzinfo).isoformat() == "2026-04-01T00:00:00+02:00"
