"""Asking a provider: signed, once a try, never led inside; whatever it says has one meaning."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from typing import cast

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from pytest_mock import MockerFixture

from bot.addresses import Forbidden, check_url, is_public
from bot.purchases.webhook import Outcome, PublicResolver, Webhook, signature
from storage.events import MICRO
from storage.purchases import Purchase
from tests.cast import NOW
from tests.doubles.closed_port import closed_port
from tests.doubles.provider import Provider, provider

SECRET = "0123456789abcdef0123456789abcdef"  # noqa: S105  # of a double
KEY = "9f" * 16
PURCHASE = Purchase(
    workspace_id=1,
    id=1,
    dedupe_key="p|1",
    idempotency_key=KEY,
    credits=5_000 * MICRO,
    month=0,
    state="sending",
    reason=None,
    provider="webhook",
    url="https://shop.example/buy",
    is_test=False,
    facts={},
    created_at=NOW,
    expires_at=NOW,
    approved_by="policy",
    approved_at=NOW,
    not_before=NOW,
    attempts=1,
    declines=0,
    maybe_sent_at=None,
    provider_ref=None,
    grant_id=None,
    rearmed_at=None,
    ended_at=None,
)


async def ask(shop: Provider, *, timeout: float = 5.0, **changes: object) -> Outcome:  # noqa: ASYNC109  # of the request, not of this
    """What comes of asking a double."""
    webhook = Webhook(SECRET, trusted=shop.url, timeout=timeout)
    purchase = replace(PURCHASE, **changes)  # type: ignore[arg-type]  # any of its fields
    return await webhook.ask(purchase, workspace="default", unit="credit", now=NOW)


async def test_a_request_carries_key_time_and_a_signature_of_the_raw_body() -> None:
    async with provider(SECRET) as shop:
        outcome = await ask(shop, credits=1_250_500_000)
    (asked,) = shop.asked
    assert outcome == Outcome("accepted", "", "A-1")
    assert shop.is_signed(asked)
    assert asked.headers["idempotency-key"] == KEY
    assert asked.headers["x-creditbot-timestamp"] == str(int(NOW.timestamp()))
    assert asked.said == {
        "type": "credits.purchase",
        "key": KEY,
        "workspace": "default",
        "credits": "1250.5",
        "unit": "credit",
        "attempt": 1,
    }
    assert SECRET not in f"{asked.headers}{asked.body!r}"


def test_the_worked_example_of_the_documentation_is_true() -> None:
    from pathlib import Path

    page = (Path(__file__).parents[3] / "docs" / "purchases.md").read_text(encoding="utf-8")
    blocks = page.split("```text\n")
    body = next(block for block in blocks if block.startswith('{"type"')).partition("\n")[0]
    secret, stamp = "correct-horse-battery-staple-4711", "1774872300"
    assert json.loads(body)["credits"] == "5000"
    assert secret in page
    assert f"v1={signature(secret, stamp, body.encode())}" in page


@pytest.mark.parametrize(
    ("word", "kind", "reason"),
    [
        ("pending", "pending", "in review"),
        ("declined", "declined", "no funds"),
        ("declined with 401", "declined", "closed"),
        ("number", "accepted", ""),
        ("twice", "accepted", ""),
        ("long reference", "accepted", ""),
        ("refuse", "refused", "it refused the request (status 401)"),
        ("redirect", "refused", "it redirects (status 302), which is not followed"),
        ("busy", "unreached", "it is busy (status 429)"),
        ("fail", "unknown", "it failed (status 500)"),
        ("accepted with 500", "unknown", "it failed (status 500)"),
        ("garbage", "unknown", "not the JSON that was agreed"),
        ("empty", "unknown", "not the JSON that was agreed"),
        ("list", "unknown", "not the JSON that was agreed"),
        ("deep", "unknown", "not the JSON that was agreed"),
        ("digits", "unknown", "not the JSON that was agreed"),
        ("huge", "unknown", "not the JSON that was agreed"),
        ("gzip", "unknown", "not the JSON that was agreed"),
        ("name twice", "unknown", "not the JSON that was agreed"),
        ("not a number", "unknown", "not the JSON that was agreed"),
        ("other key", "unknown", "it answers about another key"),
        ("no reference", "unknown", "it accepted without a reference"),
        ("no amount", "unknown", "without saying how many credits"),
        ("true amount", "unknown", "without saying how many credits"),
        ("endless amount", "unknown", "without saying how many credits"),
        ("unknown word", "unknown", "its status is none that was agreed"),
        ("silent", "unknown", "no answer: "),
        ("late", "unknown", "no answer: "),
        ("half", "unknown", "no answer: "),
        ("no http", "unknown", "no answer: "),
        ("other amount", "mismatch", "it sold 50,000 where 5,000 were asked"),
        ("other unit", "mismatch", "it sold 'USD' where 'credit' was asked"),
    ],
)
async def test_every_answer_has_one_meaning(word: str, kind: str, reason: str) -> None:
    async with provider(SECRET, word) as shop:
        outcome = await ask(shop)
        assert len(shop.asked) == 1
    assert outcome.kind == kind
    assert reason in outcome.reason
    assert shop.url not in outcome.reason
    assert len(outcome.reason) <= 120
    assert len(outcome.reference) <= 120


async def test_an_answer_that_never_comes_is_unknown() -> None:
    async with provider(SECRET, "hang") as shop:
        assert await ask(shop, timeout=0.05) == Outcome("unknown", "no answer in time")


async def test_a_port_that_nobody_listens_on_sold_nothing() -> None:
    with closed_port() as port:
        shop = Provider(SECRET)
        shop.url = f"http://127.0.0.1:{port}/buy"
        outcome = await ask(shop)
    assert (outcome.kind, outcome.reason[:22]) == ("unreached", "could not be reached: ")


async def test_a_busy_provider_says_when() -> None:
    async with provider(SECRET, "busy") as shop:
        assert (await ask(shop)).retry_after == 7200


# ---- where nothing is sent to


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://shop.example/buy", "not https"),
        ("ftp://shop.example", "not https"),
        ("file:///etc/passwd", "not https"),
        ("shop.example/buy", "not https"),
        ("https:///buy", "no host"),
        ("https://user:pass@shop.example/", "a password"),
        ("https://shop.example:99999/", "is none"),
        ("https://[::1/", "is none"),
        ("https://localhost/", "no public name"),
        ("https://printer/", "no public name"),
        ("https://2130706433/", "no public name"),
        ("https://0x7f.1/", "no public name"),
        ("https://127.1/", "no public name"),
        ("https://127.0.0.1/", "private"),
        ("https://10.1.2.3/", "private"),
        ("https://169.254.169.254/latest/meta-data", "private"),
        ("https://192.168.0.1:8443/", "private"),
        ("https://0.0.0.0/", "private"),
        ("https://[::1]/", "private"),
        ("https://[fe80::1]/", "private"),
        ("https://[fd00::1]/", "private"),
        ("https://[::ffff:10.0.0.1]/", "private"),
        ("https://[64:ff9b::a00:1]/", "private"),
        ("https://[2002:a00:1::]/", "private"),
        ("https://224.0.0.1/", "private"),
    ],
)
def test_an_address_inside_or_in_clear_is_refused(url: str, why: str) -> None:
    with pytest.raises(Forbidden, match=why):
        check_url(url)


def test_a_public_address_is_good() -> None:
    check_url("https://shop.example:8443/buy?account=7")
    check_url("https://93.184.216.34/")
    assert is_public("2606:2800:220:1::1")


class Names(AbstractResolver):
    """Answers with what a test says."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del family
        found = ({"hostname": host, "host": one, "port": port} for one in self._addresses)
        return [cast("ResolveResult", one) for one in found]

    async def close(self) -> None:
        pass


async def test_a_name_with_one_private_address_leads_nowhere() -> None:
    resolver = PublicResolver(Names("93.184.216.34", "10.0.0.1"))
    with pytest.raises(OSError, match="private"):
        await resolver.resolve("shop.example", 443)


async def test_a_name_for_this_computer_is_not_asked(mocker: MockerFixture) -> None:
    mocker.patch.object(ThreadedResolver, "resolve", Names("127.0.0.1").resolve)
    purchase = replace(PURCHASE, url="https://shop.example/")
    outcome = await Webhook(SECRET).ask(purchase, workspace="w", unit="credit", now=NOW)
    assert outcome.kind == "unreached"
    assert "private" in outcome.reason


async def test_an_address_that_became_forbidden_is_not_asked() -> None:
    purchase = replace(PURCHASE, url="https://169.254.169.254/")
    outcome = await Webhook(SECRET).ask(purchase, workspace="w", unit="credit", now=NOW)
    assert outcome == Outcome("unreached", "its address is private")
