"""A channel that takes nothing any more stops as a whole, and who cares is told once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import sqlalchemy as sa

from storage.claims import DESTINATION, mark_maybe_sent
from storage.endings import Trouble, skip
from storage.engine import reading, writing
from storage.notices import CANCELLED, GONE, destination_died, sweep
from storage.outbox import DeliveryRow
from storage.roles import set_role
from tests.cast import NOW
from tests.storage.mail import Mail, at

ARCHIVED = Trouble("destination", "is_archived")


@pytest.fixture
def mail(engine: sa.Engine) -> Mail:
    return Mail(engine)


def die(mail: Mail, seconds: float = 0, owners: Sequence[str] = ()) -> bool:
    claim = mail.taken(seconds)
    with writing(mail.engine) as connection:
        return destination_died(connection, claim, at(seconds), ARCHIVED, owners=owners)


def notices(mail: Mail) -> list[DeliveryRow]:
    return [row for row in mail.rows() if row.kind == "notice"]


def receivers(mail: Mail) -> list[str]:
    """The people whose conversation has a notice."""
    by_id = sa.select(DESTINATION.c.id, DESTINATION.c.channel_id)
    with reading(mail.engine) as connection:
        names = {number: channel for number, channel in connection.execute(by_id)}  # noqa: C416  # rows
    return sorted(names[row.destination_id] for row in notices(mail))


def test_a_dead_channel_skips_what_waits_and_tells_its_creator(mail: Mail) -> None:
    channel = mail.channel()
    dead, ready = mail.ready(channel), mail.ready(channel, created_at=at(1))
    planned = mail.due(channel, created_at=at(2))
    assert die(mail)
    assert [mail.row(one).reason for one in (dead, ready, planned)] == [
        "destination: is_archived",
        GONE,
        GONE,
    ]
    (notice,) = notices(mail)
    assert notice.dedupe_key == f"o|{channel}|1|{notice.destination_id}"
    assert notice.facts == {
        "channel": "channel-1",
        "code": "is_archived",
        "paused": 0,
        "to": "creator",
    }
    assert receivers(mail) == ["U1"]


def test_who_lost_the_claim_kills_no_channel(mail: Mail) -> None:
    mail.ready(mail.channel())
    late = mail.taken()
    mail.taken(61)
    with writing(mail.engine) as connection:
        assert not destination_died(connection, late, at(62), ARCHIVED)
        assert connection.execute(sa.select(DESTINATION.c.state)).scalars().all() == ["ok"]
    assert notices(mail) == []


def test_a_creator_elsewhere_or_gone_is_replaced_by_admins_and_owners(mail: Mail) -> None:
    mail.ready(mail.channel(created_by="discord:G1:9"))
    with writing(mail.engine) as connection:
        for user, role in (("UADMIN", "admin"), ("UBOB", "member")):
            set_role(
                connection,
                mail.workspace_id,
                platform="slack",
                external_id="T1",
                user_id=user,
                role=role,  # type: ignore[arg-type]  # the words of roles
            )
    die(mail, owners=["slack:T1:UOWNER", "slack:T2:UFAR", "discord:G1:8"])
    assert receivers(mail) == ["UADMIN", "UOWNER"]


def test_a_closed_conversation_hands_its_notice_to_the_admins_and_no_further(mail: Mail) -> None:
    mail.ready(mail.channel())
    owners = ["slack:T1:UOWNER"]
    die(mail, owners=owners)
    told = notices(mail)[0].id
    with writing(mail.engine) as connection:
        made = sa.text("UPDATE delivery SET state = 'ready' WHERE state = 'planned'")
        connection.execute(made)
    assert die(mail, 1, owners)
    assert mail.row(told).state == "dead"
    assert receivers(mail) == ["U1", "UOWNER"]
    with writing(mail.engine) as connection:
        connection.execute(made)
    assert die(mail, 2, owners)
    assert len(notices(mail)) == 2


def test_the_sweep_skips_parts_of_what_was_not_sent(mail: Mail) -> None:
    channel = mail.channel()
    root = mail.due(channel, state="skipped", reason="empty")
    part = mail.due(channel, parent_id=root, part=1, act="file")
    waits = mail.due(channel, parent_id=mail.ready(channel), part=1, act="file")
    with writing(mail.engine) as connection:
        assert sweep(connection, NOW) == 1
    assert (mail.row(part).reason, mail.row(waits).state) == (CANCELLED, "planned")


def test_the_sweep_ends_what_was_left_half_done_in_a_stopped_channel(mail: Mail) -> None:
    channel = mail.channel()
    made, begun = mail.due(channel), mail.ready(channel)
    assert mail.claim_render() is not None
    sent = mail.taken()
    with writing(mail.engine) as connection:
        assert mark_maybe_sent(connection, sent, at(0))
        connection.execute(sa.update(DESTINATION).values(state="dead"))
        assert [sweep(connection, at(second)) for second in (59, 60)] == [0, 2]
        assert not skip(connection, sent, at(61), "late")
    assert [(mail.row(one).state, mail.row(one).reason) for one in (made, begun)] == [
        ("skipped", GONE),
        ("ambiguous", GONE),
    ]


def test_the_sweep_skips_what_came_for_a_stopped_channel(mail: Mail) -> None:
    late = mail.ready(mail.channel(state="dead"))
    with writing(mail.engine) as connection:
        assert sweep(connection, NOW) == 1
        assert sweep(connection, NOW) == 0
    assert (mail.row(late).state, mail.row(late).reason) == ("skipped", GONE)
