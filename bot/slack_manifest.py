"""The Slack app that creditbot needs, as a manifest to paste into Slack's "create an app".

Scopes follow from what is called and listened to; a test holds both together.  Limits:
`@slack/web-api` manifest types, https://docs.slack.dev/reference/app-manifest
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import bot.commands  # noqa: F401  # registers every command
from bot.registry import COMMANDS
from bot.settings import SLACK_API, Settings

METHOD_SCOPES: Mapping[str, frozenset[str]] = {
    "auth.test": frozenset(),
    "apps.connections.open": frozenset(),  # with the app token: connections:write
    "chat.postEphemeral": frozenset({"chat:write"}),
    # Public channels without an invitation, too.
    "chat.postMessage": frozenset({"chat:write", "chat:write.public"}),
    "chat.update": frozenset({"chat:write"}),
    # A message looks for itself before it is sent a second time, also in direct messages.
    "conversations.history": frozenset({"channels:history", "groups:history", "im:history"}),
    "conversations.info": frozenset({"channels:read", "groups:read"}),
    "conversations.members": frozenset({"channels:read", "groups:read"}),
    "conversations.open": frozenset({"im:write"}),
    "conversations.replies": frozenset({"channels:history", "groups:history", "im:history"}),
    "files.completeUploadExternal": frozenset({"files:write"}),
    "files.getUploadURLExternal": frozenset({"files:write"}),
    "files.info": frozenset({"files:read"}),
    "users.info": frozenset({"users:read", "users:read.email"}),
    "views.open": frozenset(),
    "views.publish": frozenset(),
}
EVENT_SCOPES: Mapping[str, frozenset[str]] = {
    "app_home_opened": frozenset(),
    "app_mention": frozenset({"app_mentions:read"}),
    "message.im": frozenset({"im:history"}),
}
COMMAND_SCOPES = frozenset({"commands"})
MAX_HINT = 1000


def scopes() -> list[str]:
    """The bot scopes, sorted."""
    needed = set(COMMAND_SCOPES)
    for wanted in (*METHOD_SCOPES.values(), *EVENT_SCOPES.values()):
        needed |= wanted
    return sorted(needed)


def manifest(settings: Settings) -> dict[str, object]:
    """The manifest as JSON data; its hint names every command of the registry."""
    display = {
        "name": "creditbot",
        "description": "Shows where your team's AI credits went and whether they will last.",
        "background_color": "#1f2937",
    }
    command = {
        "command": "/credits",
        "description": "Where did our AI credits go?",
        "usage_hint": hint_of(COMMANDS),
        "should_escape": True,  # people and links arrive as ids, not as names
    }
    if settings.slack_api_url != SLACK_API:
        display["name"] = "creditbot (test)"
    return {
        "display_information": display,
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "creditbot", "always_online": True},
            "slash_commands": [command],
        },
        "oauth_config": {"scopes": {"bot": scopes()}},
        "settings": {
            "event_subscriptions": {"bot_events": sorted(EVENT_SCOPES)},
            "interactivity": {"is_enabled": True},
            "org_deploy_enabled": False,
            "socket_mode_enabled": True,
            "token_rotation_enabled": False,
        },
    }


def hint_of(names: Iterable[str]) -> str:
    """Every command in the room that Slack gives: those that begin alike share their beginning.

    `budget [list|set]` may stand alone, `grants (list|add pack)` may not.  Where even that is too
    long the families are named; `help` is one of them and lists the rest.
    """
    families: dict[str, list[str]] = {}
    for name in names:
        family, _, rest = name.partition(" ")
        families.setdefault(family, []).append(rest)
    whole = " | ".join(_family(family, rests) for family, rests in families.items())
    return whole if len(whole) <= MAX_HINT else " | ".join(families)


def _family(family: str, rests: Sequence[str]) -> str:
    following = "|".join(filter(None, rests))
    if not following:
        return family
    return f"{family} [{following}]" if "" in rests else f"{family} ({following})"
