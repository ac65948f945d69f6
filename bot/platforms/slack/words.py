"""What people type in Slack, turned back into the plain line that the registry reads.

Slack escapes people, links and `& < >` before it sends a text (`should_escape` in the manifest):
https://docs.slack.dev/messaging/formatting-message-text
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

_PERSON = re.compile(r'(=?"?)<@([UW][A-Z0-9]+)(?:\|[^<>]*)?>')
_CHANNEL = re.compile(r"<#C[A-Z0-9]+\|([^<>]*)>")
_GROUP = re.compile(r"<!(?:subteam\^[A-Z0-9]+\|)?([^<>|^]+)(?:\|[^<>]*)?>")
_LINK = re.compile(r"<(?:mailto:)?([^<>|@#!]+(?:@[^<>|]+)?)(?:\|([^<>]*))?>")

_MENTION = re.compile(r"\bslack:(\w+):(\w+)")


def plain_line(text: str, *, team: str, bot: str) -> str:
    """The line somebody typed: without the bot's mention, with people as `person=slack:TEAM:USER`.

    Links become the words they are shown as.  The name of the slash command in front, and the
    backticks of a copied example, are left out.
    """

    def person(found: re.Match[str]) -> str:
        before, user = found.groups()
        if user == bot:
            return " "
        # `person=<@U1>` already says what it is; a bare mention means the person filter.
        name = before if before.startswith("=") else f"{before}person="
        return f"{name}slack:{team}:{user}"

    line = _PERSON.sub(person, text)
    line = _CHANNEL.sub(r"\1", line)
    line = _GROUP.sub(r"\1", line)
    line = _LINK.sub(lambda found: found[2] or found[1], line)
    words = html.unescape(line).replace("`", "").split()
    return " ".join(words[1:] if words[:1] == ["/credits"] else words)


def mentioned(line: str, *, team: str) -> set[str]:
    """The user ids of a team that a plain line holds."""
    return {found[2] for found in _MENTION.finditer(line) if found[1] == team}


def with_mails(line: str, mails: Mapping[str, str], *, team: str) -> str:
    """The line with mail addresses, by user id, in the place of mentions."""

    def mail(found: re.Match[str]) -> str:
        return mails.get(found[2], found[0]) if found[1] == team else found[0]

    return _MENTION.sub(mail, line)
