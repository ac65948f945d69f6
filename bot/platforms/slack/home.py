"""The Home tab: what can be asked, the same for everybody, so it holds no numbers."""

from __future__ import annotations

from bot.registry import COMMANDS
from bot.render.slack_body import entities

MAX_TEXT = 3000  # of a section: docs.slack.dev/reference/block-kit/blocks


def home_view() -> dict[str, object]:
    """The view for `views.publish`."""
    return {
        "type": "home",
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": "Where did our credits go?"}},
            _section(
                "Type `/credits` and a question in any channel, mention me in a thread, or write "
                "to me here. Answers are for your eyes only until you press *Share to channel*."
            ),
            {"type": "divider"},
            _section(_examples()),
        ],
    }


def _examples() -> str:
    """A line a command, as many whole lines as fit."""
    text = ""
    for command in COMMANDS.values():
        line = entities(f"`/credits {command.example}`  {command.summary}")
        if len(text) + len(line) + 1 > MAX_TEXT:
            break
        text += f"{line}\n"
    return text or "`/credits help`"


def _section(text: str) -> dict[str, object]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}
