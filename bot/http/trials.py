"""`GET /v1/trials/assign`: which arm of a trial a prompt belongs to, and so which model it gets.

The same key always gives the same arm.  `key` names the prompt (a request id); without one,
`person` draws the whole of somebody's day.  Outside of every trial `arm` and `trial` are null, and
`model` is the one that was asked about.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from aiohttp import web

from bot.http.guard import Guard, refuse, value
from storage.catalog import REVISION, Catalog
from storage.keys import Key
from storage.preferences import state
from storage.text import folded
from storage.trials import arm_of, running_trials
from storage.workspaces import workspace_by_id


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a gateway tells of a prompt; `model` is the one that it would use."""

    key: str
    person: str
    task: str
    model: str


class Assigning:
    """Answers from the running trials; the catalogue is kept while nothing in it changes."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._catalogs: dict[int, tuple[str | None, Catalog]] = {}

    @property
    def route(self) -> web.RouteDef:
        """The route."""
        return web.get("/v1/trials/assign", self._answer)

    async def _answer(self, request: web.Request) -> web.Response:
        def work(connection: sa.Connection, key: Key) -> dict[str, object]:
            # Only behind the door: a stranger does not even learn what may be asked.
            prompt = Prompt(*(value(request, name) for name in Prompt.__slots__))
            if not prompt.task:
                refuse(400, "`task` is missing.")
            if not (prompt.key or prompt.person):
                refuse(400, "`key` is missing: name the prompt, or at least its `person`.")
            return self._assigned(connection, key.workspace_id, prompt)

        found = await self._guard.run(request, "trials", work)
        return web.json_response(found, headers={"Cache-Control": "no-store"})

    def _assigned(
        self, connection: sa.Connection, workspace_id: int, prompt: Prompt
    ) -> dict[str, object]:
        wanted = folded(prompt.task)
        running = running_trials(connection, workspace_id)
        ours = [trial for trial, task in running if folded(task) == wanted]
        if not ours:
            return _outside(prompt.model)
        catalog = self._catalog(connection, workspace_id)
        asked = catalog.find(prompt.model) if prompt.model else None
        trial = next((one for one in ours if not prompt.model or one.from_model == asked), None)
        if trial is None:
            return _outside(prompt.model)
        drawn = prompt.key or self._day_of(connection, workspace_id, prompt.person)
        arm = arm_of(trial.id, drawn, trial.slice_pct)
        # The gateway's own spelling of a model is the one that it can route.
        kept = prompt.model or catalog.models[trial.from_model].slug
        if arm is None:
            return _outside(kept)
        model = catalog.models[trial.to_model].slug if arm == "test" else kept
        return {"arm": arm, "trial": trial.id, "model": model}

    def _day_of(self, connection: sa.Connection, workspace_id: int, person: str) -> str:
        """What stands for all prompts of a person on a local day."""
        clock = workspace_by_id(connection, workspace_id).clock()
        return f"{folded(person)} on {clock.local_date(self._guard.now()).isoformat()}"

    def _catalog(self, connection: sa.Connection, workspace_id: int) -> Catalog:
        revision = state(connection, REVISION, workspace_id)
        known = self._catalogs.get(workspace_id)
        if known is None or known[0] != revision:
            known = revision, Catalog.load(connection, workspace_id)
            self._catalogs[workspace_id] = known
        return known[1]


def _outside(model: str) -> dict[str, object]:
    """The answer for a prompt that no trial is about."""
    return {"arm": None, "trial": None, "model": model or None}
