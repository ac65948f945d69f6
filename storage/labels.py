"""Names that usage brings (people, departments, projects, tasks, models) and the ids they get.

Ids are given under the workspace's row lock and read again inside it, so two processes that meet
the same new name at the same moment agree on its id.  0 is "unknown" and never a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count

import sqlalchemy as sa
from sqlmodel import SQLModel

from storage import locks
from storage.catalog import REVISION, Catalog, add_model, canonical, mark_changed
from storage.engine import insert_for, reading, writing
from storage.errors import StorageError
from storage.events import UNLABELED, UsageEvent
from storage.preferences import state
from storage.task_match import Matcher, Nameplates, Rule, list_rules
from storage.text import MAX_LABEL, clean, folded, tidy

NOBODY = "default_user_id"  # what LiteLLM writes for calls without a person
MAX_SOURCE = 120
_PERSON = SQLModel.metadata.tables["person"]
_ALIAS = SQLModel.metadata.tables["person_alias"]
_SOURCE = SQLModel.metadata.tables["source"]
_PLAIN = {name: SQLModel.metadata.tables[name] for name in ("department", "project", "task")}


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read of one workspace, by folded names."""

    workspace_id: int
    revision: str | None
    catalog: Catalog
    people: Mapping[str, int]
    homes: Mapping[int, int]
    plain: Mapping[str, Mapping[str, int]]
    sources: Mapping[str, int]
    rules: tuple[Rule, ...]

    def plates(self) -> Nameplates:
        """The names by which task rules are matched."""
        return Nameplates(self.people, self.plain, self.sources, self.catalog)


class _Ids(dict[str | None, int]):
    """Raw spelling -> id; folds and looks a spelling up once, because folding is the dear part."""

    def __init__(self, find: Callable[[str], int | None]) -> None:
        super().__init__({None: 0})
        self._find = find

    def __missing__(self, raw: str) -> int:
        found = self._find(raw)
        if found is None:
            raise KeyError(raw)
        self[raw] = found
        return found

    def unknown(self, raws: Iterable[str | None]) -> list[str]:
        """The distinct spellings without an id, in order of appearance."""
        return [
            raw
            for raw in dict.fromkeys(raws)
            if raw is not None and raw not in self and self._find(raw) is None
        ]


def _named(ids: Mapping[str, int]) -> _Ids:
    return _Ids(lambda raw: ids.get(folded(raw)))


class Labels:
    """The ids of one workspace's names, remembered.

    Looking up a name that is not known yet is a KeyError: `prepare` the events first.  `matcher`
    holds the task rules, None where there are none.
    """

    def __init__(self, engine: sa.Engine, workspace_id: int) -> None:
        self._engine = engine
        self._workspace_id = workspace_id
        self.reload()

    def reload(self) -> None:
        """Read everything again."""
        with reading(self._engine) as connection:
            known = _load(connection, self._workspace_id)
        self._remember(known)

    def _remember(self, known: _Known) -> None:
        self._known = known
        self._models = _Ids(lambda raw: known.catalog.find(_model_name(raw)))
        self._people = _Ids(lambda raw: known.people.get(_identity(raw)))
        self._departments = _named(known.plain["department"])
        self._projects = _named(known.plain["project"])
        self._tasks = _named(known.plain["task"])
        self.matcher = Matcher(known.rules, known.plates()) if known.rules else None

    def prepare(self, events: Iterable[UsageEvent], *, now: datetime) -> None:
        """Give every name in the events an id, in a write transaction of its own.

        Also notices prices and aliases that another process changed.  Not to be called inside a
        write transaction of the same thread: SQLite has one writer.
        """
        self._notice_changes()
        events = list(events)
        people = self._people.unknown(event.person for event in events)
        models = self._models.unknown(event.model for event in events)
        plain = {
            "department": self._departments.unknown(event.department for event in events),
            "project": self._projects.unknown(event.project for event in events),
            "task": self._tasks.unknown(event.task for event in events),
        }
        if not (people or models or any(plain.values())):
            return
        providers = {_model_name(e.model): e.provider for e in events if e.provider}
        models = [_model_name(raw) for raw in models]
        with writing(self._engine) as connection:
            known = _locked(connection, self._workspace_id)
            known = _with_people(connection, known, people, now=now)
            for kind, names in plain.items():
                known = _with_names(connection, known, kind, names=names)
            known = _with_models(connection, known, {raw: providers.get(raw) for raw in models})
        self._remember(known)

    def _notice_changes(self) -> None:
        with reading(self._engine) as connection:
            revision = state(connection, REVISION, self._workspace_id)
        if revision != self._known.revision:
            self.reload()

    @property
    def catalog(self) -> Catalog:
        """The catalogue that models are found and priced by."""
        return self._known.catalog

    def model_id(self, raw: str) -> int:
        """The id of a model's raw name, never 0: a blank one is the model "Unlabeled"."""
        return self._models[raw]

    def person_id(self, raw: str | None) -> int:
        """The id of a raw identity; 0 for nobody."""
        return self._people[raw]

    def department_id(self, raw: str | None) -> int:
        """The id of a department's name; 0 for none."""
        return self._departments[raw]

    def project_id(self, raw: str | None) -> int:
        """The id of a project's name; 0 for none."""
        return self._projects[raw]

    def task_id(self, raw: str | None) -> int:
        """The id of a task's name; 0 for none."""
        return self._tasks[raw]

    def home_department(self, person_id: int) -> int:
        """The department a person belongs to when an event names none; 0 when unknown."""
        return self._known.homes.get(person_id, 0)

    def source_id(self, name: str, kind: str, *, now: datetime) -> int:
        """The id of an account that usage belongs to; it is created when it is new."""
        shown = clean(name, MAX_SOURCE)
        if shown not in self._known.sources:
            with writing(self._engine) as connection:
                known = _locked(connection, self._workspace_id)
                known = _with_source(connection, known, shown, kind=kind, now=now)
            self._remember(known)
        return self._known.sources[shown]


def _model_name(raw: str) -> str:
    return raw if folded(raw) else UNLABELED


def _identity(raw: str) -> str:
    identity = folded(raw)
    return "" if identity == NOBODY else identity


def nameplates(connection: sa.Connection, workspace_id: int) -> Nameplates:
    """The names of a workspace as they are now."""
    return _load(connection, workspace_id).plates()


def _locked(connection: sa.Connection, workspace_id: int) -> _Known:
    """Everything as it is now, with the workspace's row held until the transaction ends."""
    locks.hold(connection, workspace_id)
    return _load(connection, workspace_id)


def _load(connection: sa.Connection, workspace_id: int) -> _Known:
    def pairs(key: sa.Column[str], value: sa.Column[int]) -> Mapping[str, int]:
        rows = connection.execute(
            sa.select(key, value).where(key.table.c.workspace_id == workspace_id)
        )
        return dict(rows.all())

    homes = connection.execute(
        sa.select(_PERSON.c.id, _PERSON.c.department_id).where(
            _PERSON.c.workspace_id == workspace_id, _PERSON.c.department_id != 0
        )
    )
    return _Known(
        workspace_id=workspace_id,
        revision=state(connection, REVISION, workspace_id),
        catalog=Catalog.load(connection, workspace_id),
        people={"": 0, **pairs(_ALIAS.c.alias, _ALIAS.c.person_id)},
        homes=dict(homes.all()),
        plain={
            kind: {"": 0, **pairs(table.c.folded, table.c.id)} for kind, table in _PLAIN.items()
        },
        sources=pairs(_SOURCE.c.name, _SOURCE.c.id),
        rules=tuple(list_rules(connection, workspace_id)),
    )


def _with_people(
    connection: sa.Connection, known: _Known, raws: Iterable[str], *, now: datetime
) -> _Known:
    spelled = _spelled(raws, known.people, _identity)
    if not spelled:
        return known
    ids = dict(zip(spelled, _ids_after(connection, _PERSON, known.workspace_id), strict=False))
    ours = {"workspace_id": known.workspace_id}
    connection.execute(
        sa.insert(_PERSON),
        [
            {**ours, "id": ids[alias], "name": name, "department_id": 0, "created_at": now}
            for alias, name in spelled.items()
        ],
    )
    connection.execute(
        sa.insert(_ALIAS),
        [{**ours, "alias": alias, "person_id": person_id} for alias, person_id in ids.items()],
    )
    return replace(known, people={**known.people, **ids})


def _with_names(
    connection: sa.Connection, known: _Known, kind: str, *, names: Iterable[str]
) -> _Known:
    """`known` with new departments, projects or tasks."""
    spelled = _spelled(names, known.plain[kind], folded)
    if not spelled:
        return known
    ids = dict(zip(spelled, _ids_after(connection, _PLAIN[kind], known.workspace_id), strict=False))
    connection.execute(
        sa.insert(_PLAIN[kind]),
        [
            {"workspace_id": known.workspace_id, "id": ids[name], "name": shown, "folded": name}
            for name, shown in spelled.items()
        ],
    )
    return replace(known, plain={**known.plain, kind: {**known.plain[kind], **ids}})


def _with_models(
    connection: sa.Connection, known: _Known, models: Mapping[str, str | None]
) -> _Known:
    """`known` with models under their raw names (value: the provider)."""
    spelled: dict[str, str] = {}
    for raw in models:
        if known.catalog.find(raw) is None:
            spelled.setdefault(canonical(raw), raw)
    for raw in spelled.values():
        add_model(connection, known.workspace_id, raw, provider=models[raw])
    if not spelled:
        return known
    return replace(
        known,
        revision=state(connection, REVISION, known.workspace_id),
        catalog=Catalog.load(connection, known.workspace_id),
    )


def _with_source(
    connection: sa.Connection, known: _Known, name: str, *, kind: str, now: datetime
) -> _Known:
    if name in known.sources:
        return known
    number = next(_ids_after(connection, _SOURCE, known.workspace_id))
    connection.execute(
        sa.insert(_SOURCE).values(
            workspace_id=known.workspace_id, id=number, name=name, kind=kind, created_at=now
        )
    )
    return replace(known, sources={**known.sources, name: number})


def _spelled(
    raws: Iterable[str], known: Mapping[str, int], fold: Callable[[str], str]
) -> dict[str, str]:
    """Folded name -> how it is shown (the first spelling), of the names that are not known."""
    spelled: dict[str, str] = {}
    for raw in raws:
        name = fold(raw)
        if name not in known:
            spelled.setdefault(name, clean(raw, MAX_LABEL))
    return spelled


def _ids_after(connection: sa.Connection, table: sa.Table, workspace_id: int) -> Iterator[int]:
    highest: int | None = connection.execute(
        sa.select(sa.func.max(table.c.id)).where(table.c.workspace_id == workspace_id)
    ).scalar()
    return count((highest or 0) + 1)


# ---- people, changed by people


def person_of_alias(connection: sa.Connection, workspace_id: int, alias: str) -> int | None:
    """The person of a mail, a login or a chat identity (`slack:T1:U2`); None for a stranger."""
    found: int | None = connection.execute(
        sa.select(_ALIAS.c.person_id).where(
            _ALIAS.c.workspace_id == workspace_id, _ALIAS.c.alias == folded(alias)
        )
    ).scalar()
    return found


def link_alias(connection: sa.Connection, workspace_id: int, alias: str, person_id: int) -> None:
    """Let usage and chat under an identity belong to a person from now on.

    Recorded usage stays where it is.  Raises StorageError for a blank identity.
    """
    if not _identity(alias):
        raise StorageError(
            f'"{tidy(alias)}" is not an identity of a person.',
            hint="Give a mail address, a login or a chat identity.",
        )
    _change_person(connection, workspace_id, person_id, {"id": person_id})
    keys = {"workspace_id": workspace_id, "alias": folded(alias)}
    insert = insert_for(connection, _ALIAS).values(**keys, person_id=person_id)
    connection.execute(
        insert.on_conflict_do_update(index_elements=list(keys), set_={"person_id": person_id})
    )


def rename_person(
    connection: sa.Connection, workspace_id: int, person_id: int, *, name: str
) -> None:
    """Show a person under another name; usage is still found by the identities."""
    _change_person(connection, workspace_id, person_id, {"name": clean(name, MAX_LABEL)})


def department_named(connection: sa.Connection, workspace_id: int, name: str) -> int:
    """The id of a department's name; it is created when it is new.  Raises StorageError."""
    return _id_of(connection, workspace_id, "department", name)


def task_named(connection: sa.Connection, workspace_id: int, name: str) -> int:
    """The id of a task's name; it is created when it is new.  Raises StorageError."""
    return _id_of(connection, workspace_id, "task", name)


def _id_of(connection: sa.Connection, workspace_id: int, kind: str, name: str) -> int:
    if not folded(name):
        raise StorageError(f"A {kind} needs a name.", hint="Nothing was changed.")
    known = _with_names(connection, _locked(connection, workspace_id), kind, names=[name])
    return known.plain[kind][folded(name)]


def set_home_department(
    connection: sa.Connection, workspace_id: int, person_id: int, *, department_id: int
) -> None:
    """Say where a person's usage belongs when it names no department, from now on."""
    _change_person(connection, workspace_id, person_id, {"department_id": department_id})


def _change_person(
    connection: sa.Connection, workspace_id: int, person_id: int, values: Mapping[str, str | int]
) -> None:
    """Change a row that must be there, and tell every process."""
    locks.hold(connection, workspace_id)
    changed = connection.execute(
        sa.update(_PERSON)
        .where(_PERSON.c.workspace_id == workspace_id, _PERSON.c.id == person_id)
        .values(values)
        .returning(_PERSON.c.id)
    )
    if changed.first() is None:
        raise StorageError(
            f"There is no person number {person_id} in this workspace.",
            hint="Nothing was changed.",
        )
    mark_changed(connection, workspace_id)
