from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.shell.charts import HeatMap, Series, Step, Unit, Waterfall, XYChart
from hub.shell.formatting import locale_of
from hub.shell.sparkline import sparkline

USD = Unit("money", "USD per month", "USD")
US = locale_of("en-US")
amounts = st.integers(min_value=-(10**9), max_value=10**9)


@given(st.integers(min_value=0, max_value=10**10), st.lists(amounts, max_size=6))
def test_a_waterfall_that_ties_out_is_drawn(opening: int, deltas: list[int]) -> None:
    closing = opening + sum(deltas)
    steps = [Step("Opening", opening, "total"), *(Step("Step", value) for value in deltas)]
    chart = Waterfall("NRR", USD, [*steps, Step("Closing", closing, "total")])
    assert json.loads(json.dumps(chart.spec()))["steps"][-1]["value"] == closing


@given(st.integers(min_value=0, max_value=10**10), st.lists(amounts, max_size=6), amounts.filter(bool))
def test_a_waterfall_that_does_not_tie_out_is_refused(opening: int, deltas: list[int], error: int) -> None:
    closing = Step("Closing", opening + sum(deltas) + error, "total")
    with pytest.raises(ValueError, match="Closing"):
        Waterfall("NRR", USD, [Step("Opening", opening, "total"), *(Step("S", value) for value in deltas), closing])


def test_a_chart_has_its_figures_in_a_table() -> None:
    chart = XYChart("bar", "MRR", USD, ["Jan", "Feb"], [Series("New", [120000, None])], x_name="Month")
    table = chart.table(US)
    assert table.head == ["Month", "New"]
    assert table.rows == [["Jan", "$1,200.00"], ["Feb", "—"]]


def test_a_bar_that_does_not_start_at_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="starts at zero"):
        XYChart("bar", "MRR", USD, ["Jan"], [Series("New", [1])], from_zero=False)


def test_a_series_shorter_than_its_axis_is_refused() -> None:
    with pytest.raises(ValueError, match="1 values for 2 labels"):
        XYChart("line", "MRR", USD, ["Jan", "Feb"], [Series("New", [1])])


def test_a_heat_map_shows_the_future_of_a_cohort_as_nothing() -> None:
    chart = HeatMap(
        "Cohorts", Unit("percent"), ["Q1", "Q2"], ["0m", "3m"], [[1.0, 0.95], [1.0, None]], row_name="Cohort"
    )
    assert chart.table(US).rows == [["Q1", "100.00%", "95.00%"], ["Q2", "100.00%", "—"]]


@given(st.lists(st.floats(min_value=-1e9, max_value=1e9), min_size=2, max_size=60))
def test_a_sparkline_stays_in_its_box(values: list[float]) -> None:
    drawn = sparkline(values)
    assert drawn is not None
    points = [tuple(map(float, pair.split())) for pair in drawn.line[1:].split("L")]
    assert len(points) == len(values)
    assert all(0 <= x <= drawn.width and 0 <= y <= drawn.height for x, y in points)
    assert points[-1] == drawn.last


def test_one_value_is_no_trend() -> None:
    assert sparkline([3]) is None
