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
            *(_section(text) for text in _examples()),
        ],
    }


def _examples() -> list[str]:
    """A line a command, as many whole lines in each text as a section holds."""
    texts = [""]
    for command in COMMANDS.values():
        line = entities(f"`/credits {command.example}`  {command.summary}\n")
        if len(texts[-1]) + len(line) > MAX_TEXT:
            texts.append("")
        texts[-1] += line
    return texts


def _section(text: str) -> dict[str, object]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}
