"""Predictions as facts of rules: what the published model of a kind says; missing while none is published."""

from __future__ import annotations

from hub.registry.facts import Fact, FactKind, facts
from signals.prediction.models import Kind

TABLE = "signals_prediction v"


def register() -> None:
    for name, label, kind in (
        ("churn_risk", "churn risk within 90 days", Kind.CHURN),
        ("expansion_likelihood", "likelihood to expand within 90 days", Kind.EXPANSION),
    ):
        own = f"v.kind = '{kind.value}'"
        value = f"SELECT v.percent FROM {TABLE} WHERE v.tenant_id = a.tenant_id AND v.account_id = a.id AND {own}"
        members = f"SELECT v.tenant_id, v.account_id FROM {TABLE} WHERE {own}"
        facts.register(
            Fact(
                name, label, FactKind.NUMBER, f"({value})", "prediction", "every day", "%", 70,
                members=members, member_sql="v.percent",
            )
        )  # fmt: skip
