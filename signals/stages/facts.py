"""The stage as a fact that keeps its past."""

from __future__ import annotations

from hub.registry.facts import TODAY, Expression, Fact, FactKind, facts

# Changes of one day follow one another within it: what it was at its end counts.
PAST = Expression(
    "(SELECT u.stage FROM signals_stagechange u WHERE u.tenant_id = a.tenant_id AND u.account_id = a.id"
    " AND u.day <= %s::date ORDER BY u.at DESC, u.id DESC LIMIT 1)",
    (TODAY,),
)


def register() -> None:
    facts.register(
        Fact("stage", "lifecycle stage", FactKind.TEXT, "a.stage", "rules of the stages", "within seconds",
             order=10, past=PAST)
    )  # fmt: skip
