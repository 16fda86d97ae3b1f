"""The rules of plays, read once, and asked about what is stored of an account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.registry.facts import Fact, known_facts
from hub.rules.compile import Clock, evaluate
from hub.rules.explain import findings, reason_code
from hub.rules.language import Node, facts_of_days, parse_stored, unrolled
from journeys.decisions.given import Given
from journeys.decisions.terms import Terms

TermsByVersion = Mapping[tuple[str, int], Terms]


class RuleBook:
    """The eligibility rules of plays by key and version. One that reads what is gone since is true of nobody."""

    def __init__(self, terms: TermsByVersion) -> None:
        self.known = known_facts()
        self.nodes: dict[tuple[str, int], Node | None] = {
            version: parse_stored(each.rule, self.known) for version, each in terms.items()
        }

    def facts(self) -> dict[str, Fact]:
        """Everything that the rules read, by name."""
        read: dict[str, Fact] = {}
        for node in self.nodes.values():
            read |= facts_of_days(node) if node is not None else {}
        return read

    def ask(self, play: str, version: int, given: Given) -> tuple[bool, str, Sequence[str]]:
        node = self.nodes[play, version]
        if node is None:
            return False, "rule_gone", ["the rule asks for something that is gone"]
        clock, values = Clock(given.moment, given.day), _Values(given.facts)
        seen = [found.text for found in findings(node, values, clock)]
        if evaluate(unrolled(node), values, clock):
            return True, "", seen
        return False, reason_code(node, values, clock)[:200], seen


class _Values(dict[str, Any]):
    """Stored facts; one that was not stored is missing."""

    def __missing__(self, name: str) -> None:
        return None
