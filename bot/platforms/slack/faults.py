"""What can go wrong between us and Slack, sorted by what helps."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.chat import Failure, SendError

Result = TypeVar("Result")
DEAD_TOKEN = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"}
    | {"not_allowed_token_type"}
)
# The workspace is closed for a while, to this app or to this network, and the token is good: what
# is due waits as long as that lasts.
CLOSED = frozenset(
    {"org_login_required", "team_added_to_org", "team_access_not_granted", "access_denied"}
    | {"accesslimited", "ekm_access_denied", "enterprise_is_restricted"}
    | {"two_factor_setup_required"}
)
# Where these stop only one kind of message; any other method is needed by all of them.
NOT_GRANTED = frozenset({"missing_scope", "no_permission"})
STOPS_ONLY: Mapping[str, Failure] = {
    "conversations.open": "destination",
    "files.getUploadURLExternal": "payload",
    "files.completeUploadExternal": "payload",
}
BAD_BLOCKS = ("invalid_blocks", "msg_blocks_too_long", "msg_too_long")
NOT_INSIDE = frozenset({"not_in_channel", "channel_not_found"})
NETWORK = (aiohttp.ClientError, TimeoutError, OSError)
TROUBLE = (SlackApiError, *NETWORK)
PATIENCE_SECONDS = 30.0
# What helps when a message that nobody asked for does not leave; every other word of Slack is
# about the contents.
PASSING = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "service_unavailable", "request_timeout"}
    | {"external_channel_migrating", "message_limit_exceeded"}
)
DEAD_CHANNEL = frozenset(
    {"channel_not_found", "is_archived", "not_in_channel", "user_not_found", "cannot_dm_bot"}
    | {"user_disabled", "user_not_visible", "messages_tab_disabled"}
)
GATEWAYS = frozenset({502, 504})  # answers that say nothing about what Slack did behind them


class BlocksRejected(Exception):  # noqa: N818  # a state that the next, plainer form mends
    """Slack does not show these blocks."""


def word_of(error: BaseException) -> str:
    """Slack's word for a refusal, `http 500` for none, the kind of failure for a lost connection.

    Never an address or a text: it is made for logs and settings.
    """
    if not isinstance(error, SlackApiError):
        return type(error).__name__
    response = error.response
    if not isinstance(response, AsyncSlackResponse):
        return "unreadable answer"
    known = response.data.get("error") if isinstance(response.data, dict) else None
    return str(known or f"http {response.status_code}")


def pause_of(error: SlackApiError) -> float | None:
    """Seconds that Slack asks to wait (30 when it names none); None when it did not ask."""
    response = error.response
    if not isinstance(response, AsyncSlackResponse) or response.status_code != 429:
        return None
    headers = {name.lower(): value for name, value in response.headers.items()}
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return PATIENCE_SECONDS
    return max(seconds, 0.0) if math.isfinite(seconds) else PATIENCE_SECONDS


def send_error(error: BaseException, *, effect: bool, method: str = "") -> SendError:
    """What a failed request of a sender means; `effect`: people may see what it did."""
    word = word_of(error)[:80]
    unsure: Failure = "unknown" if effect else "refused"
    if isinstance(error, aiohttp.ClientConnectorError):
        return SendError("refused", word)  # nothing left this machine
    if not isinstance(error, SlackApiError) or not isinstance(error.response, AsyncSlackResponse):
        return SendError(unsure, word)
    status = error.response.status_code
    if (pause := pause_of(error)) is not None:
        return SendError("refused", "ratelimited", retry_after=pause, status=status)
    if status >= 500:
        return SendError(unsure if status in GATEWAYS else "refused", word, status=status)
    if word in NOT_GRANTED and method in STOPS_ONLY:
        return SendError(STOPS_ONLY[method], f"{word} {_needed(error.response)}".strip())
    return SendError(_meaning(word, unsure), word, status=status)


def _needed(response: AsyncSlackResponse) -> str:
    """The scopes that Slack misses, which are no secret."""
    return str(response.data.get("needed") or "")[:60] if isinstance(response.data, dict) else ""


def _meaning(word: str, unsure: Failure) -> Failure:
    if word in PASSING:
        return "refused"
    if word in DEAD_TOKEN or word in CLOSED or word in NOT_GRANTED:
        return "account"
    if word in DEAD_CHANNEL or word.startswith("restricted_action"):
        return "destination"
    # Of a fatal error Slack says that a part may have been done; no word at all is no answer.
    return unsure if word == "fatal_error" or word.startswith("http ") else "payload"


async def posted(call: Callable[[], Awaitable[Result]]) -> Result:
    """A call that must not be repeated blindly; only what Slack surely did not take is.

    Raises BlocksRejected, SlackApiError and the errors of the network.
    """
    try:
        return await call()
    except SlackApiError as error:
        if any(word in word_of(error) for word in BAD_BLOCKS):
            raise BlocksRejected(word_of(error)) from error
        pause = pause_of(error)
        if pause is None or pause > PATIENCE_SECONDS:
            raise
    await asyncio.sleep(pause)
    return await call()
