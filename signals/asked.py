"""What an evaluation asks: the triggers that count, with their rules read. The same until somebody edits one."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from hub.registry.facts import Fact, known_facts
from hub.rules.language import Node, parse_stored
from hub.rules.reading import RuleReader
from hub.tenancy.remembering import configured
from signals.catalogue import BY_KEY, Shipped
from signals.editions import Edition, editions
from signals.measures import in_order, read_by
from signals.models import Trigger

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Computed:
    """A computed trigger with its rule read, and the facts that its shipped words tell beside."""

    trigger: Trigger
    node: Node
    tells: Mapping[str, Fact]


@dataclass(frozen=True)
class Wave:
    """Computed triggers that do not read one another; their rules are asked together."""

    computed: Sequence[Computed]
    rules: RuleReader


@dataclass(frozen=True)
class Told:
    """A trigger of changes with the rule that it has beside."""

    trigger: Trigger
    node: Node


@dataclass(frozen=True)
class Asked:
    """The active computed triggers, composites after what they read, and the edition of each by its id."""

    waves: Sequence[Wave]
    editions: Mapping[str, Edition]

    @cached_property
    def triggers(self) -> Sequence[Trigger]:
        return [computed.trigger for wave in self.waves for computed in wave.computed]


def computed_triggers() -> Asked:
    return configured("computed triggers", _computed)


def told_triggers() -> Sequence[Told]:
    """The active triggers of changes, in the order of their keys."""
    return configured("told triggers", _told)


def shipped_of(trigger: Trigger) -> Shipped:
    """The defaults that a trigger came with; of one that a tenant made there are none."""
    return BY_KEY.get(trigger.key) or Shipped(trigger.key, trigger.name, trigger.family, trigger.kind, trigger.severity)


def _computed() -> Asked:
    known = known_facts()
    found = {}
    for trigger in Trigger.objects.filter(is_active=True, kind=Trigger.Kind.COMPUTED).order_by("key"):
        if (node := _rule(trigger, known)) is not None:
            tells = {name: known[name] for name in shipped_of(trigger).tells}
            found[trigger.key] = Computed(trigger, node, tells)
    waves = in_order({key: read_by(computed.node) for key, computed in found.items()})
    asked = editions({key: (computed.trigger.version, computed.node) for key, computed in found.items()})
    return Asked(
        [_wave([found[key] for key in wave]) for wave in waves],
        {str(computed.trigger.pk): asked[key] for key, computed in found.items()},
    )


def _wave(computed: Sequence[Computed]) -> Wave:
    return Wave(computed, RuleReader([each.node for each in computed]))


def _told() -> list[Told]:
    known = known_facts()
    triggers = Trigger.objects.filter(is_active=True).exclude(change_kind="").order_by("key")
    return [Told(trigger, node) for trigger in triggers if (node := _rule(trigger, known)) is not None]


def _rule(trigger: Trigger, known: Mapping[str, Fact]) -> Node | None:
    """The rule of a trigger; None, and a warning, for one that reads what is gone: the others go on without it."""
    node = parse_stored(trigger.rule, known)
    if node is None:
        log.warning("trigger %s is skipped: its rule reads what is gone", trigger.key)
    return node
