"""Which edition of everything that a trigger rests on an evaluation asks: its own version, and that of the rules behind
the facts that it reads.

A composite reads other triggers; *in segment*, health, the stage, readiness and predictions are rules of the tenant's,
too. When somebody edits one of them, what turns true by the edit alone is no news: under another edition the look at an
account is the first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from hub.registry.facts import known_facts
from hub.rules.language import Node, comparisons, parse_stored
from signals.health.models import Scorecard
from signals.measures import STANDS
from signals.prediction.models import PredictionModel
from signals.readiness.services import current_figures
from signals.segments.measures import IN
from signals.segments.models import Segment
from signals.stages.flags import flags_of
from signals.stages.rules import current_stages

Edition: TypeAlias = int | str
Root: TypeAlias = tuple[str, str]
NAMED: Final[Mapping[str, Root]] = {
    **dict.fromkeys(("health_score", "health_band", "health_change"), ("health", "")),
    "stage": ("stage", ""),
    **dict.fromkeys(("flag_expansion", "flag_advocacy"), ("flags", "")),
    **dict.fromkeys(
        ("expansion_ready_seat", "expansion_ready_tier", "expansion_ready_cross_sell", "expansion_score"),
        ("readiness", ""),
    ),
    **dict.fromkeys(("churn_risk", "expansion_likelihood"), ("prediction", "")),
}
"""Facts that a rule or a model of the tenant's decides, by name."""


def editions(asked: Mapping[str, tuple[int, Node]]) -> dict[str, Edition]:
    """The edition of each computed trigger, by key, from its version and rule; ``asked`` holds all that are active.

    The version alone where the rule rests on nothing that can be edited; else a query for each kind of thing.
    """
    behind = _Behind(asked)
    return {key: behind.edition(version, node) for key, (version, node) in asked.items()}


def roots_of(node: Node) -> set[Root]:
    """What of the tenant's decides the facts of a rule, as (kind, key)."""
    found: set[Root] = set()
    for leaf in comparisons(node):
        if leaf.fact.measure in (STANDS, IN):
            found.add((leaf.fact.measure, str(leaf.fact.arguments[0][1])))
        elif root := NAMED.get(leaf.fact.measure or leaf.fact.name):
            found.add(root)
    return found


class _Behind:
    """Reads what rules rest on, each kind of it once and only when some rule asks for it."""

    def __init__(self, triggers: Mapping[str, tuple[int, Node]]) -> None:
        self._triggers = triggers
        self._known: dict[Root, tuple[str, set[Root]]] = {}
        self._segments: dict[str, tuple[int, Any]] | None = None
        self._read: Mapping[str, Callable[[str], tuple[str, Iterable[Any]]]] = {
            STANDS: self._trigger,
            IN: self._segment,
            "health": self._health,
            "stage": self._stage,
            "flags": self._flags,
            "readiness": self._readiness,
            "prediction": self._prediction,
        }

    def edition(self, version: int, node: Node) -> Edition:
        found: dict[Root, str] = {}
        waiting = roots_of(node)
        while waiting:
            root = waiting.pop()
            if root not in found:
                found[root], more = self._of(root)
                waiting |= more
        if not found:
            return version
        told = json.dumps(sorted((*root, text) for root, text in found.items()))
        return f"{version}.{hashlib.sha256(told.encode()).hexdigest()[:12]}"

    def _of(self, root: Root) -> tuple[str, set[Root]]:
        if root not in self._known:
            text, rules = self._read[root[0]](root[1])
            nodes = (rule if not isinstance(rule, dict) else parse_stored(rule, known_facts()) for rule in rules)
            self._known[root] = text, {one for node in nodes if node is not None for one in roots_of(node)}
        return self._known[root]

    def _trigger(self, key: str) -> tuple[str, Iterable[Any]]:
        version, *rules = self._triggers.get(key, ("off",))
        return str(version), rules

    def _segment(self, key: str) -> tuple[str, Iterable[Any]]:
        if self._segments is None:
            rows = Segment.objects.filter(is_active=True).values_list("key", "version", "rule")
            self._segments = {name: (version, rule) for name, version, rule in rows}
        version, *rules = self._segments.get(key, ("away",))
        return str(version), rules

    def _health(self, key: str) -> tuple[str, Iterable[Any]]:
        cards = Scorecard.objects.filter(is_active=True, version__gt=0).order_by("position", "key")
        rows = list(cards.values_list("key", "version", "rule"))
        return json.dumps(rows, sort_keys=True), [rule for _, _, rule in rows]

    def _stage(self, key: str) -> tuple[str, Iterable[Any]]:
        return str(current_stages().number), ()

    def _flags(self, key: str) -> tuple[str, Iterable[Any]]:
        stages = current_stages()
        return str(stages.number), flags_of(stages.flags).values()

    def _readiness(self, key: str) -> tuple[str, Iterable[Any]]:
        return str(current_figures()[0]), ()

    def _prediction(self, key: str) -> tuple[str, Iterable[Any]]:
        # Until its first pass is through, accounts go over to a model one by one.
        rows = PredictionModel.objects.filter(is_published=True).order_by("pk").values_list("pk", "predicted_on")
        return " ".join(f"{pk} {day is not None}" for pk, day in rows), ()
