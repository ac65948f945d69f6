"""What makes messages due: one line a job, for the tick and for what must not wait for it.

A job gets the engine and the time, opens its own transactions and says how many rows are new.  It
may run in several replicas at once and be killed anywhere: only unique keys decide what is told.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.delivery.worker import Job
from bot.subscriptions.planner import plan

# Every tick, while the clock is believed.
TICK: Mapping[str, Job] = {"planner": plan}
# Twice a second, so that what crossed a line leaves within two.
PROMPT: Mapping[str, Job] = {}
