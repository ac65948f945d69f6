"""The catalogue of one workspace: models, families, and what a prompt costs from when on.

A model is found by any spelling of its name; one that nobody knows is added unpriced under
"Other" and shown, never dropped.  Prices are read at the time of an event, never at "now".
"""

from __future__ import annotations

import csv
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from operator import attrgetter
from types import MappingProxyType

import sqlalchemy as sa
from sqlmodel import SQLModel

import storage.models  # noqa: F401  # declares the tables that are looked up below
from storage import locks
from storage.engine import insert_for
from storage.events import MICRO
from storage.preferences import count_up
from storage.text import MAX_LABEL, clean, folded, tidy

OTHER = "Other"
REVISION = "catalog_revision"  # of prices and aliases, so that other processes read them again
_FAMILY = SQLModel.metadata.tables["model_family"]
_MODEL = SQLModel.metadata.tables["model"]
_ALIAS = SQLModel.metadata.tables["model_alias"]
_PRICE = SQLModel.metadata.tables["model_price"]

_AUTO = re.compile(r"^auto: *")  # GitHub Copilot's own choice of a model
_VENDOR = re.compile(  # Amazon Bedrock: `us.anthropic.claude-haiku-4-5-20251001-v1:0`
    r"^(?:(?:us|eu|au|jp|ca|apac|global)\.)?"
    r"(?:ai21|amazon|anthropic|cohere|deepseek|google|meta|minimax|mistral|moonshot|moonshotai"
    r"|openai|qwen|zai)\."
)
_VARIANT = re.compile(r"(?:-v\d+:\d+|:(?:beta|exacto|extended|floor|free|nitro))$")  # OpenRouter's
_STAMP = re.compile(r"-(?:20\d{6}|20\d\d-\d\d-\d\d|latest)$")
_BLANKS = re.compile(r"[\s_.@()-]+")


@dataclass(frozen=True, slots=True)
class Price:
    """What a prompt costs from `valid_from` (epoch microseconds) on.

    `multiplier` is in millionths of a credit a prompt; with `per_currency` (micro-credits for one
    unit of `currency`) credits come from the cost of an event instead.
    """

    valid_from: int
    multiplier: int
    per_currency: int | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model: `name` is shown, `slug` is its canonical raw name; family 0 is "Other"."""

    id: int
    slug: str
    name: str
    family_id: int
    family: str
    provider: str | None


class Catalog:
    """The catalogue as it was when it was read; changes need another `load`."""

    def __init__(
        self,
        families: Mapping[int, str],
        models: Mapping[int, ModelEntry],
        *,
        aliases: Mapping[str, int],
        prices: Mapping[int, tuple[Price, ...]],
    ) -> None:
        self.families = MappingProxyType(dict(families))
        self.models = MappingProxyType(dict(models))
        self._exact = dict(aliases)
        self._loose: dict[str, int] = {}
        # The oldest model keeps a spelling that two would share.
        for alias, model_id in sorted(aliases.items(), key=lambda pair: (pair[1], pair[0])):
            self._loose.setdefault(_loosened(alias), model_id)
        self._prices = dict(prices)

    @classmethod
    def load(cls, connection: sa.Connection, workspace_id: int) -> Catalog:
        """The catalogue of a workspace."""

        def rows(table: sa.Table) -> sa.Result[tuple[object, ...]]:
            return connection.execute(
                sa.select(table)
                .where(table.c.workspace_id == workspace_id)
                .order_by(*table.primary_key.columns)
            )

        families = {0: OTHER} | {row.id: row.name for row in rows(_FAMILY)}
        models = {
            row.id: ModelEntry(
                id=row.id,
                slug=row.slug,
                name=row.name,
                family_id=row.family_id,
                family=families.get(row.family_id, OTHER),
                provider=row.provider,
            )
            for row in rows(_MODEL)
        }
        prices: dict[int, tuple[Price, ...]] = {}
        for row in rows(_PRICE):
            price = Price(row.valid_from, row.multiplier, row.per_currency, row.currency)
            prices[row.model_id] = (*prices.get(row.model_id, ()), price)
        aliases = {row.alias: row.model_id for row in rows(_ALIAS)}
        return cls(families, models, aliases=aliases, prices=prices)

    def find(self, raw: str) -> int | None:
        """The id of a model by any spelling of its name, None for one that is not known.

        An alias as it stands comes first, then without "Auto: ", the provider and a date stamp;
        blanks, underscores, dots and hyphens are one.
        """
        return next(
            (found for found in map(self._known, _spellings(raw)) if found is not None), None
        )

    def _known(self, spelling: str) -> int | None:
        return self._exact.get(spelling) or self._loose.get(_loosened(spelling))

    def prices(self, model_id: int) -> tuple[Price, ...]:
        """Every price of a model, oldest first; empty for one without any."""
        return self._prices.get(model_id, ())

    def price_at(self, model_id: int, ts: int) -> Price | None:
        """The price that is valid at epoch microseconds; None before the first one."""
        prices = self.prices(model_id)
        index = bisect_right(prices, ts, key=attrgetter("valid_from"))
        return prices[index - 1] if index else None


def _spellings(raw: str) -> Iterator[str]:
    """The names a raw name may be known by, most exact first; none for a blank one."""
    whole = folded(raw)
    plain = _AUTO.sub("", whole)
    names = [whole, plain]
    tail = plain.rpartition("/")[2]
    # `deepseek.v3.2` is known with its vendor, `anthropic.claude-opus-4-7` only without.
    for bare in (tail, _VENDOR.sub("", tail)):
        unvaried = _VARIANT.sub("", bare)
        names += (bare, unvaried, _STAMP.sub("", _loosened(unvaried)))
    return filter(None, names)


def canonical(raw: str) -> str:
    """The last spelling that a raw name is looked up by; "" for a blank one."""
    return next(reversed(tuple(_spellings(raw))), "")


def _loosened(name: str) -> str:
    # A name of nothing but punctuation stays, or all of those would be one model.
    return _BLANKS.sub("-", name).strip("-") or name


# ---- writing


@dataclass(frozen=True, slots=True)
class _Listed:
    """A line of the default catalogue."""

    slug: str
    name: str
    family: str
    provider: str
    multiplier: int
    aliases: tuple[str, ...]


def _listed() -> list[_Listed]:
    text = files("storage").joinpath("default_catalog.csv").read_text("utf-8")
    return [
        _Listed(
            slug=row["slug"],
            name=row["name"],
            family=row["family"],
            provider=row["provider"],
            multiplier=int(Decimal(row["multiplier"]) * MICRO),
            aliases=tuple(filter(None, row["aliases"].split("|"))),
        )
        for row in csv.DictReader(text.splitlines())
    ]


def seed_catalog(connection: sa.Connection, workspace_id: int) -> None:
    """Give a new workspace the default catalogue, its prices valid from the epoch on."""
    listed = _listed()
    family_ids = {
        name: number for number, name in enumerate(dict.fromkeys(m.family for m in listed), 1)
    }
    families: list[dict[str, object]] = [
        {"workspace_id": workspace_id, "id": number, "name": name}
        for name, number in family_ids.items()
    ]
    models: list[dict[str, object]] = []
    prices: list[dict[str, object]] = []
    aliases: list[dict[str, object]] = []
    for number, model in enumerate(listed, 1):
        models.append(
            {
                "workspace_id": workspace_id,
                "id": number,
                "slug": model.slug,
                "name": model.name,
                "family_id": family_ids[model.family],
                "provider": model.provider,
            }
        )
        price = {"workspace_id": workspace_id, "model_id": number, "valid_from": 0}
        prices.append({**price, "multiplier": model.multiplier})
        aliases += _alias_rows(workspace_id, number, (model.slug, model.name, *model.aliases))
    for table, rows in (
        (_FAMILY, families),
        (_MODEL, models),
        (_PRICE, prices),
        (_ALIAS, aliases),
    ):
        connection.execute(sa.insert(table), rows)


def _alias_rows(
    workspace_id: int, model_id: int, names: Iterable[str]
) -> Iterator[dict[str, object]]:
    for alias in dict.fromkeys(map(folded, names)):
        yield {"workspace_id": workspace_id, "alias": alias, "model_id": model_id}


def add_model(
    connection: sa.Connection, workspace_id: int, raw: str, *, provider: str | None = None
) -> int:
    """The id of a model under its raw name: family "Other", no price; an existing one is kept.

    Its canonical spelling becomes an alias, so that another date stamp or provider in front meets
    it, whichever came first.  Callers hold the workspace's row, as `Labels` does: ids are counted.
    """
    slug = folded(raw)
    names = (slug, canonical(raw))
    known: int | None = connection.execute(
        sa.select(_ALIAS.c.model_id).where(
            _ALIAS.c.workspace_id == workspace_id, _ALIAS.c.alias.in_(names)
        )
    ).scalar()
    if known is not None:
        return known
    highest: int | None = connection.execute(
        sa.select(sa.func.max(_MODEL.c.id)).where(_MODEL.c.workspace_id == workspace_id)
    ).scalar()
    model_id = (highest or 0) + 1
    connection.execute(
        sa.insert(_MODEL).values(
            workspace_id=workspace_id,
            id=model_id,
            slug=slug,
            name=clean(raw, MAX_LABEL),
            family_id=0,
            provider=tidy(provider or "") or None,
        )
    )
    connection.execute(sa.insert(_ALIAS), list(_alias_rows(workspace_id, model_id, names)))
    mark_changed(connection, workspace_id)
    return model_id


def set_multiplier(
    connection: sa.Connection,
    workspace_id: int,
    model_id: int,
    *,
    multiplier: int,
    valid_from: int,
) -> None:
    """Let a prompt cost `multiplier` millionths of a credit from `valid_from` (epoch us) on.

    Events that are already recorded keep the price they were recorded with.
    """
    locks.hold(connection, workspace_id)
    keys = {"workspace_id": workspace_id, "model_id": model_id, "valid_from": valid_from}
    values = {"multiplier": multiplier, "per_currency": None, "currency": None}
    insert = insert_for(connection, _PRICE).values(**keys, **values)
    connection.execute(insert.on_conflict_do_update(index_elements=list(keys), set_=values))
    mark_changed(connection, workspace_id)


def mark_changed(connection: sa.Connection, workspace_id: int) -> None:
    """Tell every process that what it remembers of this workspace is old."""
    count_up(connection, REVISION, workspace_id)
