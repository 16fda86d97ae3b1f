"""A signal's page says what was seen in the words and units of the facts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.inbox.seen import seen
from signals.models import Signal, Trigger, TriggerVersion
from tests.signals.test_inbox import signal_of

pytestmark = pytest.mark.django_db


def shown(key: str, **evidence: Any) -> list[tuple[str, str]]:
    return seen(signal_of("A", key, evidence=evidence), "EUR")


def test_values_have_the_labels_and_units_of_their_facts(acme: Tenant) -> None:
    with tenant_context(acme):
        found = shown(
            "usage-decline", values={"usage_drop_pct": 49.53846, "usage_baseline_weeks": 8, "usage_last_week": 80}
        )
        assert sorted(found) == [
            ("complete weeks of usage history", "8 weeks"),
            ("usage drop against the 8-week mean", "49.5%"),
            ("uses last week", "80 uses"),
        ]
        assert shown("renewal-30", values={"renews_on": "2026-12-21"}) == [("renewal date", "2026-12-21")]
        assert shown("single-threaded", values={"mrr_minor": 43500, "people(role='')": 1}) == [
            ("people", "1"),
            ("MRR", "435 EUR"),
        ]


def test_what_the_version_that_fired_asked_for_is_known_after_the_rule_became_another(acme: Tenant) -> None:
    with tenant_context(acme):
        trigger = Trigger.objects.get(key="users-falling")
        Trigger.objects.filter(pk=trigger.pk).update(rule={"fact": "seats", "op": "gte", "value": 1}, version=2)
        assert TriggerVersion.objects.filter(trigger=trigger, version=1).exists()
        assert ("change of active users in 28 days against the 28 days before", "-30%") in shown(
            "users-falling", values={"users(days=28)": 7, "users_change(days=28)": "-30.0000000000000000"}
        )


def test_a_happening_tells_what_it_said_without_ids(acme: Tenant) -> None:
    data = {"stage": "renewal", "stage_label": "Renewal", "by_hand": False, "contact_id": "x", "before": ""}
    with tenant_context(acme):
        assert shown("stage-changed", data=data) == [("by hand", "no"), ("stage", "Renewal")]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(["usage_drop_pct", "renews_on", "mrr_minor", "last_seen_at", "gone", "stage"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.lists(st.text(max_size=3)),
    )
)
def test_whatever_was_kept_can_be_shown(acme: Tenant, values: dict[str, Any]) -> None:
    with tenant_context(acme):
        signal = Signal(
            trigger=Trigger.objects.get(key="usage-decline"), trigger_version=1, evidence={"values": values}
        )
        assert len(seen(signal, "EUR")) == len(values)
