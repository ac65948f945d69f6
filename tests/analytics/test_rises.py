"""Who and what carries an unusual day: contributions add up, whoever may be named."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from analytics.anomaly import BASE_DAYS, Part
from analytics.lines import REST
from analytics.rises import MOST, Rise, also_text, carriers, frozen, rise_table, rises
from storage.events import MICRO

AMOUNTS = st.lists(
    st.tuples(st.integers(0, 10**13), st.integers(0, 10**14)), min_size=1, max_size=9
)


def parts(amounts: list[tuple[int, int]]) -> list[Part]:
    return [Part("person", key, "", total, old) for key, (total, old) in enumerate(amounts, 1)]


@given(AMOUNTS, st.sets(st.integers(1, 9)))
def test_rows_add_up_to_the_day_whoever_is_hidden(
    amounts: list[tuple[int, int]], hidden: set[int]
) -> None:
    names = {key: f"p{key}" for key in range(1, 10)}
    found = rises(frozen(parts(amounts))["person"], names, hidden)
    assert sum(one.total for one in found) == sum(total for total, _ in amounts)
    assert sum(one.usual for one in found) == sum(old for _, old in amounts) // BASE_DAYS
    assert sum(one.share for one in found) in (0, 100)
    assert not {one.key for one in found} & hidden
    assert len(found) <= MOST + 1


def test_the_largest_rises_stand_first_and_the_rest_last() -> None:
    amounts = [(0, 28), (50, 28), (100, 28), (30, 28), (70, 28)]
    found = rises(frozen(parts(amounts))["person"], {key: f"p{key}" for key in range(1, 6)})
    assert [one.name for one in found] == ["p3", "p5", "p2", "All others"]
    assert [one.step for one in found] == [99, 69, 49, 28]
    assert [one.share for one in found] == [40, 28, 20, 12]


def test_what_carries_little_is_in_no_sentence() -> None:
    people = [Rise(1, "Dana", 90 * MICRO, 10 * MICRO, 84), Rise(REST, "All others", 1, 1, 16)]
    tasks = [Rise(2, "Coding", 50 * MICRO, 1 * MICRO, 49)]
    models = [Rise(3, "GPT-4o", 80 * MICRO, 1 * MICRO, 79)]
    found = list(carriers({"person": people, "task": tasks, "model": models}))
    assert [carried.part.name for _, carried in found] == ["Dana", "GPT-4o", "Coding"]
    assert also_text(found[1:]) == "Of the rise also: model GPT-4o 79%."
    assert also_text([]) == ""


def test_each_kind_has_its_subtotal_and_people_are_known_as_such() -> None:
    rows = [Rise(1, "Dana", 90, 10, 84), Rise(REST, "All others", 20, 5, 16)]
    table = rise_table({"person": rows, "source": rows})
    assert [(group.name, group.size) for group in table.groups] == [
        ("People", 2),
        ("Sources and keys", 2),
    ]
    assert table.groups[0].subtotal[2:] == (110, 15, 95, 100)
    assert table.names_people
