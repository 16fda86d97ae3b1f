"""The values that a signal saw, with the names and units that people know them by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from hub.registry.facts import Fact, FactKind, known_facts
from hub.rules.explain import show
from hub.rules.language import facts_of, parse_stored
from signals.models import Signal, TriggerVersion


def seen(signal: Signal, currency: str) -> list[tuple[str, str]]:
    """What a signal saw as (label, value), with what the version of its trigger asked for. At most one query.

    ``currency`` is the unit of amounts. A fact that there is no more keeps its own name.
    """
    values: Mapping[str, Any] | None = signal.evidence.get("values")
    if values is None:
        return _told(signal.evidence.get("data") or {})
    asked = _asked(signal)
    return [
        (fact.label if (fact := asked.get(name)) else name, _shown(fact, raw, currency))
        for name, raw in sorted(values.items(), key=lambda item: _order(asked.get(item[0]), item[0]))
    ]


def _asked(signal: Signal) -> dict[str, Fact]:
    known = dict(known_facts())
    versions = TriggerVersion.objects.filter(trigger_id=signal.trigger_id, version=signal.trigger_version)
    rule = versions.values_list("rule", flat=True).first()
    node = parse_stored(rule, known) if rule else None
    return known | (facts_of(node) if node is not None else {})


def _order(fact: Fact | None, name: str) -> tuple[int, str]:
    return (fact.order, fact.label) if fact else (1000, name)


def _shown(fact: Fact | None, raw: Any, currency: str) -> str:
    if fact is None:
        return "not known" if raw is None else str(raw)
    if fact.kind is FactKind.MONEY and not fact.unit:
        fact = replace(fact, unit=currency)
    try:
        return show(fact, _read(fact.kind, raw))
    except (ValueError, InvalidOperation):
        # Written by a fact of another kind under the same name.
        return str(raw)


def _read(kind: FactKind, raw: Any) -> Any:
    """A value of JSON as what it was, without digits that nobody reads."""
    if kind in (FactKind.NUMBER, FactKind.MONEY) and isinstance(raw, str | float):
        return round(Decimal(str(raw)), 1)
    if isinstance(raw, str) and kind is FactKind.DATE:
        return date.fromisoformat(raw)
    if isinstance(raw, str) and kind is FactKind.DATETIME:
        return datetime.fromisoformat(raw)
    return raw


def _told(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a happening said of itself, without the ids that only programs read."""
    labelled = {name.removesuffix("_label") for name in data if name.endswith("_label")}
    return [
        (name.removesuffix("_label").replace("_", " "), _plain(value))
        for name, value in sorted(data.items())
        if not name.endswith("_id") and name not in labelled and value not in (None, "", [], {})
    ]


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
