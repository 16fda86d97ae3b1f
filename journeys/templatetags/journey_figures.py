"""Shares, their intervals, and lengths of time, as pages of journeys write them."""

from __future__ import annotations

from typing import Any, Final

from django import template
from django.template import Context

from hub.shell import formatting
from journeys.experiments.stats import Interval

register = template.Library()

_UNITS: Final = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"))


@register.simple_tag(takes_context=True)
def share(context: Context, part: int, whole: int) -> str:
    """A part of a whole as per cent; a dash where there is no whole."""
    return formatting.percent(part / whole, _locale(context)) if whole else formatting.NOTHING


@register.simple_tag(takes_context=True)
def interval(context: Context, found: Interval) -> str:
    """An interval of a share, as *12.0% to 18.5%*."""
    locale = _locale(context)
    return f"{formatting.percent(found.low, locale)} to {formatting.percent(found.high, locale)}"


@register.simple_tag(takes_context=True)
def points(context: Context, difference: float) -> str:
    """A difference of shares in points, with its sign."""
    return formatting.signed(formatting.percent(difference, _locale(context)).replace("%", "").strip(), difference)


@register.simple_tag(takes_context=True)
def span(context: Context, seconds: float | None) -> str:
    """A length of time in its largest fitting unit: *0.42 s*, *3.5 min*, *2 d*; None is a dash."""
    if seconds is None:
        return formatting.NOTHING
    size, unit = next((each for each in _UNITS if seconds >= each[0]), _UNITS[-1])
    value = seconds / size
    digits = 2 if value < 1 else 1 if value < 10 else 0
    return f"{formatting.number(round(value, digits), _locale(context))} {unit}"


def _locale(context: Context) -> Any:
    return formatting.locale_of(getattr(context.get("tenant"), "locale", "") or "en-US")
