"""What platforms answer when a channel takes nothing any more, in words for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# Slack's words and Discord's numbers, and what a look at the channel found.
MEANINGS: Final[Mapping[str, str]] = {
    "ext_shared": "it is shared with another organisation",
    "not_a_member": "whoever chose it is not in it",
    "cannot_post": "I may not post in it",
    "channel_not_found": "the channel is gone, or I am not in it",
    "not_in_channel": "I am no longer in it",
    "is_archived": "the channel is archived",
    "user_not_found": "this person is gone",
    "cannot_dm_bot": "this person takes no direct messages",
    "10003": "the channel is gone",
    "10004": "I am no longer in this server",
    "50001": "I may not see it",
    "50007": "this person takes no direct messages",
    "50013": "I may not post in it",
    "50083": "the thread is archived",
}


def in_words(reason: str) -> str:
    """A kept reason such as `destination: is_archived`; one without words stays as it is."""
    _, _, code = reason.rpartition(": ")
    return MEANINGS.get(code, reason)
