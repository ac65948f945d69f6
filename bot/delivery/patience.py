"""How long what did not leave waits, what waits with it, and when it is given up.

Each decision is taken in the transaction that keeps it.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.delivery.timing import Timing
from storage import endings
from storage.claims import LONGEST_WAIT, Claim
from storage.endings import Tries, Trouble
from storage.pauses import pause_chat

# Platforms whose Retry-After holds for the whole workspace, and where a channel has a pace.
CHAT_WIDE = frozenset({"slack"})
PACED = frozenset({"slack"})
# So often a channel is asked at least before a repeat: who was down for hours has asked once.
MOST_READS = 40


def holds_for_all(claim: Claim, trouble: Trouble) -> bool:
    """Whether a wait that a platform asks for is about its whole workspace, in every replica."""
    return trouble.is_global or claim.lane.platform in CHAT_WIDE


class Patience:
    """Puts off or ends a claimed delivery; `chance` is the jitter of pauses."""

    def __init__(self, timing: Timing, chance: random.Random) -> None:
        self._timing = timing
        self._random = chance

    def refused(
        self, connection: sa.Connection, now: datetime, claim: Claim, trouble: Trouble
    ) -> None:
        """Surely not posted: once more when the platform says, or after a growing pause."""
        timing, known = self._timing, self._tries(connection, claim, now)
        failures = known.failures + (trouble.retry_after is None)
        wait = trouble.retry_after
        if wait is None:
            wait = timing.pause(failures, self._random)
        until = now + timedelta(seconds=wait)
        if self._is_over(claim, known, until, now):
            self._give_up(connection, claim, now, trouble)
        else:
            holds_up = trouble.retry_after is not None or known.seconds < timing.blocks
            lane = until if holds_up else now + timedelta(seconds=self.gap(claim))
            endings.finish_refused(
                connection, claim, now, trouble, not_before=until, lane_not_before=lane
            )
        self._hold_chat(connection, claim, now, trouble)

    @staticmethod
    def _give_up(connection: sa.Connection, claim: Claim, now: datetime, trouble: Trouble) -> None:
        """End what was refused for its whole life; an earlier try may have arrived."""
        in_vain = replace(trouble, code=f"{trouble.code}, given up")
        if claim.row.maybe_sent_at is None:
            endings.finish_dead(connection, claim, now, in_vain)
        else:
            endings.finish_ambiguous(connection, claim, now, in_vain)

    def unknown(
        self,
        connection: sa.Connection,
        now: datetime,
        claim: Claim,
        trouble: Trouble,
        marked_at: datetime,
    ) -> None:
        """Nobody knows: it is looked for when nothing of the request can land any more.

        A change waits as long: landing late it would undo the newer one that waits behind it.
        """
        timing, known = self._timing, self._tries(connection, claim, now)
        failures = known.failures + 1
        landed = marked_at + timedelta(seconds=timing.deadline + timing.margin)
        if claim.row.act == "edit":  # it is not looked for, only made once more, ever less often
            again = now + timedelta(seconds=timing.pause(failures, self._random))
            landed = max(landed, again)
        if self._is_over(claim, known, landed, now):
            endings.finish_ambiguous(connection, claim, now, trouble)
            return
        endings.finish_unknown(
            connection,
            claim,
            now,
            trouble,
            not_before=max(landed, now),
            lane_not_before=now + timedelta(seconds=self.gap(claim)),
        )

    def _is_over(self, claim: Claim, known: Tries, until: datetime, now: datetime) -> bool:
        """Whether it is not tried again: for its whole life in vain, or too far in the future.

        Tries are not counted: where a fifth of all requests fail, 12 would lose some.
        """
        life = self._timing.life(claim.row.kind)
        waits = (until - now).total_seconds()
        return known.seconds + waits > life or until - now > LONGEST_WAIT

    def _tries(self, connection: sa.Connection, claim: Claim, now: datetime) -> Tries:
        return endings.tries(connection, claim, now, longest=self._timing.longest_pause)

    def _hold_chat(
        self, connection: sa.Connection, claim: Claim, now: datetime, trouble: Trouble
    ) -> None:
        """Where a platform's refusal is about the whole workspace, nobody asks before its time."""
        if trouble.retry_after is None or not holds_for_all(claim, trouble):
            return
        until = now + min(timedelta(seconds=trouble.retry_after), LONGEST_WAIT)
        pause_chat(
            connection, claim.lane, now, until=until, reason=trouble.reason, needs_probe=False
        )

    def unread(
        self,
        connection: sa.Connection,
        now: datetime,
        claim: Claim,
        trouble: Trouble,
    ) -> bool:
        """Whether it is asked again later; its lane goes on meanwhile, unless that must wait."""
        wait = trouble.retry_after or self._timing.look_again
        until = now + timedelta(seconds=wait)
        reads, first_at = endings.failed_reads(connection, claim)
        patience = timedelta(seconds=self._timing.unread)
        if reads >= MOST_READS and first_at is not None and until > first_at + patience:
            return False
        unreadable = replace(trouble, outcome="unreadable")
        # The pause is about reading this channel, and others in the lane may be looked for, too.
        lane = None if trouble.retry_after is None else until
        endings.finish_unreadable(
            connection, claim, now, unreadable, not_before=until, lane_not_before=lane
        )
        self._hold_chat(connection, claim, now, trouble)
        return True

    def gap(self, claim: Claim) -> float:
        """Seconds until the next post to the same channel."""
        return self._timing.gap if claim.lane.platform in PACED else 0.0

    def stopped(
        self, connection: sa.Connection, now: datetime, claim: Claim, trouble: Trouble
    ) -> None:
        """The whole platform workspace waits, the row with it, until a probe goes well.

        A refusal that no probe sees ends with the life of the row.
        """
        banned = trouble.outcome == "banned"
        until = now + timedelta(seconds=self._timing.banned if banned else self._timing.probe)
        if self._tries(connection, claim, now).stopped > self._timing.life(claim.row.kind):
            self._give_up(connection, claim, now, trouble)
        else:
            endings.finish_refused(
                connection, claim, now, trouble, not_before=now, lane_not_before=None
            )
        pause_chat(
            connection, claim.lane, now, until=until, reason=trouble.reason, needs_probe=True
        )
