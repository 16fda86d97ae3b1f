"""The published time from signal to action: every signal counts, and each breach is listed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from hub.accounts.models import Account
from hub.people.models import AuditEvent
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys import working
from journeys.analytics.latency import PROMISED, Breach, Published, breaches, limit_of, published
from journeys.models import Enrollment, Journey
from tests.journeys import stage
from tests.journeys.graphs import email, graph, node, publish, world
from tests.world import make_account, make_member


@pytest.fixture
def account(acme: Tenant) -> Account:
    return world(acme)


def signal_then_step(tenant: Tenant, account: Account, seconds: float, key: str) -> None:
    """A signal now, and the workers so many seconds later."""
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        stage.tag_expansion(tenant, account, key)
        stage.evaluate(tenant)
    with time_machine.travel(now + timedelta(seconds=seconds), tick=False):
        working.drain(tenant.pk)


def read(tenant: Tenant, limit: int = PROMISED) -> tuple[Published, list[Breach]]:
    now = timezone.now() + timedelta(minutes=5)
    asked: dict[str, Any] = {"since": now - timedelta(days=7), "now": now, "limit": limit}
    with tenant_context(tenant):
        return published(**asked), breaches(**asked)


def test_nothing_is_published_where_no_signal_began_a_journey(acme: Tenant, account: Account) -> None:
    found, late = read(acme)
    assert (found.whole, dict(found.journeys), late) == (None, {}, [])


def test_it_counts_from_the_signal_to_the_first_step(acme: Tenant, account: Account) -> None:
    journey = publish(acme, graph(email("mail")))
    for number, seconds in enumerate((0.5, 1.0, 30.0)):
        signal_then_step(acme, account, seconds, key=f"line-{number}")
    found, late = read(acme)
    assert found.whole is not None
    assert (found.whole.signals, found.whole.late) == (3, 1)
    assert [found.whole.p50, found.whole.worst] == pytest.approx([1.0, 30.0])
    assert found.whole.in_time == pytest.approx(2 / 3)
    assert found.journeys[journey.pk] == found.whole
    assert [breach.account_id for breach in late] == [account.pk]
    assert late[0].seconds == pytest.approx(30.0)


def test_a_journey_that_begins_with_a_wait_has_acted_when_it_waits(acme: Tenant, account: Account) -> None:
    publish(acme, graph(node("wait", rule={"days": 3})))
    signal_then_step(acme, account, 2.0, key="a")
    found, late = read(acme)
    assert found.whole is not None
    assert found.whole.p50 == pytest.approx(2.0)
    assert late == []


def test_who_is_not_acted_on_yet_is_a_breach_and_who_was_taken_out_is_none(acme: Tenant, account: Account) -> None:
    publish(acme, graph(email("mail")))
    stage.tag_expansion(acme, account)
    stage.evaluate(acme)
    found, (late,) = read(acme)
    assert found.whole is not None
    assert (found.whole.late, late.at) == (1, None)
    assert late.seconds > PROMISED
    with tenant_context(acme):
        Enrollment.objects.update(status="exited", reason="removed", due_at=None)
    assert read(acme)[1] == []


def test_signals_of_a_storm_are_left_out(acme: Tenant, account: Account) -> None:
    acme.settings = acme.settings | {"signals": {"storm_least": 1, "storm_percent": 1}}
    acme.save()
    publish(acme, graph(email("mail")))
    with tenant_context(acme):
        others = [make_account(f"A{n}") for n in range(3)]
    for number, each in enumerate((account, *others)):
        stage.tag_expansion(acme, each, key=f"line-{number}")
    stage.run(acme)
    found, _ = read(acme)
    assert found.whole is not None
    assert found.whole.signals == 1


def test_the_limit_is_the_tenants(acme: Tenant, account: Account) -> None:
    client = Client()
    client.force_login(make_member(acme, "marketer").user)
    for text, stays in (("60", 60), ("0", 60), ("x", 60), ("3601", 60), ("", 60)):
        assert client.post("/t/acme/journeys/latency/limit/", {"act_within": text}).status_code == 302
        acme.refresh_from_db()
        assert limit_of(acme.settings) == stays
    assert limit_of({"journeys": {"act_within": True}}) == PROMISED
    with tenant_context(acme):
        assert AuditEvent.objects.filter(action="journeys.act_within").count() == 1
    reader = Client()
    reader.force_login(make_member(acme, "leader", "lee@acme.example").user)
    assert reader.post("/t/acme/journeys/latency/limit/", {"act_within": "9"}).status_code == 403


def test_the_page_names_each_breach_with_the_way_to_its_why(acme: Tenant, account: Account) -> None:
    publish(acme, graph(email("mail")))
    signal_then_step(acme, account, 90.0, key="late")
    client = Client()
    client.force_login(make_member(acme, "leader").user)
    text = client.get("/t/acme/journeys/latency/?window=1").content.decode()
    assert f"/t/acme/journeys/why/{account.pk}/" in text
    assert "1.5 min" in text
    assert "No signal began a journey" not in text


def test_other_tenants_count_for_nothing(acme: Tenant, globex: Tenant, account: Account) -> None:
    publish(acme, graph(email("mail")))
    signal_then_step(acme, account, 1.0, key="a")
    assert read(globex)[0].whole is None
    with tenant_context(globex):
        assert not Journey.objects.exists()
