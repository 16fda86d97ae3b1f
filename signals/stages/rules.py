"""The rules of the stages: those that ship, how a list of them is read, and what is wrong with it.

Stored, a rule is an object of ``stage`` and ``rule`` (a tree of the rule language). They are asked in their order; the
first that holds says the stage. The last is for every account that is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from hub.accounts.models import LifecycleStage
from hub.registry.facts import Fact, known_facts
from hub.rules.compile import Clock, Daily, compile_sql
from hub.rules.language import (
    AllOf,
    AnyOf,
    Compare,
    Node,
    Op,
    Problem,
    RuleError,
    comparisons,
    facts_of,
    parse,
    parse_stored,
)
from hub.tenancy.remembering import configured
from signals.stages.models import StageVersion

RENEWAL_DAYS: Final = 90
# Fewer features than this in 30 days: the account still adopts.
BREADTH_TARGET: Final = 5
MOST_RULES: Final = 12
NEVER: Final = AnyOf(())
ALWAYS: Final[dict[str, Any]] = {"all": []}
# Each of these is made after the stage, or of it: a stage that read them would never come to rest.
REFUSED: Final = frozenset({
    "stage", "health_score", "health_band", "health_change", "signals", "trigger_stands", "in_segment",
    "flag_expansion", "flag_advocacy", "expansion_ready_seat", "expansion_ready_tier", "expansion_ready_cross_sell",
    "expansion_score",
})  # fmt: skip


def _rule(stage: str, rule: Mapping[str, Any]) -> dict[str, Any]:
    return {"stage": stage, "rule": dict(rule)}


SHIPPED: Final[Sequence[Mapping[str, Any]]] = (
    _rule("churned", {"all": [{"fact": "mrr_minor", "op": "eq", "value": 0},
                              {"fact": "contract_ended_on", "op": "is_set"}]}),
    _rule("renewal", {"fact": "renews_on", "op": "within_days_before", "value": RENEWAL_DAYS}),
    _rule("onboarding", {"all": [{"fact": "milestones_required", "op": "gt", "value": 0},
                                 {"fact": "activated_on", "op": "is_not_set"}]}),
    _rule("adoption", {"fact": "features_30d", "op": "lt", "value": BREADTH_TARGET}),
    _rule("value", ALWAYS),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StageRule:
    """A stage and when an account is in it."""

    stage: LifecycleStage
    node: Node
    tree: Mapping[str, Any]

    @property
    def figure(self) -> int | None:
        """The one whole number of a rule that is a single comparison, such as the days before a renewal."""
        if isinstance(self.node, Compare) and self.node.op is not Op.BETWEEN and type(self.node.value) is int:
            return self.node.value
        return None

    def with_figure(self, figure: int) -> dict[str, Any]:
        """The rule as stored, with another number in it."""
        return _rule(self.stage, {**self.tree, "value": figure})


@dataclass(frozen=True)
class Stages:
    """A version of the rules, ready to be asked; number 0 is what ships."""

    number: int
    rules: tuple[StageRule, ...]
    flags: Mapping[str, Any]

    def stored(self) -> list[dict[str, Any]]:
        return [_rule(rule.stage, rule.tree) for rule in self.rules]

    def case_sql(self, clock: Clock) -> tuple[str, list[Any]]:
        """``(sql, params)``: the place of the first rule that holds, over the aliases of facts."""
        return self._case.at(clock)

    @cached_property
    def _case(self) -> Daily[tuple[str, list[Any]]]:
        return Daily(self._case_sql, [rule.node for rule in self.rules])

    def _case_sql(self, clock: Clock) -> tuple[str, list[Any]]:
        parts, params = [], list[Any]()
        for place, rule in enumerate(self.rules[:-1]):
            condition, values = compile_sql(rule.node, clock)
            parts.append(f"WHEN ({condition}) THEN {place}")
            params += values
        last = len(self.rules) - 1
        return (f"CASE {' '.join(parts)} ELSE {last} END" if parts else f"{last}"), params

    def facts(self) -> dict[str, Fact]:
        """Every fact that the rules read."""
        return {name: fact for rule in self.rules for name, fact in facts_of(rule.node).items()}


def current_stages() -> Stages:
    """The rules of the tenant in context that count now. One query."""
    return configured("stages", lambda: stages_of(StageVersion.objects.order_by("-number").first()))


def stages_of(version: StageVersion | None) -> Stages:
    """A version's rules; without one, the shipped ones."""
    if version is None:
        return Stages(0, _parsed(SHIPPED), {})
    return Stages(version.number, _parsed(version.rules), version.flags)


def _parsed(stored: Sequence[Mapping[str, Any]]) -> tuple[StageRule, ...]:
    known = known_facts()
    return tuple(
        # A rule that reads what is gone since, such as an attribute, holds for nobody.
        StageRule(LifecycleStage(row["stage"]), parse_stored(row["rule"], known) or NEVER, row["rule"])
        for row in stored
    )


def checked(stored: object) -> tuple[StageRule, ...]:
    """Rules as somebody sent them. Raises RuleError with every problem and its place, such as ``/1/rule/value``."""
    if not isinstance(stored, list) or not 1 <= len(stored) <= MOST_RULES:
        raise RuleError((Problem("", f"expected a list of 1 to {MOST_RULES} rules"),))
    problems: list[Problem] = []
    found = [_checked(row, f"/{place}", place == len(stored) - 1, problems) for place, row in enumerate(stored)]
    if problems:
        raise RuleError(tuple(problems))
    return tuple(rule for rule in found if rule)


def _checked(row: object, at: str, is_last: bool, problems: list[Problem]) -> StageRule | None:
    if not isinstance(row, dict) or set(row) != {"stage", "rule"}:
        problems.append(Problem(at, 'expected an object of "stage" and "rule"'))
        return None
    if row["stage"] not in LifecycleStage.values:
        problems.append(Problem(f"{at}/stage", f"expected one of {', '.join(LifecycleStage.values)}"))
        return None
    node = rule_checked(row["rule"], f"{at}/rule", problems)
    if node is None:
        return None
    if is_last and node != AllOf(()):
        problems.append(Problem(f"{at}/rule", 'the last rule is for every account that is left: {"all": []}'))
    if not is_last and node == AllOf(()):
        problems.append(Problem(f"{at}/rule", "this is true of every account, so no rule after it is ever asked"))
    return StageRule(LifecycleStage(row["stage"]), node, row["rule"])


def rule_checked(tree: object, at: str, problems: list[Problem]) -> Node | None:
    """A rule of a stage; what is wrong is added to ``problems``."""
    try:
        node = parse(tree, known_facts())
    except RuleError as error:
        problems += [Problem(f"{at}{each.pointer}", each.message) for each in error.problems]
        return None
    read = {leaf.fact for leaf in comparisons(node)}
    if wrong := sorted({fact.label for fact in read if fact.name in REFUSED or fact.measure in REFUSED}):
        problems.append(Problem(at, f"a stage cannot depend on {', '.join(wrong)}: it is decided after the stage"))
        return None
    return node
