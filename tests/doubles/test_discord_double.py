"""The double is as strict as Discord: what it would refuse is a violation here."""

from __future__ import annotations

import pytest

from tests.doubles.discord_description import COMPONENTS_V2, Json, description, refusal

TEXT: Json = {"type": 10, "content": "x"}
POST = ("POST", "/channels/1/messages")


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"content": "x" * 2001}, "2001 characters"),
        ({"content": "x", "flags": COMPONENTS_V2, "components": [TEXT]}, "content in a message"),
        ({"components": [{"type": 17, "components": [TEXT] * 40}]}, "41 components"),
        ({"components": [{"type": 10, "content": "x" * 2001}] * 2}, "too much text"),
        ({"components": [{"type": 2, "custom_id": "x" * 101}]}, "custom_id"),
        ({"components": [{"media": {"url": "attachment://a.png"}, "type": 12}]}, "a.png"),
    ],
)
def test_a_message_that_discord_refuses_is_refused(body: Json, complaint: str) -> None:
    assert complaint in refusal(body, {}, v2=False)


def test_an_unknown_path_is_a_complaint() -> None:
    found = description().complaints("GET", "/nowhere", request=None, status=404, reply={})
    assert found == ["GET /nowhere: not in the description"]


@pytest.mark.parametrize(
    "body",
    [
        {"contents": "a misspelt field"},
        {"components": [{"type": 1, "components": []}]},
        {"components": [{"type": 99}]},
        {"nonce": "x" * 26},
    ],
)
def test_a_request_that_does_not_fit_the_description_is_a_complaint(body: Json) -> None:
    method, path = POST
    found = description().complaints(method, path, request=body, status=500, reply=None)
    found += description().complaints(method, path, request=body, status=200, reply=None)
    assert any("request:" in complaint for complaint in found)


def test_a_reply_of_ours_that_lies_is_a_complaint() -> None:
    method, path = POST
    reply: Json = {"id": "1", "content": "x"}
    found = description().complaints(
        method, path, request={"content": "x"}, status=200, reply=reply
    )
    assert any("reply 200:" in complaint for complaint in found)
