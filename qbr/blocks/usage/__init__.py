"""Weekly use over the quarter, and the features used most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.accounts.models import Account
from hub.shell.charts import Series, Unit, XYChart
from hub.usage.selectors import top_features, weekly_usage
from qbr.blocks import BlockKind, Data, Period


def show(account: Account, period: Period) -> Data:
    weeks = weekly_usage(account.pk, first=period.starts_on, last=period.last_day)
    if not any(week.total for week in weeks):
        return {"chart": None}
    chart = XYChart(
        kind="bar",
        title="Uses a week",
        unit=Unit("number"),
        x=[f"{week.start:%-d %b}" for week in weeks],
        series=[Series("Uses", [week.total for week in weeks])],
        x_name="Week of",
    )
    return {
        "chart": chart,
        "top": top_features(account.pk, first=period.starts_on, last=period.last_day),
        "total": sum(week.total for week in weeks),
    }


def opening(account: Account, facts: Mapping[str, Any]) -> str:
    mean, last = facts["usage_baseline"], facts["usage_last_week"]
    if not mean or last is None:
        return ""
    change = round(100 * (last / mean - 1))
    if abs(change) < 5:
        return "Use is steady: last week was in line with the eight weeks before."
    return f"Last week’s use was {abs(change)}% {'above' if change > 0 else 'below'} the mean of the weeks before."


BLOCK = BlockKind("usage", "Usage", "qbr/blocks/usage.html", show, opening, order=20)
