"""Charts for templates of apps below the shell: plain figures in, a chart out. Load with ``{% load charts %}``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import template
from django.template.context import Context

from hub.shell.charts import Series, Unit, Value, XYChart
from hub.shell.templatetags.ui import chart

register = template.Library()


def _unit(context: Context, unit: str) -> Unit:
    currency = context["tenant"].currency
    return Unit("money", f"{currency} a month", currency) if unit == "money" else Unit("number", unit)


@register.inclusion_tag("ui/chart.html", takes_context=True)
def bar_chart(
    context: Context, key: str, title: str, x: Sequence[str], values: Sequence[Value], unit: str = "", x_name: str = ""
) -> dict[str, Any]:
    """One series of bars; ``unit`` is ``money`` (minor units, the tenant's currency) or what is counted."""
    spec = XYChart("bar", title, _unit(context, unit), x, [Series(title, values)], x_name=x_name)
    return chart(context, key, spec, "short")
