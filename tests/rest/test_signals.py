"""Signals over REST: changed one by one or many at once, storms decided, and how often a trigger was right."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from hub.people.models import AuditEvent
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.models import Signal, SignalStatus, Storm, Trigger
from tests.rest.test_rest import api_of, check_problem
from tests.signals.test_inbox import signal_of
from tests.world import make_member

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


@pytest.fixture
def signal(acme: Tenant) -> Signal:
    with tenant_context(acme):
        return signal_of("Northwind", "usage-decline")


def test_a_signal_is_assigned_snoozed_dismissed_and_opened_again(acme: Tenant, signal: Signal) -> None:
    api, kim = api_of(acme), make_member(acme, "csm", "kim@acme.example").user
    until = (timezone.now() + timedelta(days=3)).isoformat()
    path = f"signals/{signal.pk}"
    told = api("PATCH", path, {"assignee": kim.email, "snoozed_until": until, "acknowledged": True}).json()
    assert (told["assignee"], told["status"]) == (kim.email, "open")
    assert None not in (told["snoozed_until"], told["acknowledged_at"])
    assert [row["id"] for row in api("GET", f"signals?assignee={kim.email}&snoozed=true").json()["results"]] == [
        str(signal.pk)
    ]
    assert api("GET", "signals?assignee=none").json()["results"] == []
    told = api("PATCH", path, {"status": "dismissed", "reason": "not_true", "note": "test data"}).json()
    assert (told["status"], told["closed_as"], told["closed_reason"]) == ("dismissed", "not_true", "test data")
    told = api("PATCH", path, {"status": "open", "assignee": None}).json()
    assert (told["status"], told["closed_as"], told["assignee"]) == ("open", "", None)
    with tenant_context(acme):
        kinds = set(AuditEvent.objects.filter(object_id=str(signal.pk)).values_list("actor_kind", flat=True))
        assert kinds == {"key"}


@pytest.mark.parametrize(("body", "pointer"), [
    ({"status": "dismissed"}, "/reason"),
    ({"status": "dismissed", "reason": "other"}, "/note"),
    ({"status": "held"}, "/status"),
    ({"assignee": "nobody@else.example"}, "/assignee"),
    ({"snoozed_until": "2020-01-01T00:00:00Z"}, "/until"),
])  # fmt: skip
def test_what_cannot_be_is_named_and_nothing_is_changed(
    acme: Tenant, signal: Signal, body: dict[str, Any], pointer: str
) -> None:
    answer = api_of(acme)("PATCH", f"signals/{signal.pk}", {"acknowledged": True, **body})
    check_problem(answer, 400)
    assert answer.json()["errors"][0]["pointer"] == pointer
    with tenant_context(acme):
        signal.refresh_from_db()
        assert (signal.status, signal.acknowledged_at) == (SignalStatus.OPEN, None)


def test_another_tenants_signal_is_not_there(globex: Tenant, signal: Signal) -> None:
    api = api_of(globex)
    check_problem(api("PATCH", f"signals/{signal.pk}", {"status": "resolved"}), 404)
    assert api("POST", "signals/acts", {"action": "resolve", "ids": [str(signal.pk)]}).json()["changed"] == 0


def test_many_are_acted_on_by_ids_or_by_a_filter(acme: Tenant, signal: Signal) -> None:
    api = api_of(acme)
    with tenant_context(acme):
        other = signal_of("B", "renewal-90", "critical")
    told = api("POST", "signals/acts", {"action": "resolve", "filter": {"severity": "critical"}}).json()
    assert (told["status"], told["total"], told["changed"]) == ("done", 1, 1)
    assert api("GET", f"signals/acts/{told['id']}").json() == told
    assert api("GET", "signals/acts").json()["results"] == [told]
    ids = [str(signal.pk), str(other.pk)]
    told = api("POST", "signals/acts", {"action": "resolve", "ids": ids}).json()
    assert (told["total"], told["changed"], told["left"]) == (2, 1, 1)
    check_problem(api("POST", "signals/acts", {"action": "resolve"}), 400)
    check_problem(api("POST", "signals/acts", {"action": "resolve", "ids": ids, "filter": {}}), 400)
    check_problem(api("POST", "signals/acts", {"action": "dismiss", "ids": ids}), 400)


def test_a_storm_is_read_and_decided_once(acme: Tenant) -> None:
    api = api_of(acme)
    with tenant_context(acme):
        trigger = Trigger.objects.get(key="usage-decline")
        storm = Storm.objects.create(trigger=trigger, began_at=timezone.now(), limit=200, window_minutes=60, held=1)
        held = signal_of("A", "usage-decline", status=SignalStatus.HELD, storm=storm)
    assert [row["trigger"] for row in api("GET", "storms?status=holding").json()["results"]] == ["usage-decline"]
    told = api("POST", f"storms/{storm.pk}/decision", {"decision": "drop", "note": "a wrong import"}).json()
    assert (told["status"], told["dropped"], told["decided_note"]) == ("dropped", 1, "a wrong import")
    check_problem(api("POST", f"storms/{storm.pk}/decision", {"decision": "release"}), 409)
    assert api("GET", f"signals/{held.pk}").json()["status"] == "dropped"


def test_a_trigger_tells_how_often_it_was_right(acme: Tenant) -> None:
    api = api_of(acme)
    with tenant_context(acme):
        trigger = Trigger.objects.get(key="usage-decline")
        for at in range(20):
            closed = {"status": "dismissed", "closed_as": "not_true"} if at < 5 else {"status": "resolved"}
            signal_of(f"A{at}", "usage-decline", **closed)
        signal_of("B", "renewal-90", status="resolved")
    told = api("GET", f"triggers/{trigger.pk}").json()
    assert told["signals_30d"] == 20
    assert told["precision"] | {"low": 0, "high": 0} == {
        "judged": 20, "not_true": 5, "value": 0.75, "low": 0, "high": 0
    }  # fmt: skip
    assert round(told["precision"]["low"], 3) == 0.531
    assert round(told["precision"]["high"], 3) == 0.888
    few = api("GET", "triggers?key=renewal-90").json()["results"][0]["precision"]
    assert (few["judged"], few["value"], few["low"]) == (1, None, None)
