"""Who may call: keys in the `Authorization` header, a pace for each, a few calls at once.

One answer for an unknown, a wrong and a revoked key; a key of another scope is told so.  A key in
an address is in somebody's log by then: it opens nothing, and its owner finds it in the audit.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import NoReturn, TypeVar

import sqlalchemy as sa
import structlog
from aiohttp import web

from bot.pacing import Pace, Pacing, TooMuch
from storage import audit
from storage.engine import reading, writing
from storage.errors import DatabaseBusy, StorageError
from storage.keys import Key, KeyScope, find_key, keys_in, mark_used

log = structlog.get_logger()
Result = TypeVar("Result")
CALLS = Pace(200, 1 / 50)  # a burst of 200, then 50 a second
AT_ONCE = 4  # calls of one key
THREADS = 4  # of their own: questions in chat must not make a gateway wait
MAX_VALUE = 1024
PREFIX = "Bearer "
PATIENCE = 0.2  # seconds that noting a key's use waits for the database


class Guard:
    """The door of every route that needs a key, and its threads for blocking work."""

    def __init__(self, engine: sa.Engine, now: Callable[[], datetime]) -> None:
        self.engine = engine
        self.now = now
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="http")
        self._inside: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._later: set[asyncio.Task[None]] = set()
        self._leaked: set[str] = set()
        self._pacing = Pacing(asyncio.get_running_loop().time)

    async def run(
        self, request: web.Request, scope: KeyScope, work: Callable[[sa.Connection, Key], Result]
    ) -> Result:
        """What work gives for a request that may come in; raises the HTTP answer for any other.

        Key and work share one visit to the threads and one view of the database.
        """
        if "crk_" in request.query_string:
            await self._blocking(lambda: self._tell_leaked(request.query_string))
            refuse(401)
        text = _sent(request)
        try:
            key, found = await self._blocking(lambda: self._run(text, scope, work))
        except DatabaseBusy:
            refuse(503, "The database is busy.", retry_after=1)
        except StorageError as error:
            log.error("http.failed", reason=error.message)  # noqa: TRY400  # it says what it is
            refuse(503, "This cannot be answered now.", retry_after=10)
        self._note(key)
        return found

    def _run(
        self, text: str, scope: KeyScope, work: Callable[[sa.Connection, Key], Result]
    ) -> tuple[Key, Result]:
        with reading(self.engine) as connection:
            key = find_key(connection, text)
            if key is None:
                refuse(401)
            with self._turn(key):
                if key.scope != scope:
                    refuse(403, f"This key is for {key.scope}, not for {scope}.")
                return key, work(connection, key)

    @contextmanager
    def _turn(self, key: Key) -> Iterator[None]:
        """One of a few calls of a key at once, at its pace; raises the HTTP answer for more."""
        try:
            self._pacing.take(key.id, CALLS)
        except TooMuch as error:
            refuse(429, error.message, retry_after=1)
        with self._lock:
            self._inside[key.id] += 1
            is_many = self._inside[key.id] > AT_ONCE
        try:
            if is_many:
                refuse(429, f"At most {AT_ONCE} calls of a key run at once.", retry_after=1)
            yield
        finally:
            with self._lock:
                self._inside[key.id] -= 1

    async def _blocking(self, work: Callable[[], Result]) -> Result:
        """Run blocking work in the guard's threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _tell_leaked(self, address: str) -> None:
        """Put live keys in an address into the audit, each once: whoever reads it revokes them."""
        with suppress(StorageError):
            with reading(self.engine) as connection:
                fresh = [key for key in keys_in(connection, address) if key.id not in self._leaked]
            for key in fresh:
                log.warning("key.in_address", key=key.id, workspace=key.workspace_id)
                with writing(self.engine, patience=PATIENCE) as connection:
                    self._record_leak(connection, key)
                self._leaked.add(key.id)

    def _record_leak(self, connection: sa.Connection, key: Key) -> None:
        audit.record(
            connection,
            key.workspace_id,
            at=self.now(),
            actor="creditbot",
            role="owner",
            action="keys.leaked",
            object=f"{key.id} {key.name}",
        )

    def _note(self, key: Key) -> None:
        """Remember the use of a key after the answer: no caller waits for a write."""
        task = asyncio.create_task(self._blocking(lambda: self._mark(key)))
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    def _mark(self, key: Key) -> None:
        if key.last_used_at is not None and (self.now() - key.last_used_at).total_seconds() < 60:
            return
        with suppress(StorageError), writing(self.engine, patience=PATIENCE) as connection:
            mark_used(connection, key, now=self.now())

    def close(self) -> None:
        """Let running work end and take no more."""
        self._threads.shutdown(wait=True, cancel_futures=True)


def _sent(request: web.Request) -> str:
    """What a request carries as its key."""
    sent = request.headers.getall("Authorization", [])
    if len(sent) != 1 or not sent[0].startswith(PREFIX):
        refuse(401)
    return sent[0].removeprefix(PREFIX).strip()


def refuse(status: int, words: str = "", *, retry_after: float | None = None) -> NoReturn:
    """Answer with an error; nothing is said where nobody shall learn why."""
    kinds: dict[int, type[web.HTTPException]] = {
        400: web.HTTPBadRequest,
        401: web.HTTPUnauthorized,
        403: web.HTTPForbidden,
        429: web.HTTPTooManyRequests,
        503: web.HTTPServiceUnavailable,
    }
    headers = {} if retry_after is None else {"Retry-After": str(math.ceil(retry_after))}
    if not words:
        raise kinds[status](headers=headers, text="")
    raise kinds[status](
        headers=headers,
        text=web.json_response({"error": words}).text,
        content_type="application/json",
    )


def value(request: web.Request, name: str) -> str:
    """A value of the address, empty when it is not there; 400 for one that is too long or twice."""
    given = request.query.getall(name, [])
    if len(given) > 1:
        refuse(400, f"`{name}` is given twice.")
    if given and len(given[0]) > MAX_VALUE:
        refuse(400, f"`{name}` has more than {MAX_VALUE} characters.")
    return given[0].strip() if given else ""
