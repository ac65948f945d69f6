"""Buttons under an answer: ask again, fetch a table, share, edit; checked again at each click."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import sqlalchemy as sa

from storage.engine import reading, writing
from storage.preferences import set_preference
from tests.databases import home
from tests.doubles.slack import SlackDouble
from tests.doubles.slack_payloads import CHANNEL, DIRECT, Payload, press, slash, submit, type_into
from tests.doubles.slack_stage import QUICK, Stage, stage

LINE = "by-model last 7d"
URL = "r2"


@pytest.fixture
async def scene(sqlite_engine: sa.Engine) -> AsyncIterator[Stage]:
    async with stage(sqlite_engine) as scene:
        yield scene


@pytest.fixture
async def slack(scene: Stage) -> SlackDouble:
    return scene.slack


def kinds(message: Payload) -> set[str]:
    return {block["type"] for block in message.get("blocks", ())}


def buttons(message: Payload) -> dict[str, str]:
    """Labels of an answer's buttons, with what they carry."""
    rows = (block["elements"] for block in message["blocks"] if block["type"] == "actions")
    return {button["text"]["text"]: button["value"] for row in rows for button in row}


async def asked(slack: SlackDouble, line: str = LINE) -> dict[str, str]:
    """The buttons of an answer."""
    await slack.send("slash_commands", slash(line, url=slack.response_url()))
    await slack.until(lambda: slack.responses["r1"])
    return buttons(slack.responses["r1"][0])


async def share_value(slack: SlackDouble) -> str:
    values = await asked(slack)
    return next(value for label, value in values.items() if "share" in label.lower())


async def clicked(slack: SlackDouble, payload: Payload, url: str = URL) -> Payload:
    """Click; gives the first thing that is said through its response URL."""
    await slack.send("interactive", payload)
    await slack.until(lambda: slack.responses[url])
    return slack.responses[url][0]


# ---- ask


async def test_asking_again_takes_the_place_of_a_private_answer(slack: SlackDouble) -> None:
    answer = await clicked(slack, press(f"ask:{LINE}", url=slack.response_url(URL)))
    assert answer["replace_original"]
    assert {"image", "data_table"} <= kinds(answer)


@pytest.mark.parametrize("first", ["click", "command"])
async def test_a_late_chart_does_not_push_away_a_newer_answer(
    sqlite_engine: sa.Engine, first: str
) -> None:
    async with stage(sqlite_engine, replace(QUICK, chart=0.01)) as scene:
        slack = scene.slack
        scene.sketch.held.clear()
        row = "b"
        if first == "click":
            old = press("ask:by-model last 30d", url=slack.response_url("old"))
            await slack.send("interactive", old)
        else:
            await slack.send("slash_commands", slash("by-model", url=slack.response_url("old")))
        await slack.until(lambda: slack.responses["old"])
        if first == "command":
            (row,) = [
                block["block_id"]
                for block in slack.responses["old"][0]["blocks"]
                if block["type"] == "actions"
            ]
        await clicked(slack, press(f"ask:{LINE}", url=slack.response_url(URL), row=row))
        scene.sketch.held.set()
        await slack.until(lambda: len(slack.responses[URL]) == 2)
    assert len(slack.responses["old"]) == 1
    assert "image" in kinds(slack.responses[URL][1])


async def test_an_equal_chart_is_uploaded_once(slack: SlackDouble) -> None:
    for url in (URL, "r3"):
        answer = await clicked(slack, press(f"ask:{LINE}", url=slack.response_url(url)), url)
        assert "image" in kinds(answer)
    assert len(slack.files) == 1


async def test_nothing_is_shared_from_a_direct_conversation(slack: SlackDouble) -> None:
    url = slack.response_url(URL)
    answer = await clicked(slack, press(f"ask:{LINE}", url=url, channel=DIRECT))
    assert not [label for label in buttons(answer) if "share" in label.lower()]


async def test_asking_under_a_shared_answer_leaves_it_as_it_is(slack: SlackDouble) -> None:
    url = slack.response_url(URL)
    answer = await clicked(slack, press(f"ask:{LINE}", url=url, ephemeral=False))
    assert (answer["replace_original"], answer["response_type"]) == (False, "ephemeral")


async def test_a_click_that_comes_twice_is_answered_once(sqlite_engine: sa.Engine) -> None:
    async with stage(sqlite_engine) as scene:
        payload = press("ask:help", url=scene.slack.response_url(URL))
        again = await scene.slack.send("interactive", payload)
        await scene.slack.send("interactive", payload, again=again)
    assert len(scene.slack.responses[URL]) == 1


@pytest.mark.parametrize("value", ["id:invented", "share:by-model", "drop:tables", "", "id:"])
async def test_an_invented_value_does_nothing(slack: SlackDouble, value: str) -> None:
    answer = await clicked(slack, press(value, url=slack.response_url(URL)))
    assert answer["text"] == "This button is no longer valid."
    assert not slack.messages


async def test_an_altered_line_has_the_rights_of_who_clicks(scene: Stage) -> None:
    with writing(scene.desk.engine) as connection:
        workspace = home(scene.desk.engine)
        set_preference(connection, workspace.id, "people_visibility", "admins")
    payload = press("ask:by-user", url=scene.slack.response_url(URL), user="U2")
    answer = await clicked(scene.slack, payload)
    assert "for admins here" in answer["text"]


# ---- csv


async def test_the_table_comes_as_a_file_into_the_direct_conversation(slack: SlackDouble) -> None:
    answer = await clicked(slack, press(f"csv:{LINE}", url=slack.response_url(URL)))
    (file,) = slack.messages
    assert file["channel_id"] == DIRECT
    assert next(iter(slack.files.values())).startswith(b"\xef\xbb\xbffamily")
    assert "creditbot-by-model-2026-03-24-to-2026-03-30.csv" in answer["text"]


async def test_a_table_asked_for_in_the_direct_conversation_needs_no_words(
    sqlite_engine: sa.Engine,
) -> None:
    async with stage(sqlite_engine) as scene:
        url = scene.slack.response_url(URL)
        await scene.slack.send("interactive", press(f"csv:{LINE}", url=url, channel=DIRECT))
        await scene.slack.until(lambda: scene.slack.messages)
    assert not scene.slack.responses[URL]


@pytest.mark.parametrize(
    ("form", "begins"), [("pdf", b"%PDF"), ("png", b"\x89PNG"), ("json", b'{"line"')]
)
async def test_each_form_comes_as_a_file(slack: SlackDouble, form: str, begins: bytes) -> None:
    answer = await clicked(slack, press(f"{form}:{LINE}", url=slack.response_url(URL)))
    assert next(iter(slack.files.values())).startswith(begins)
    assert f"creditbot-by-model-2026-03-24-to-2026-03-30.{form}" in answer["text"]


async def test_a_typed_export_sends_the_file_and_says_so(slack: SlackDouble) -> None:
    await slack.send("slash_commands", slash(f"export csv {LINE}", url=slack.response_url()))
    await slack.until(lambda: slack.responses["r1"])
    assert slack.messages[0]["channel_id"] == DIRECT
    assert "as a direct message" in slack.responses["r1"][0]["text"]


async def test_a_file_that_could_not_be_drawn_is_told(scene: Stage) -> None:
    scene.sketch.broken = True
    answer = await clicked(scene.slack, press(f"pdf:{LINE}", url=scene.slack.response_url(URL)))
    assert "could not be drawn" in answer["text"]


async def test_a_mistake_in_a_csv_line_is_told(slack: SlackDouble) -> None:
    answer = await clicked(slack, press("csv:by-modle", url=slack.response_url(URL)))
    assert "by-modle" in answer["text"]


@pytest.mark.parametrize(("fault", "words"), [(500, "did not answer"), (403, "did not answer")])
async def test_a_file_that_did_not_arrive_is_told(
    slack: SlackDouble, fault: int, words: str
) -> None:
    slack.faults["upload"].append(fault)
    answer = await clicked(slack, press(f"csv:{LINE}", url=slack.response_url(URL)))
    assert words in answer["text"]


# ---- share


async def test_sharing_posts_the_answer_into_the_channel(slack: SlackDouble) -> None:
    value = await share_value(slack)
    answer = await clicked(slack, press(value, url=slack.response_url(URL)))
    (shared,) = slack.messages
    assert (shared["kind"], shared["channel"]) == ("message", CHANNEL)
    assert {"image", "data_table"} <= kinds(shared)
    assert shared["metadata"]["event_payload"]["line"].startswith("by-model last 7d")
    assert "Share" not in str(buttons(shared))
    assert answer["text"] == "Shared in this channel."


async def test_only_the_one_who_asked_may_share(slack: SlackDouble) -> None:
    value = await share_value(slack)
    answer = await clicked(slack, press(value, url=slack.response_url(URL), user="U2"))
    assert answer["text"] == "This button is no longer valid."
    assert not slack.messages


async def test_another_team_may_not_share(slack: SlackDouble) -> None:
    value = await share_value(slack)
    answer = await clicked(slack, press(value, url=slack.response_url(URL), team="T9"))
    assert answer["text"] == "This button is no longer valid."


@pytest.mark.parametrize("flag", ["is_ext_shared", "is_pending_ext_shared"])
async def test_nothing_is_shared_where_other_organisations_read(
    slack: SlackDouble, flag: str
) -> None:
    value = await share_value(slack)
    slack.channel[flag] = True
    answer = await clicked(slack, press(value, url=slack.response_url(URL)))
    assert "another organisation" in answer["text"]
    assert not slack.messages


def results(scene: Stage) -> list[str]:
    """The results of shares in the audit, once the bot has said what came of the last one."""
    with reading(scene.desk.engine) as connection:
        asked = sa.text("SELECT result FROM audit WHERE action = 'share' ORDER BY seq")
        return list(connection.execute(asked).scalars())


async def test_sharing_where_the_bot_is_not_asks_for_an_invitation_and_works_then(
    scene: Stage,
) -> None:
    slack = scene.slack
    value = await share_value(slack)
    slack.is_member = False
    answer = await clicked(slack, press(value, url=slack.response_url(URL)))
    assert "/invite @creditbot" in answer["text"]
    slack.is_member = True
    again = await clicked(slack, press(value, url=slack.response_url("r3")), "r3")
    assert again["text"] == "Shared in this channel."
    assert results(scene) == ["begun", "failed", "begun", "done"]


async def test_a_lost_share_is_not_repeated_and_said_to_be_uncertain(scene: Stage) -> None:
    slack = scene.slack
    value = await share_value(slack)
    slack.faults["chat.postMessage"].append("lost")
    answer = await clicked(slack, press(value, url=slack.response_url(URL)))
    assert "before you share it again" in answer["text"]
    assert len(slack.called("chat.postMessage")) == 1
    assert results(scene) == ["begun", "unknown"]
    again = await clicked(slack, press(value, url=slack.response_url("r3")), "r3")
    assert again["text"] == "This button is no longer valid."


async def test_a_share_is_refused_when_the_right_is_gone(scene: Stage) -> None:
    await asked(scene.slack, "by-user last 7d")
    value = next(
        value
        for label, value in buttons(scene.slack.responses["r1"][0]).items()
        if "share" in label.lower()
    )
    with writing(scene.desk.engine) as connection:
        workspace = home(scene.desk.engine)
        set_preference(connection, workspace.id, "people_visibility", "admins")
    scene.desk._asking._owners = frozenset()
    answer = await clicked(scene.slack, press(value, url=scene.slack.response_url(URL)))
    assert "for admins here" in answer["text"]
    assert not scene.slack.messages


# ---- edit


async def opened(slack: SlackDouble, line: str = LINE, *, ephemeral: bool = True) -> Payload:
    """The form of a line."""
    url = slack.response_url(URL)
    await slack.send("interactive", press(f"edit:{line}", url=url, ephemeral=ephemeral))
    await slack.until(lambda: slack.called("views.open"))
    view: Payload = slack.called("views.open")[0]["view"]
    return view


def text(value: str) -> Payload:
    return {"type": "plain_text_input", "value": value}


async def test_the_form_holds_what_the_line_says(slack: SlackDouble) -> None:
    view = await opened(slack, 'timeline last 3 months by week model="GPT-4o"')
    fields = {block["block_id"]: block.get("element") for block in view["blocks"]}
    assert fields["range"]["initial_value"] == "last 3 months"
    assert fields["by"]["initial_option"]["value"] == "week"
    assert [option["value"] for option in fields["model"]["initial_options"]] == ["GPT-4o"]


async def test_a_form_is_answered_where_its_button_was(slack: SlackDouble) -> None:
    view = await opened(slack)
    days = {
        "first_day": {"type": "datepicker", "selected_date": "2026-03-01"},
        "last_day": {"type": "datepicker", "selected_date": "2026-03-30"},
    }
    assert await slack.ask("interactive", submit(view, {"range": text("last 7d"), **days})) is None
    await slack.until(lambda: slack.responses[URL])
    (answer,) = slack.responses[URL]
    assert answer["replace_original"]
    assert "by-model 2026-03-01..2026-03-30" in str(answer)


async def test_a_mistake_in_a_form_is_shown_in_it(slack: SlackDouble) -> None:
    view = await opened(slack)
    half = {"first_day": {"type": "datepicker", "selected_date": "2026-03-01"}}
    said = await slack.ask("interactive", submit(view, half))
    assert said is not None
    assert said["response_action"] == "errors"
    assert "One of the two days is missing." in said["errors"]["range"]


async def test_a_name_in_a_form_is_taken_as_it_is(slack: SlackDouble) -> None:
    view = await opened(slack)
    name = {"value": "a&amp;b"}
    chosen = {"model": {"type": "multi_external_select", "selected_options": [name]}}
    await slack.ask("interactive", submit(view, chosen))
    await slack.until(lambda: slack.responses[URL])
    assert "'a&amp;amp;b'" in slack.responses[URL][0]["text"]


async def test_a_form_that_comes_twice_is_answered_once(sqlite_engine: sa.Engine) -> None:
    async with stage(sqlite_engine) as scene:
        view = await opened(scene.slack)
        payload = submit(view, {"range": text("last 7d")})
        again = await scene.slack.send("interactive", payload)
        await scene.slack.send("interactive", payload, again=again)
    assert len(scene.slack.responses[URL]) == 1


async def test_a_form_proposes_known_names(slack: SlackDouble) -> None:
    view = await opened(slack)
    said = await slack.ask("interactive", type_into(view, "model", "gpt-4.1 m"))
    assert said is not None
    assert [option["value"] for option in said["options"]] == ["GPT-4.1 mini"]


async def test_guests_are_proposed_no_names(slack: SlackDouble) -> None:
    slack.people["U2"] = {"is_restricted": True}
    view = await opened(slack)
    said = await slack.ask("interactive", type_into(view, "model", "gpt", user="U2"))
    assert said == {"options": []}


async def test_the_editor_of_a_stale_line_says_so(slack: SlackDouble) -> None:
    answer = await clicked(slack, press("edit:gone-command", url=slack.response_url(URL)))
    assert answer["text"] == "This button is no longer valid."
