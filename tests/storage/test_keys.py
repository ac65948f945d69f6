"""Keys: shown once, kept as a digest, good for one purpose until they are revoked."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from storage.engine import reading, writing
from storage.keys import (
    Key,
    KeyScope,
    check_key,
    create_key,
    find_key,
    list_keys,
    mark_used,
    revoke_key,
)
from tests.cast import NOW
from tests.databases import elsewhere, home


def create(engine: sa.Engine, scope: KeyScope = "ingest", name: str = "gateway") -> tuple[Key, str]:
    with writing(engine) as connection:
        return create_key(
            connection, home(engine).id, name, scope, created_by="terminal:alice", now=NOW
        )


def listed(engine: sa.Engine) -> list[Key]:
    with reading(engine) as connection:
        return list_keys(connection, home(engine).id)


def test_a_key_opens_its_workspace_for_its_purpose(engine: sa.Engine) -> None:
    key, secret = create(engine)
    assert re.fullmatch(r"crk_[a-z0-9]{8}_[\w-]{43}", secret)
    assert listed(engine) == [key]
    with reading(engine) as connection:
        assert check_key(connection, secret, "ingest") == home(engine).id
        assert check_key(connection, secret, "export") is None
        assert find_key(connection, secret) == key


def test_no_column_holds_the_secret(engine: sa.Engine) -> None:
    _, secret = create(engine)
    with reading(engine) as connection:
        rows = connection.execute(sa.text("SELECT * FROM api_key")).all()
    assert secret.split("_", 2)[2] not in repr(rows)


def test_a_wrong_an_unknown_and_a_broken_key_open_nothing(engine: sa.Engine) -> None:
    key, secret = create(engine)
    other = "a" if secret[-1] != "a" else "b"
    wrong = [
        secret[:-1] + other,
        secret.replace(key.id, "abcdefgh"),
        secret + "x",
        secret.upper(),
        " " + secret,
        secret + "\n",
        "crk_",
        "",
        "クレジット",
    ]
    with reading(engine) as connection:
        assert [find_key(connection, text) for text in wrong] == [None] * len(wrong)


def test_the_secret_of_one_key_is_not_that_of_another(engine: sa.Engine) -> None:
    (first, secret), (second, _) = create(engine), create(engine)
    with reading(engine) as connection:
        assert find_key(connection, secret.replace(first.id, second.id)) is None


def test_a_revoked_key_opens_nothing_and_is_revoked_once(engine: sa.Engine) -> None:
    key, secret = create(engine)
    with writing(engine) as connection:
        revoked = revoke_key(connection, home(engine).id, key.id, now=NOW)
        assert revoked is not None
        assert revoke_key(connection, home(engine).id, key.id, now=NOW) is None
        assert check_key(connection, secret, "ingest") is None
    assert listed(engine) == [revoked]
    assert revoked.revoked_at == NOW


def test_another_workspace_neither_lists_nor_revokes_a_key(engine: sa.Engine) -> None:
    key, secret = create(engine)
    theirs = elsewhere(engine).id
    with writing(engine) as connection:
        assert list_keys(connection, theirs) == []
        assert revoke_key(connection, theirs, key.id, now=NOW) is None
        assert check_key(connection, secret, "ingest") == home(engine).id


@pytest.mark.parametrize(("seconds", "kept"), [(0, 0), (59, 0), (60, 60), (3600, 3600)])
def test_the_use_of_a_key_is_kept_to_the_minute(engine: sa.Engine, seconds: int, kept: int) -> None:
    _, secret = create(engine)
    for now in (NOW, NOW + timedelta(seconds=seconds)):
        with writing(engine) as connection:
            key = find_key(connection, secret)
            assert key is not None
            mark_used(connection, key, now=now)
    assert listed(engine)[0].last_used_at == NOW + timedelta(seconds=kept)
