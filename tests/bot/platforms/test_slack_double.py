"""The double refuses what Slack refuses: one that says yes to everything proves nothing."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from jsonschema import Draft7Validator

from tests.doubles.slack import APP_TOKEN, BOT_TOKEN, Envelope, SlackDouble, slack_double
from tests.doubles.slack_rules import _schemas, complaints

Block = dict[str, Any]
DIVIDER: Block = {"type": "divider"}
PLAIN: Block = {"type": "plain_text", "text": "x"}
CELL: Block = {"type": "raw_text", "text": "x" * 90}
CHART: Block = {
    "type": "data_visualization",
    "title": "Credits by day",
    "chart": {
        "type": "bar",
        "series": [{"name": "credits", "data": [{"label": "Mon", "value": 412}]}],
        "axis_config": {"categories": ["Mon"]},
    },
}


def table(rows: int, columns: int = 1) -> Block:
    return {"type": "data_table", "caption": "c", "rows": [[CELL] * columns] * rows}


def button(**changes: Any) -> Block:  # noqa: ANN401  # fields of a button
    usual = {"type": "button", "text": PLAIN, "action_id": "ask:0", "value": "v"}
    return {"type": "actions", "elements": [usual | changes]}


def posting(*blocks: Block, **changes: Any) -> list[str]:  # noqa: ANN401  # arguments of a post
    """What is wrong with a post of these blocks."""
    body = {"channel": "C1", "text": "t", "blocks": list(blocks), **changes}
    return list(complaints("request", "chat.postMessage", body))


GOOD: list[list[Block]] = [[DIVIDER] * 50, [table(101)], [button()], [CHART, CHART]]
BAD: dict[str, list[Block]] = {
    "too many blocks": [DIVIDER] * 51,
    "an unknown block": [{"type": "pie"}],
    "a misspelt member": [{"type": "section", "txt": PLAIN}],
    "a long section": [{"type": "section", "text": PLAIN | {"text": "x" * 3001}}],
    "a long header": [{"type": "header", "text": PLAIN | {"text": "x" * 151}}],
    "a header in mrkdwn": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
    "an image without words": [{"type": "image", "slack_file": {"id": "F1"}}],
    "a long label": [button(text=PLAIN | {"text": "x" * 76})],
    "a long value": [button(value="x" * 2001)],
    "a button without a label": [button(text=None)],
    "two tables": [table(1), table(1)],
    "a long table": [table(102)],
    "a table with much text": [table(101, columns=2)],
    "three charts": [CHART] * 3,
    "too much text": [{"type": "section", "text": PLAIN | {"text": "x" * 2900}}] * 5,
}


@pytest.mark.parametrize("blocks", GOOD)
def test_what_slack_shows_is_taken(blocks: list[Block]) -> None:
    assert posting(*blocks) == []


@pytest.mark.parametrize("blocks", BAD.values(), ids=BAD)
def test_what_slack_refuses_is_a_violation(blocks: list[Block]) -> None:
    assert posting(*blocks)


@pytest.mark.parametrize(
    "change", [{"text": ""}, {"link_names": True}, {"unfurl_media": True}, {"as_user": True}]
)
def test_a_post_that_could_ping_or_expand_is_a_violation(change: dict[str, object]) -> None:
    assert posting(DIVIDER, **change)


def test_slacks_own_types_do_not_know_charts_yet() -> None:
    # When this fails, take our own type out of generate/slack/types.ts.
    definitions = _schemas()["requests"]["definitions"]
    known = Draft7Validator({"$ref": "#/definitions/KnownBlock", "definitions": definitions})
    assert known.is_valid(DIVIDER)
    assert not known.is_valid(CHART)


async def called(double: SlackDouble, method: str, token: str = BOT_TOKEN) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.request("POST", f"{double.api_url}{method}", headers=headers) as reply:
        answer: dict[str, Any] = await reply.json()
        return answer


async def test_an_unknown_method_is_a_violation() -> None:
    async with slack_double() as double:
        assert (await called(double, "chat.whatever"))["ok"] is False
        assert double.violations
        double.violations.clear()


async def test_a_ticket_opens_one_socket() -> None:
    async with slack_double() as double, aiohttp.ClientSession() as session:
        url = (await called(double, "apps.connections.open", APP_TOKEN))["url"]
        async with session.ws_connect(url) as socket:
            assert (await socket.receive_json())["type"] == "hello"
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)


@pytest.mark.parametrize("answers", [0, 2])
def test_an_envelope_wants_exactly_one_acknowledgement(answers: int) -> None:
    double = SlackDouble()
    double.envelopes["e1"] = Envelope({}, sent=1, answers=[None] * answers)
    double.settle()
    assert double.violations == [f"envelope e1 acknowledged {answers} of 1 times"]
