"""What Slack's envelopes say, read once: the rest of the platform never sees raw JSON.

Ids come from the envelope that Slack vouches for, never from a text or the value of a button.
`keys` are what an arrival is recognised by when Slack delivers it again; the envelope's own id
does not reach a Bolt listener.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.context import Place

Body = Mapping[str, Any]
NAMELESS = frozenset({"privategroup", "directmessage"})


@dataclass(frozen=True, slots=True)
class Spoken:
    """A line somebody typed: by slash command (with a response URL), mention or direct message."""

    team: str
    user: str
    text: str
    keys: tuple[str, ...]
    channel: str
    thread: str | None = None
    response_url: str = ""
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Click:
    """A pressed button; `over` names the answer it stands under when only its presser sees that.

    A message that others see too has "" there.
    """

    team: str
    user: str
    value: str
    keys: tuple[str, ...]
    channel: str
    thread: str | None
    over: str
    trigger: str
    response_url: str
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Filled:
    """A submitted form: what it remembers and the values of its fields by parameter.

    Where it was opened only its memory knows.
    """

    team: str
    user: str
    keys: tuple[str, ...]
    memory: str
    fields: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Typing:
    """The beginning of a value in one field of an open form."""

    team: str
    user: str
    memory: str
    field: str
    text: str


def slash_command(body: Body) -> Spoken:
    """Somebody typed `/credits ...`."""
    return Spoken(
        team=body["team_id"],
        user=body["user_id"],
        text=body.get("text", ""),
        keys=(f"command:{body['trigger_id']}",),
        channel=body["channel_id"],
        response_url=body["response_url"],
        place=_place(body["channel_id"], body.get("channel_name", "")),
    )


def message(body: Body) -> Spoken | None:
    """Somebody wrote to the bot; None for what bots write and for edits, joins and the like."""
    event = body["event"]
    if event.get("bot_id") or event.get("subtype") or not event.get("user"):
        return None
    return Spoken(
        team=body["team_id"],
        user=event["user"],
        text=event.get("text", ""),
        # Slack Connect may deliver one message as two events.
        keys=(f"event:{body['event_id']}", f"message:{event['channel']}:{event['ts']}"),
        channel=event["channel"],
        # A whisper in a thread is shown only where the thread is open already, so a mention in
        # the channel itself is answered there: docs.slack.dev/reference/methods/chat.postEphemeral
        thread=event.get("thread_ts"),
        place=_place(event["channel"], ""),
    )


def click(body: Body) -> Click:
    """Somebody pressed a button in a message."""
    pressed = body["actions"][0]
    container = body.get("container", {})
    channel = body.get("channel", {}).get("id") or container.get("channel_id", "")
    private = bool(container.get("is_ephemeral")) or channel.startswith("D")
    return Click(
        team=_team(body),
        user=body["user"]["id"],
        value=pressed.get("value", ""),
        keys=(f"click:{body['trigger_id']}:{pressed['action_id']}",),
        channel=channel,
        thread=container.get("thread_ts") or body.get("message", {}).get("thread_ts"),
        over=answer_of(pressed["block_id"]) if private else "",
        trigger=body["trigger_id"],
        response_url=body.get("response_url", ""),
        place=_place(channel, body.get("channel", {}).get("name", "")) if channel else None,
    )


def submission(body: Body) -> Filled:
    """Somebody sent a form off."""
    view = body["view"]
    fields = {
        block: _values(element)
        for block, elements in view["state"]["values"].items()
        for element in elements.values()
    }
    return Filled(
        team=_team(body),
        user=body["user"]["id"],
        keys=(f"form:{view['id']}:{view['hash']}",),
        memory=view["private_metadata"],
        fields=fields,
    )


def suggestion(body: Body) -> Typing:
    """Somebody is choosing a name in a form."""
    return Typing(
        team=_team(body),
        user=body["user"]["id"],
        memory=body["view"]["private_metadata"],
        field=body["block_id"],
        text=body.get("value", ""),
    )


def row_id(answer: str, number: int) -> str:
    """The block id of a row of buttons under an answer."""
    return f"{answer}.{number}"


def answer_of(block_id: str) -> str:
    """The answer that a row of buttons stands under; never empty."""
    return block_id.rpartition(".")[0] or block_id


def _place(channel: str, name: str) -> Place:
    """A channel by its name; what Slack calls a conversation without one is no name."""
    is_direct = channel.startswith("D")
    return Place(channel, "" if is_direct or name in NAMELESS else name, is_direct=is_direct)


def _team(body: Body) -> str:
    # Installed for a whole organisation, the envelope names the team beside the person only.
    named: str = (body.get("team") or {}).get("id") or body["user"].get("team_id", "")
    return named


def _values(element: Body) -> tuple[str, ...]:
    """The texts a field holds; none when it was left empty."""
    chosen = element.get("selected_options") or [element.get("selected_option")]
    options = tuple(option["value"] for option in chosen if option)
    text = element.get("value") or element.get("selected_date")
    return options or ((text.strip(),) if text and text.strip() else ())
