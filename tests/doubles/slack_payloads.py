"""What Slack sends through the socket, as small as the bot may meet it."""

from __future__ import annotations

from itertools import count
from typing import Any

TEAM, APP, BOT_USER = "T1", "A1", "U0BOT"
CHANNEL, DIRECT = "C1", "D1"
Payload = dict[str, Any]
_numbers = count(1)


def _next(prefix: str) -> str:
    return f"{prefix}{next(_numbers)}"


def slash(text: str, *, url: str, user: str = "U1", team: str = TEAM) -> Payload:
    """`/credits TEXT` typed in a channel."""
    return {
        "command": "/credits",
        "text": text,
        "user_id": user,
        "user_name": user.lower(),
        "team_id": team,
        "team_domain": "team",
        "channel_id": CHANNEL,
        "channel_name": "general",
        "api_app_id": APP,
        "is_enterprise_install": "false",
        "token": "deprecated",
        "trigger_id": _next("trigger."),
        "response_url": url,
    }


def mention(text: str, *, user: str = "U1", thread: str | None = None) -> Payload:
    """`@creditbot TEXT` in a channel."""
    event = {"type": "app_mention", "text": f"<@{BOT_USER}> {text}", "channel": CHANNEL}
    return _event(event | ({"thread_ts": thread} if thread else {}), user)


def direct(text: str, *, user: str = "U1", **more: Any) -> Payload:  # noqa: ANN401  # fields of an event
    """A message to the bot; further fields make it one of a bot, or an edit."""
    event = {"type": "message", "channel_type": "im", "text": text, "channel": DIRECT}
    return _event(event | more, user)


def home_opened(user: str = "U1") -> Payload:
    """Somebody looks at the Home tab."""
    return _event({"type": "app_home_opened", "tab": "home", "channel": DIRECT}, user)


def _event(event: Payload, user: str) -> Payload:
    return {
        "type": "event_callback",
        "team_id": TEAM,
        "api_app_id": APP,
        "event_id": _next("Ev"),
        "event_time": 1774875900,
        "event": {"user": user, "ts": f"1774875900.{next(_numbers):06d}", **event},
    }


def press(  # noqa: PLR0913  # what a click can differ in
    value: str,
    *,
    url: str,
    user: str = "U1",
    team: str = TEAM,
    ephemeral: bool = True,
    channel: str = CHANNEL,
    row: str = "b",
) -> Payload:
    """A click on a button that carries `value` in the row of that block id."""
    pressed = {"type": "button", "action_id": "ask:0", "block_id": row, "value": value}
    return {
        "type": "block_actions",
        "api_app_id": APP,
        "team": {"id": team, "domain": "team"},
        "user": {"id": user, "username": user.lower(), "team_id": team},
        "channel": {"id": channel, "name": "general"},
        "container": {
            "type": "message",
            "message_ts": "1774875900.000100",
            "channel_id": channel,
            "is_ephemeral": ephemeral,
        },
        "actions": [pressed],
        "trigger_id": _next("trigger."),
        "response_url": url,
    }


def submit(view: Payload, values: Payload, *, user: str = "U1") -> Payload:
    """A form sent off; `values` are the elements' states by block."""
    state = {block: {"value": element} for block, element in values.items()}
    shown = {"id": _next("V"), "hash": "1774875900.a", "state": {"values": state}}
    return {
        "type": "view_submission",
        "api_app_id": APP,
        "team": {"id": TEAM, "domain": "team"},
        "user": {"id": user, "username": user.lower(), "team_id": TEAM},
        "trigger_id": _next("trigger."),
        "view": view | shown,
    }


def type_into(view: Payload, field: str, text: str, *, user: str = "U1") -> Payload:
    """The beginning of a name typed into a menu of a form."""
    return {
        "type": "block_suggestion",
        "api_app_id": APP,
        "team": {"id": TEAM, "domain": "team"},
        "user": {"id": user, "username": user.lower(), "team_id": TEAM},
        "container": {"type": "view", "view_id": "V1"},
        "view": view,
        "block_id": field,
        "action_id": "value",
        "value": text,
    }
