"""Claimed savings: never more than the spend that they come from, whatever was used.

This file is one of those that matter most: a saving that cannot be is a promise broken.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.advice import MOST_SHOWN, Basis, Volume, combined_saving
from analytics.advice_basis import Findings, Names, compare, compare_short, short_volumes
from storage.evidence import Evidence
from tests.cast import NOW

MULTIPLIERS = {1: 5_000_000, 2: 2_000_000, 3: 1_000_000, 4: 300_000}
PLACES = st.tuples(st.integers(1, 2), st.sampled_from(tuple(MULTIPLIERS)))
# Prompts, failures and micro-credits of each person and size: equal, so that gates are passed.
RECORDS = st.dictionaries(
    PLACES,
    st.tuples(st.integers(20, 80), st.integers(0, 3), st.integers(0, 10**9)),
    min_size=3,
)
VOLUMES = st.dictionaries(
    PLACES,
    st.builds(Volume, st.integers(0, 10_000), st.integers(0, 10**10)),
)


def findings(rows: Sequence[Evidence], volumes: dict[tuple[int, int], Volume]) -> Findings:
    """What would be found in a workspace with such evidence and volumes."""
    whole, short = compare(rows, MULTIPLIERS), compare_short(rows, MULTIPLIERS)
    parts = short_volumes(volumes, whole, short)
    return Findings(
        whole=Basis(whole.records, volumes, MULTIPLIERS),
        short=Basis(short.records, parts, MULTIPLIERS),
        compared=whole.pairs,
        compared_short=short.pairs,
        trials=(),
        opinions=(),
        spent=sum(volume.credits for volume in volumes.values()),
        margin_pct=10,
        names=Names({}, {}),
        catalog=MappingProxyType({}),
        footer="",
    )


def evidence(records: dict[tuple[int, int], tuple[int, int, int]]) -> list[Evidence]:
    """The rows of four people and three sizes."""
    return [
        Evidence(task, model, person, third, n, n, n - failed, credits, 0, 0)
        for (task, model), (n, failed, credits) in records.items()
        for person in range(1, 5)
        for third in (1, 2, 3)
    ]


@settings(max_examples=150)
@given(RECORDS, VOLUMES)
def test_savings_never_exceed_the_spend_they_come_from(
    records: dict[tuple[int, int], tuple[int, int, int]],
    volumes: dict[tuple[int, int], Volume],
) -> None:
    found = findings(evidence(records), volumes)
    every = [one.proposal for one in found.advice(NOW)]
    sources = [one.pair[:2] for one in every]
    assert len(sources) == len(set(sources))
    for one in every:
        assert 0 < one.saving <= volumes[one.pair[:2]].credits
    shown = every[:MOST_SHOWN]
    assert combined_saving(shown) <= sum(volumes[one.pair[:2]].credits for one in shown)
    assert combined_saving(shown) <= found.spent
