"""Readiness as facts: what rules, lists and other systems read by name."""

from __future__ import annotations

from hub.registry.facts import Fact, FactKind, facts


def register() -> None:
    def fact(name: str, label: str, kind: FactKind, column: str) -> None:
        facts.register(Fact(name, label, kind, f"f.{column}", "expansion readiness", "within seconds", order=14))

    fact("expansion_ready_seat", "ready for more seats", FactKind.BOOLEAN, "expansion_seat")
    fact("expansion_ready_tier", "ready for a higher tier", FactKind.BOOLEAN, "expansion_tier")
    fact("expansion_ready_cross_sell", "ready for another product", FactKind.BOOLEAN, "expansion_cross_sell")
    fact("expansion_score", "expansion score", FactKind.NUMBER, "expansion_score")
