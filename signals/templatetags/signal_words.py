"""Signals in words and pictures. Load with ``{% load signal_words %}``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.urls import reverse
from django.utils.safestring import SafeString

from hub.registry.effects import Effect
from hub.shell import formatting
from hub.shell.templatetags.ui import sparkline
from signals.families import family_name
from signals.inbox.acting import reason_words
from signals.models import Signal

register = template.Library()
register.filter("family_name", family_name)


@register.filter
def of_key(found: Mapping[Any, Sequence[Effect]] | str, key: Any) -> Sequence[Effect]:
    """``{{ effects|of_key:signal.pk }}``: what a mapping holds for a key, nothing where there is no mapping."""
    return found.get(key, ()) if isinstance(found, Mapping) else ()


@register.simple_tag(takes_context=True)
def effect_url(context: template.Context, effect: Effect) -> str:
    """Where an effect of a signal is told."""
    return reverse(effect.url_name, kwargs={"tenant": context["tenant"].slug, **effect.url_args})


@register.filter
def closed_why(signal: Signal) -> str:
    """Why a signal was closed: the reason of the list and the note, "" without either."""
    return reason_words(signal.closed_as, signal.closed_reason)


@register.simple_tag(takes_context=True)
def trail(context: template.Context, signal: Signal, width: int = 96) -> SafeString | str:
    """The past of what a signal is about, week by week, as a line with words for it; nothing where none is kept."""
    told = signal.trail or {}
    values = _filled(told.get("values") or [])
    if len(values) < 2:
        return ""
    tenant = context["tenant"]
    first, last = (_value(told, value, tenant) for value in (values[0], values[-1]))
    weeks = len(values) - 1
    label = f"{told['label']}: {first} {weeks} week{'' if weeks == 1 else 's'} before, {last} at the signal"
    tone = {"critical": "error", "warning": "warning", "opportunity": "success"}.get(signal.severity, "primary")
    return sparkline(values, label, tone, width)


def _filled(values: list[float | None]) -> list[float]:
    """Weeks without a value carry the last one on."""
    filled: list[float] = []
    for value in values:
        filled.append(filled[-1] if value is None and filled else float(value or 0))
    return filled


def _value(told: dict[str, Any], value: float, tenant: Any) -> str:
    locale = formatting.locale_of(tenant.locale)
    if told.get("kind") == "money":
        return formatting.money(int(value), tenant.currency, locale)
    unit = told.get("unit") or ""
    number = formatting.number(round(value, 1) if value % 1 else int(value), locale)
    return f"{number}{unit}" if unit == "%" else f"{number} {unit}".strip()
