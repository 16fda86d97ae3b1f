"""Health as facts: what rules, lists, segments and other systems read by name."""

from __future__ import annotations

from hub.registry.facts import TODAY, Expression, Fact, FactKind, facts
from hub.registry.measures import Arguments, Measure, days, measures, span

# The last day on which it changed, up to the day of asking: on a day without a row nothing had changed.
THEN = (
    "(SELECT u.{column} FROM signals_healthday u WHERE u.tenant_id = a.tenant_id AND u.account_id = a.id"
    " AND u.day <= {day} ORDER BY u.day DESC LIMIT 1)"
)


def _past(column: str) -> Expression:
    return Expression(THEN.format(column=column, day="%s::date"), (TODAY,))


def _change(given: Arguments) -> Expression:
    now, before = _past("score"), THEN.format(column="score", day="%s::date - %s::int")
    return Expression(f"({now.sql} - {before})", (TODAY, TODAY, given["days"]))


def register() -> None:
    source, fresh = "health score", "within seconds"
    facts.register(
        Fact("health_score", "health score", FactKind.NUMBER, "f.health_score", source, fresh, order=12,
             past=_past("score"))
    )  # fmt: skip
    facts.register(
        Fact("health_band", "health band", FactKind.TEXT, "f.health_band", source, fresh, order=12,
             past=_past("shown_band"))
    )  # fmt: skip
    measures.register(
        Measure(
            "health_change", "change of health score", FactKind.NUMBER, (days(),), _change,
            lambda given: f"change of health score in {span(given)}", source, unit="points", order=12,
        )
    )  # fmt: skip
