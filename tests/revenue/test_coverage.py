"""Gaps and overlaps of contract lines, against counting every day."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hub.revenue.coverage import Gap, Overlap, Span, gaps, overlaps

DAY = date(2026, 1, 1)
SPANS = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 20), st.none() | st.integers(0, 12)), max_size=6
).map(
    lambda rows: [
        Span(str(n), product, DAY + timedelta(start), None if length is None else DAY + timedelta(start + length))
        for n, (product, start, length) in enumerate(rows)
    ]
)
DAYS = [DAY + timedelta(n) for n in range(45)]


def live(span: Span, day: date) -> bool:
    return span.start <= day and (span.end is None or day < span.end)


@given(SPANS)
def test_a_day_is_in_a_gap_when_lines_ran_before_and_after_and_none_runs(spans: list[Span]) -> None:
    found = gaps(spans)
    covered = [day for day in DAYS if any(live(span, day) for span in spans)]
    counted = [day for day in DAYS if covered and covered[0] < day < covered[-1] and day not in covered]
    assert [day for day in DAYS if any(gap.first <= day < gap.end for gap in found)] == counted


@given(SPANS)
def test_an_overlap_is_where_two_lines_of_a_product_run(spans: list[Span]) -> None:
    named = {span.name: span for span in spans}
    found = overlaps(spans)
    for overlap in found:
        both = [day for day in DAYS if live(named[overlap.one], day) and live(named[overlap.other], day)]
        assert [d for d in DAYS if overlap.first <= d and (overlap.end is None or d < overlap.end)] == both != []
    for day in DAYS:
        for product in ("a", "b"):
            doubled = sum(live(span, day) for span in spans if span.product == product) > 1
            if doubled:
                assert any(o.product == product for o in found)


def test_gap_and_overlap_are_said_with_their_days() -> None:
    one = Span("one", "crm", DAY, DAY + timedelta(10))
    two = Span("two", "crm", DAY + timedelta(8), DAY + timedelta(20))
    three = Span("three", "bi", DAY + timedelta(25), None)
    assert gaps([three, one, two]) == [Gap(DAY + timedelta(20), DAY + timedelta(25))]
    assert overlaps([three, one, two]) == [Overlap("crm", "one", "two", DAY + timedelta(8), DAY + timedelta(10))]
