"""The flags beside the stage: an account may be ready to expand, or one that speaks for the tenant, in any stage.

Each is a rule. They are asked in the evaluation after readiness and before the triggers, which may read them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from hub.registry.facts import Fact, FactKind, facts, known_facts
from hub.rules.columns import TABLES
from hub.rules.compile import Clock, Daily, compile_sql
from hub.rules.language import Problem, RuleError, comparisons, parse, parse_stored
from hub.tenancy.context import current_tenant_id
from hub.tenancy.remembering import configured
from hub.tenancy.statements import ask
from signals.stages.rules import NEVER, current_stages

TITLES: Final[Mapping[str, str]] = {"expansion": "Expansion", "advocacy": "Advocacy"}
SHIPPED: Final[Mapping[str, Mapping[str, Any]]] = {
    "expansion": {
        "any": [
            {"fact": f"expansion_ready_{kind}", "op": "eq", "value": True} for kind in ("seat", "tier", "cross_sell")
        ]
    },
    "advocacy": {
        "all": [
            {"fact": "health_band", "op": "eq", "value": "green"},
            {"fact": "tickets_standing", "with": {"priority": "urgent"}, "op": "eq", "value": 0},
            {
                "any": [
                    {"fact": "promoters", "with": {"days": 180}, "op": "gte", "value": 1},
                    {"fact": "survey_score", "with": {"survey": "csat", "days": 180}, "op": "gte", "value": 5},
                ]
            },
        ]
    },
}
# Decided after the flags, or the flags themselves.
REFUSED: Final = frozenset({"flag_expansion", "flag_advocacy", "signals", "trigger_stands", "in_segment"})
SET: Final = f"""
UPDATE accounts_accountfacts t SET flag_expansion = x.expansion, flag_advocacy = x.advocacy
FROM (
    SELECT a.id, ({{expansion}}) IS TRUE AS expansion, ({{advocacy}}) IS TRUE AS advocacy
    FROM {TABLES} WHERE a.tenant_id = %s AND a.id = ANY(%s)
) x
WHERE t.tenant_id = %s AND t.account_id = x.id
    AND (t.flag_expansion <> x.expansion OR t.flag_advocacy <> x.advocacy)
"""


def flags_of(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The rule of each flag; what a version did not say is as shipped."""
    return {flag: stored.get(flag, shipped) for flag, shipped in SHIPPED.items()}


def flags_refresh(account_ids: Sequence[UUID], clock: Clock) -> None:
    """Bring the flags of these accounts up to date. Two queries."""
    sql, params = configured("flags", _statements).at(clock)
    ask(sql, [*params, current_tenant_id(), list(account_ids), current_tenant_id()])


def _statements() -> Daily[tuple[str, list[Any]]]:
    known = known_facts()
    nodes = {flag: parse_stored(tree, known) or NEVER for flag, tree in flags_of(current_stages().flags).items()}

    def made(clock: Clock) -> tuple[str, list[Any]]:
        parts = {flag: compile_sql(node, clock) for flag, node in nodes.items()}
        params = [param for flag in ("expansion", "advocacy") for param in parts[flag][1]]
        return SET.format(**{flag: sql for flag, (sql, _) in parts.items()}), params

    return Daily(made, nodes.values())


def flags_checked(given: object) -> dict[str, Any]:
    """Rules of flags as somebody sent them; raises RuleError with the places of what is wrong."""
    if not isinstance(given, dict) or not set(given) <= SHIPPED.keys():
        raise RuleError((Problem("", f"expected an object of {' and '.join(SHIPPED)}"),))
    problems: list[Problem] = []
    for flag, tree in given.items():
        try:
            read = {leaf.fact for leaf in comparisons(parse(tree, known_facts()))}
        except RuleError as error:
            problems += [Problem(f"/{flag}{each.pointer}", each.message) for each in error.problems]
            continue
        if wrong := sorted({fact.label for fact in read if fact.name in REFUSED or fact.measure in REFUSED}):
            problems.append(Problem(f"/{flag}", f"a flag cannot depend on {', '.join(wrong)}: it is decided before"))
    if problems:
        raise RuleError(tuple(problems))
    return dict(given)


def register() -> None:
    for flag, title in TITLES.items():
        facts.register(
            Fact(f"flag_{flag}", f"{title.lower()} flag", FactKind.BOOLEAN, f"f.flag_{flag}", "rules of the stages",
                 "within seconds", order=11)
        )  # fmt: skip
