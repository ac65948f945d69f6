"""Secrets stay out of logs, whichever library writes them."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
import structlog

from bot.logs import CUT, redacted, set_up_logs

CANARIES = (
    "xoxb-1234-canary",
    "xapp-1-A1-canary",
    "crk_abcd1234_canarycanary",
    "MTE4.canary".replace("MTE4.canary", "M" * 24 + ".Gabcde." + "c" * 30),
)
ADDRESSES = (
    "https://discord.com/api/v10/webhooks/118/aW50ZXJhY3Rpb246canary/messages/@original",
    "https://discord.com/api/v10/interactions/119/aW50ZXJhY3Rpb246canary/callback",
    "wss://wss-primary.slack.com/link/?ticket=canary&app_id=canary",
    "https://hooks.slack.com/commands/T1/1/canary",
    "postgresql://me:x/canary@host/db",
    "postgresql://me:x@canary/canary@host/db",
    "redis://:canary@host",
)


@pytest.mark.parametrize("secret", CANARIES)
def test_a_token_is_cut_out(secret: str) -> None:
    assert secret not in redacted(f"before {secret} after")


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_opens_something_loses_its_key(address: str) -> None:
    assert "canary" not in redacted(f"POST '{address}' failed")


def test_the_password_of_a_url_and_a_bearer_are_cut_out() -> None:
    assert redacted("postgresql://me:hunter2@host/db") == f"postgresql://{CUT}@host/db"
    assert redacted("Authorization: Bearer abc.def") == f"Authorization: Bearer {CUT}"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the service's logs write; the test runner's own set-up comes back afterwards."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    set_up_logs("INFO", stream)
    yield stream
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def _fail() -> None:
    raise RuntimeError("token xoxb-1-canary was refused")


def test_library_records_and_tracebacks_are_cut(written: io.StringIO) -> None:
    try:
        _fail()
    except RuntimeError:
        logging.getLogger("slack_bolt").exception("failed with %s", "xapp-1-canary")
    structlog.get_logger().warning("platform.failed", reason="xoxb-2-canary")
    text = written.getvalue()
    assert "failed with" in text
    assert "platform.failed" in text
    assert "canary" not in text
