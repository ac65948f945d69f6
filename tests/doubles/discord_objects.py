"""Discord's objects as its server writes them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

Json = dict[str, Any]
EVERYTHING = str(2**52 - 1)
EPOCH = "2026-01-01T00:00:00+00:00"
EPHEMERAL = 64

_numbers = count(1_400_000_000_000_000_001)


def flake() -> str:
    """A new id."""
    return str(next(_numbers))


def user(key: str, name: str, *, bot: bool = False) -> Json:
    return {
        "id": key,
        "username": name,
        "global_name": name.capitalize(),
        "discriminator": "0",
        "avatar": None,
        "bot": bot,
        "public_flags": 0,
        "flags": 0,
        "primary_guild": None,
    }


def member(person: Json) -> Json:
    return {
        "user": person,
        "roles": [],
        "joined_at": EPOCH,
        "deaf": False,
        "mute": False,
        "pending": False,
        "flags": 0,
        "nick": None,
        "avatar": None,
        "banner": None,
        "premium_since": None,
        "communication_disabled_until": None,
    }


def application(bot: Json) -> Json:
    return {
        "id": bot["id"],
        "name": "creditbot",
        "description": "",
        "verify_key": "0" * 64,
        "icon": None,
        "type": None,
        "team": None,
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "redirect_uris": [],
        "eligible_oauth2_scopes": [],
        "bot_public": True,
        "bot_require_code_grant": False,
        "flags": 0,
        "flags_new": "0",
        "explicit_content_filter": 0,
        "event_webhooks_status": 1,
        "approximate_guild_count": 1,
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "bot": bot,
        "owner": user(flake(), "owner"),
    }


OWNER = "1"
# What the server adds to a separator and a container that do not say it.
USUAL: dict[int, Json] = {14: {"divider": True, "spacing": 1}, 17: {"spoiler": False}}


def channel(key: str, *, guild: str, name: str, overwrites: list[Json]) -> Json:
    """A text channel over REST."""
    return {
        "id": key,
        "type": 0,
        "guild_id": guild,
        "name": name,
        "flags": 0,
        "position": 0,
        "last_message_id": None,
        "parent_id": None,
        "topic": None,
        "nsfw": False,
        "rate_limit_per_user": 0,
        "permission_overwrites": overwrites,
    }


def role(key: str, name: str, permissions: str) -> Json:
    """A role; that of everybody has the id of its guild."""
    return {
        "id": key,
        "name": name,
        "permissions": permissions,
        "position": 0,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": False,
        "mentionable": False,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }


def guild_over_rest(key: str, *, owner: str, permissions: str) -> Json:
    """The guild as a GET answers it, with what everybody may do there."""
    nothing = (
        *("icon", "description", "home_header", "splash", "discovery_splash", "banner"),
        *("application_id", "afk_channel_id", "system_channel_id", "widget_channel_id"),
        *("max_presences", "vanity_url_code", "rules_channel_id", "safety_alerts_channel_id"),
        *("public_updates_channel_id", "incidents_data"),
    )
    zeros = (
        *("system_channel_flags", "verification_level", "default_message_notifications"),
        *("mfa_level", "explicit_content_filter", "premium_tier", "nsfw_level"),
        *("max_members", "max_stage_video_channel_users", "max_video_channel_users"),
        "premium_subscription_count",
    )
    return {
        **dict.fromkeys(nothing),
        **dict.fromkeys(zeros, 0),
        "id": key,
        "name": "Team",
        "owner_id": owner,
        "region": "deprecated",
        "afk_timeout": 300,
        "widget_enabled": False,
        "premium_progress_bar_enabled": False,
        "nsfw": False,
        "preferred_locale": "en-US",
        "roles": [role(key, "@everyone", permissions)],
        **{name: [] for name in ("features", "emojis", "stickers")},
    }


def guild(key: str, *, channel: Json, owner: str) -> Json:
    lists = ("emojis", "stickers", "features", "members", "threads", "voice_states", "presences")
    zeros = ("verification_level", "explicit_content_filter", "mfa_level", "premium_tier")
    return {
        "id": key,
        "name": "Team",
        "owner_id": owner,
        "member_count": 2,
        "preferred_locale": "en-US",
        "roles": [role(key, "@everyone", EVERYTHING)],
        "channels": [{**channel, "position": 0, "permission_overwrites": []}],
        "stage_instances": [],
        **{name: [] for name in lists},
        **dict.fromkeys(zeros, 0),
        "nsfw_level": 0,
    }


def message(author: Json, channel: str, body: Json, urls: dict[str, str]) -> Json:
    """A message as it comes back, without its attachments."""
    return {
        "id": flake(),
        "channel_id": channel,
        "author": author,
        "content": body.get("content") or "",
        "components": shown(body.get("components") or [], count(1), urls),
        "embeds": [],
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "tts": False,
        "mention_everyone": False,
        "pinned": False,
        "type": 0,
        "timestamp": EPOCH,
        "edited_timestamp": None,
        "flags": body.get("flags") or 0,
    }


def shown(parts: list[Json], numbers: Iterator[int], urls: dict[str, str]) -> list[Json]:
    """Components as the server returns them: with integer ids and resolved pictures."""
    made = []
    for part in parts:
        one = {**part, "id": part.get("id") or next(numbers)}
        if "components" in part:
            one["components"] = shown(part["components"], numbers, urls)
        one = USUAL.get(part["type"], {}) | one
        if part["type"] == 12:
            one["items"] = [_picture(item, urls) for item in part["items"]]
        made.append(one)
    return made


def _picture(item: Json, urls: dict[str, str]) -> Json:
    url = urls.get(item["media"]["url"], item["media"]["url"])
    media = {"id": flake(), "url": url, "proxy_url": url}
    return {"description": None, "spoiler": False, **item, "media": media}
