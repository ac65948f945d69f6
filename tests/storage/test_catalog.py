"""A model is found by any spelling of its name, and priced as it was at the time."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from storage import locks
from storage.audit import record
from storage.catalog import REVISION, Catalog, Price, add_model, set_multiplier
from storage.engine import open_engine, reading, writing
from storage.preferences import state
from tests.cast import NOW
from tests.databases import elsewhere, home
from tests.storage.test_workspaces import waits_for_us

MICRO = 1_000_000


def catalog_of(engine: sa.Engine) -> Catalog:
    with reading(engine) as connection:
        return Catalog.load(connection, home(engine).id)


@pytest.fixture(scope="module")
def catalog(sqlite_template: Path) -> Catalog:
    engine = open_engine(f"sqlite:///{sqlite_template}")
    found = catalog_of(engine)
    engine.dispose()
    return found


def named(catalog: Catalog, raw: str) -> str | None:
    found = catalog.find(raw)
    return catalog.models[found].name if found else None


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("GPT-4o", "GPT-4o"),
        ("openai/gpt-4o", "GPT-4o"),
        ("gpt-4o-2024-08-06", "GPT-4o"),
        ("openrouter/openai/gpt-4o-2024-11-20:free", "GPT-4o"),
        ("GPT 4o", "GPT-4o"),
        ("gpt_4o_mini", "GPT-4o mini"),
        ("Claude 3.7 Sonnet", "Claude 3.7 Sonnet"),
        ("claude-3.7-sonnet", "Claude 3.7 Sonnet"),
        ("claude-3-7-sonnet-20250219", "Claude 3.7 Sonnet"),
        ("claude-3-7-sonnet@20250219", "Claude 3.7 Sonnet"),
        ("anthropic/claude-3-haiku-20240307", "Claude 3 Haiku"),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "Claude Haiku 4.5"),
        ("deepseek.r1-v1:0", "DeepSeek R1"),
        ("Auto: Claude Haiku 4.5", "Claude Haiku 4.5"),
        ("Auto: gpt-4.1", "GPT-4.1"),
        ("claude-4.6-opus", "Claude Opus 4.6"),
        ("claude-4.5-sonnet", "Claude Sonnet 4.5"),
        ("claude-opus-4-20250514", "Claude Opus 4"),
        ("Gemini 3 Pro (Preview)", "Gemini 3 Pro"),
        ("gpt-5.2-codex", "GPT-5.2-Codex"),
        ("o3-mini", "o3 mini"),
        ("meta-llama/llama-3.3-70b-instruct", "Llama 3.3 70B"),
        ("azure/gpt-35-turbo", "GPT-3.5 Turbo"),
        ("deepseek-chat", "DeepSeek V3"),
        ("composer-1", "Composer 1"),
        ("Code Review model", None),
        ("Coding Agent model", None),
        ("auto", None),
        ("gpt-4o-turbo", None),
        ("", None),
        ("/", None),
        (" \n", None),
    ],
)
def test_a_spelling_is_one_model_or_none(catalog: Catalog, raw: str, name: str | None) -> None:
    assert named(catalog, raw) == name


@given(st.data())
def test_no_listed_model_hides_behind_another(catalog: Catalog, data: st.DataObject) -> None:
    model = data.draw(st.sampled_from(sorted(catalog.models.values(), key=lambda one: one.id)))
    raw = data.draw(st.sampled_from((model.name, model.slug)))
    raw = re.sub("[ .-]", data.draw(st.sampled_from("- _.")), raw)
    raw = data.draw(st.sampled_from((raw, raw.upper(), raw.casefold())))
    raw = data.draw(st.sampled_from(("", "Auto: ", "openai/", "a/b/"))) + raw
    raw += data.draw(st.sampled_from(("", "-20250807", "-2025-08-07", "@20250807", "-latest")))
    assert named(catalog, raw) == model.name


@pytest.mark.parametrize(
    ("name", "multiplier"),
    [
        ("GPT-4o", 2),
        ("GPT-4 Turbo", 1),
        ("GPT-3.5 Turbo", 0.3),
        ("Claude 3.7 Sonnet", 2.5),
        ("Claude 3.5 Sonnet", 1),
        ("Claude 3 Haiku", 0.5),
        ("Llama 3.3 70B", 1),
        ("DeepSeek V3", 1),
        ("o3 mini", 1),
    ],
)
def test_the_default_catalogue_prices_from_the_epoch_on(
    catalog: Catalog, name: str, multiplier: float
) -> None:
    found = catalog.find(name)
    assert found is not None
    assert catalog.price_at(found, 0) == Price(0, round(multiplier * MICRO), None, None)


def test_the_default_catalogue_lists_every_family_and_prices_every_model(
    catalog: Catalog,
) -> None:
    assert len(catalog.models) >= 60
    families = {model.family for model in catalog.models.values()}
    assert families >= {"ChatGPT", "Claude", "Gemini", "Llama", "DeepSeek", "Mistral", "Qwen"}
    multipliers = [catalog.prices(model)[0].multiplier for model in catalog.models]
    assert min(multipliers) == MICRO // 10
    assert max(multipliers) == 5 * MICRO


def test_a_price_holds_from_its_moment_on_and_not_before(engine: sa.Engine) -> None:
    model_id = catalog_of(engine).find("gpt-4o") or 0
    with writing(engine) as connection:
        set_multiplier(connection, home(engine).id, model_id, multiplier=3 * MICRO, valid_from=1000)
        set_multiplier(connection, home(engine).id, model_id, multiplier=4 * MICRO, valid_from=1000)
    catalog = catalog_of(engine)
    prices = [catalog.price_at(model_id, ts) for ts in (-1, 0, 999, 1000, 10**16)]
    assert [price and price.multiplier // MICRO for price in prices] == [None, 2, 2, 4, 4]


def test_an_unknown_model_is_other_unpriced_and_found_by_its_own_spellings(
    engine: sa.Engine,
) -> None:
    with writing(engine) as connection:
        first = add_model(connection, home(engine).id, "azure/My Own-20260101", provider="azure")
        assert add_model(connection, home(engine).id, "My Own") == first
    catalog = catalog_of(engine)
    model = catalog.models[first]
    assert (model.name, model.family, model.provider) == ("azure/My Own-20260101", "Other", "azure")
    assert catalog.price_at(first, 10**15) is None
    assert {catalog.find(raw) for raw in ("my-own", "my_own-20270202", "x/MY OWN")} == {first}


def test_another_workspace_does_not_see_a_changed_price_or_a_new_model(
    engine: sa.Engine,
) -> None:
    theirs = elsewhere(engine)
    with writing(engine) as connection:
        set_multiplier(connection, theirs.id, 1, multiplier=9 * MICRO, valid_from=5)
        add_model(connection, theirs.id, "Charlie's own")
    catalog = catalog_of(engine)
    assert len(catalog.prices(1)) == 1
    assert catalog.find("Charlie's own") is None


def test_a_price_waits_for_a_new_model_and_both_are_told(postgres_engine: sa.Engine) -> None:
    before = revision(postgres_engine)
    with ThreadPoolExecutor() as pool:
        with writing(postgres_engine) as connection:
            locks.hold(connection, 1)
            rival = pool.submit(set_price_and_note, postgres_engine)
            while not waits_for_us(connection):
                assert not rival.done()
            add_model(connection, 1, "brand-new")
        rival.result()
    assert revision(postgres_engine) == before + 2


def set_price_and_note(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        set_multiplier(connection, 1, 1, multiplier=MICRO, valid_from=5)
        record(connection, 1, at=NOW, actor="a", role="admin", action="models.set", object="x")


def revision(engine: sa.Engine) -> int:
    with reading(engine) as connection:
        return int(state(connection, REVISION, 1) or 0)
