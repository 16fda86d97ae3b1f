"""Expansion has a type, and the types add up to the expansion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.revenue.movement_types import (
    ChurnType,
    ExpansionType,
    Holding,
    churn_type,
    contraction_types,
    expansion_types,
)

HOLDINGS = st.dictionaries(
    st.sampled_from(["crm", "mail", "bi"]),
    st.builds(Holding, mrr=st.integers(0, 10_000), seats=st.integers(1, 50), rank=st.none() | st.integers(1, 3)),
    max_size=3,
)


@given(HOLDINGS, HOLDINGS)
def test_types_add_up_to_the_expansion(before: dict[str, Holding], after: dict[str, Holding]) -> None:
    types = expansion_types(before, after)
    net = sum(h.mrr for h in after.values()) - sum(h.mrr for h in before.values())
    assert sum(types.values()) == max(net, 0)
    assert all(amount > 0 for amount in types.values())


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {"bi": Holding(500, 5, 1, "T1")}, {ExpansionType.CROSS_SELL: 500}),
        ({"crm": Holding(100, 5, 1, "T1")}, {"crm": Holding(300, 5, 2, "T2")}, {ExpansionType.TIER: 200}),
        ({"crm": Holding(100, 5, 1, "T1")}, {"crm": Holding(200, 10, 1, "T1")}, {ExpansionType.SEAT: 100}),
        ({"crm": Holding(100, 5, 1, "T1")}, {"crm": Holding(120, 5, 1, "T1")}, {ExpansionType.PRICE: 20}),
        ({"crm": Holding(100, 5, 2, "T2")}, {"crm": Holding(120, 9, 1, "T1")}, {ExpansionType.PRICE: 20}),
        (
            {"crm": Holding(100, 10, 1, "T1")},
            {"crm": Holding(450, 15, 2, "T2")},
            {ExpansionType.TIER: 200, ExpansionType.SEAT: 150},
        ),
    ],
)
def test_each_kind_of_growth_has_its_type(
    before: dict[str, Holding], after: dict[str, Holding], expected: dict[ExpansionType, int]
) -> None:
    assert expansion_types(before, after) == expected
    assert contraction_types(after, before) == expected


def test_what_one_product_lost_is_taken_from_the_others_in_proportion() -> None:
    before = {"crm": Holding(100, 10, 1, "T1"), "mail": Holding(100, 10, 1, "T1")}
    after = {"crm": Holding(200, 20, 1, "T1"), "mail": Holding(40, 4, 1, "T1"), "bi": Holding(50, 5, 1, "T1")}
    assert expansion_types(before, after) == {ExpansionType.SEAT: 60, ExpansionType.CROSS_SELL: 30}


@pytest.mark.parametrize(
    ("said", "cause", "expected"),
    [
        (None, "payment_failure", ChurnType.INVOLUNTARY),
        (None, "competitor", ChurnType.VOLUNTARY),
        (None, None, ChurnType.UNKNOWN),
        (ChurnType.VOLUNTARY, "payment_failure", ChurnType.VOLUNTARY),
        (ChurnType.INVOLUNTARY, None, ChurnType.INVOLUNTARY),
    ],
)
def test_the_source_wins_over_the_cause_of_churn(
    said: ChurnType | None, cause: str | None, expected: ChurnType
) -> None:
    assert churn_type(said_by_source=said, last_open_cause=cause) is expected
