"""A report as a Slack message of Block Kit blocks.

Invariant: every message keeps every limit, whatever the report holds, and names what it leaves
out.  Text from outside is escaped in each string, and stands in plain text or in verbatim mrkdwn.

Limits: docs.slack.dev/reference/block-kit; `MAX_TOTAL` is ours, because Slack refused messages of
13,172 characters without a documented limit (github.com/slackapi/bolt-js/issues/2509).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from analytics.report import (
    Button,
    Report,
)
from analytics.text import clean
from bot.render.cells import prose
from bot.render.frame import Frame, counted, frame_of, freshness, left_out, line_of, ref, scope
from bot.render.limits import clip, units
from bot.render.slack_body import (
    Payload,
    Room,
    body_of,
    entities,
    mrkdwn,
    parted,
    plain_text,
    section,
    text_size,
    texts_of,
    unlinked,
    words,
)

MAX_BLOCKS, MAX_TOTAL, MAX_TEXT, MAX_HEADER = 50, 12_000, 4_000, 150
MAX_BUTTONS, MAX_LABEL, MAX_VALUE = 25, 75, 2_000
# Our own shares of MAX_TOTAL; headline and buttons included, they leave 2,800 for the body.
NOTIFICATION, HEADLINE, DELTAS, ALT, HINTS, CONTEXT = 700, 600, 1_000, 500, 2_000, 2_500
LAST_HINTS = 800
NOTE = 300  # what is kept free of a message with a reference, for a later word about its sending
DOT = " · "


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """What a post needs: `text` is the notification and what screen readers say."""

    text: str
    blocks: list[Payload]


def message(
    report: Report, *, image: str | None, values: Mapping[Button, str], reference: str = ""
) -> SlackMessage:
    """The answer in its frame, with the first table native and the chart from an uploaded file.

    `image` is the id of that file; `values` says what each button carries, and a button without
    one is not shown.  `reference` is the word by which a message is found again.
    """
    return _message(report, image=image, values=values, reference=reference)


def fallback(report: Report, values: Mapping[Button, str]) -> SlackMessage:
    """The same without chart and native table, for a workspace that answers `invalid_blocks`."""
    return _message(report, image=None, values=values, may_table=False)


def plain(report: Report, *, reference: str = "") -> str:
    """The last resort: mrkdwn without any block, at most 4,000 characters."""
    frame = frame_of(report)
    notification = _notification(frame)
    # A joiner may stand behind every second character of an address.
    chars = (MAX_TEXT - NOTIFICATION - LAST_HINTS) * 2 // 3
    room = Room(chars, MAX_BLOCKS, may_table=False, sketches=not frame.has_table)
    body = [_shown(block) for block in body_of(frame.body, room, title="")]
    rest = (*left_out(report, room.cuts), *frame.hints, *frame.contexts)
    foot = ref(reference)
    spare = MAX_TEXT - units("\n".join((notification, *body, foot))) - (NOTE if foot else 1)
    told = clip("\n".join(rest), spare, unlinked)
    return "\n".join(filter(None, (notification, *body, told, foot)))


def _shown(block: Payload) -> str:
    """The text of a section; code blocks need no parting of addresses."""
    text = "\n".join(texts_of(block))
    return text if text.startswith("```") else parted(text)


def _message(
    report: Report,
    *,
    image: str | None,
    values: Mapping[Button, str],
    may_table: bool = True,
    reference: str = "",
) -> SlackMessage:
    frame = frame_of(report)
    text = _notification(frame)
    top = [*_top(report, frame), *_picture(report, image)]
    buttons, unshown = _buttons(frame.buttons, values)
    hints = [section("\n".join(frame.hints), HINTS)] if report.line and frame.hints else []
    fixed = [*top, *hints, *buttons]
    room = Room(
        MAX_TOTAL - units(text) - CONTEXT - text_size(fixed) - (NOTE if reference else 0),
        blocks=MAX_BLOCKS - len(fixed) - (2 if reference else 1),
        may_table=may_table,
        sketches=not frame.has_table and image is None,
    )
    body = list(body_of(frame.body, room, title=clean(report.title)))
    room.cuts += unshown
    context = _context(report, frame, room, ref(reference))
    return SlackMessage(text, [*top, *body, *hints, *context, *buttons])


# ---- the frame


def _notification(frame: Frame) -> str:
    return clip("\n".join((frame.headline, *frame.deltas)), NOTIFICATION, unlinked)


def _top(report: Report, frame: Frame) -> Iterator[Payload]:
    headline = frame.headline
    if report.is_past:
        # A header block is plain text; a tilde inside would end the stroke.
        yield {"type": "section", "text": mrkdwn(f"~{headline.replace('~', '∼')}~", HEADLINE)}
    elif report.line and units(entities(headline)) <= MAX_HEADER and "`" not in headline:
        yield {"type": "header", "text": plain_text(headline, MAX_HEADER)}
    else:
        yield section(headline, HEADLINE)
    if frame.deltas:
        yield section("\n".join(frame.deltas), DELTAS)


def _picture(report: Report, image: str | None) -> Iterator[Payload]:
    if image is not None and report.figure is not None:
        alt = clip(prose(report.figure.alt) or clean(report.title), ALT, entities)
        yield {"type": "image", "slack_file": {"id": image}, "alt_text": alt}


def _context(report: Report, frame: Frame, room: Room, reference: str) -> list[Payload]:
    """What was left out, then dates, zone, filter, freshness and the line, then notes."""
    hints = () if report.line else frame.hints
    line = f"`{line_of(report)}`" if report.line else ""
    facts = DOT.join(filter(None, (*scope(report), *freshness(report), line, reference)))
    # Notes come last: they are what may be cut should there be many.
    lines = (*hints, *left_out(report, room.cuts), facts, *frame.contexts)
    text = "\n".join(filter(None, lines))
    return [{"type": "context", "elements": [words(text, CONTEXT)]}] if text else []


def _buttons(
    buttons: Sequence[Button], values: Mapping[Button, str]
) -> tuple[list[Payload], list[str]]:
    """The action block, and what to say about buttons that it has no room for."""
    usable = [b for b in buttons if b in values and len(values[b]) <= MAX_VALUE]
    elements: list[Payload] = [
        {
            "type": "button",
            "text": plain_text(clean(button.label), MAX_LABEL),
            "action_id": f"{button.verb}:{number}",
            "value": values[button],
        }
        for number, button in enumerate(usable[:MAX_BUTTONS])
    ]
    unshown = len(usable) - len(elements)
    block: Payload = {"type": "actions", "elements": elements}
    return [block] if elements else [], [counted(unshown, "button")] if unshown else []
