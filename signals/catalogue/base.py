"""What a shipped trigger is made of, and the short forms that its rules are written in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from signals.models import Severity, Trigger

ANY_ACCOUNT: dict[str, Any] = {"all": []}
Rule = dict[str, Any]


@dataclass(frozen=True)
class Shipped:
    """A trigger's defaults.

    `sentence` is what its signals say: over the change's data for events and persons, over the values of facts for
    computed ones, where `tells` names facts to read beside those of the rule. `draws` names the fact whose past is
    drawn beside them; without it the rule's first number that the sentence tells.
    """

    key: str
    name: str
    family: str
    kind: str
    severity: str
    change_kind: str = ""
    match: dict[str, Any] = field(default_factory=dict)
    rule: Rule = field(default_factory=lambda: dict(ANY_ACCOUNT))
    sentence: str = ""
    tells: tuple[str, ...] = ()
    draws: str = ""
    cooldown_days: int = 0


def computed(key: str, name: str, family: str, severity: str, rule: Rule, **more: Any) -> Shipped:
    """A trigger on a condition that becomes true."""
    return Shipped(key, name, family, Trigger.Kind.COMPUTED, severity, rule=rule, **more)


def told(key: str, name: str, family: str, severity: str, change_kind: str, sentence: str, **more: Any) -> Shipped:
    """A trigger on a change that is told."""
    kind = more.pop("kind", Trigger.Kind.EVENT)
    return Shipped(key, name, family, kind, severity, change_kind=change_kind, sentence=sentence, **more)


def fact(name: str, op: str, value: Any = None, **given: Any) -> Rule:
    """A comparison; arguments of a measure by their names."""
    rule: Rule = {"fact": name, "op": op}
    if given:
        rule["with"] = given
    return rule if value is None else rule | {"value": value}


def every(*rules: Rule) -> Rule:
    return {"all": list(rules)}


def some(*rules: Rule) -> Rule:
    return {"any": list(rules)}


def no(rule: Rule) -> Rule:
    return {"not": rule}


def stands(trigger: str) -> Rule:
    """What another computed trigger watches is so now."""
    return fact("trigger_stands", "eq", True, trigger=trigger)


def fired(trigger: str, days: int) -> Rule:
    """Another trigger fired in the last days."""
    return fact("signals", "gte", 1, trigger=trigger, days=days)


PAYS = fact("mrr_minor", "gt", 0)
CRITICAL, WARNING = Severity.CRITICAL, Severity.WARNING
OPPORTUNITY, INFO = Severity.OPPORTUNITY, Severity.INFO
