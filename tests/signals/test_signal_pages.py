from __future__ import annotations

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hub.accounts.services import change_record
from hub.plans.services import MILESTONE_COMPLETED
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.engine import evaluate_batch
from signals.inbox.query import InboxQuery, inbox_page
from signals.models import Signal, SignalStatus, Trigger
from signals.trigger_page import trigger_sentence
from tests.shell.staff import HTMX, staff
from tests.world import make_account

INBOX_QUERIES = 17


def raise_signals(tenant: Tenant, count: int) -> list[Signal]:
    with tenant_context(tenant):
        for at in range(count):
            account = make_account(f"Account {at}")
            change_record(
                account_id=account.pk,
                kind=MILESTONE_COMPLETED,
                key=str(at),
                occurred_at=timezone.now(),
                data={"title": f"Step {at}"},
            )
        while evaluate_batch(tenant):
            pass
        return list(Signal.objects.order_by("recorded_at", "id"))


def test_a_signal_is_resolved_from_the_inbox_and_leaves_it(acme: Tenant) -> None:
    (signal,) = raise_signals(acme, 1)
    client = staff(acme, "admin")
    assert "Step 0" in client.get("/t/acme/signals/").text
    answer = client.post(f"/t/acme/signals/{signal.pk}/do/", {"action": "resolve"}, headers=HTMX)
    assert "Resolved by admin@acme.example" in answer.text
    assert "Step 0" not in client.get("/t/acme/signals/").text
    assert "Step 0" in client.get("/t/acme/signals/?status=resolved").text


def test_dismissing_a_signal_asks_why_and_keeps_the_answer(acme: Tenant) -> None:
    (signal,) = raise_signals(acme, 1)
    client, url = staff(acme), f"/t/acme/signals/{signal.pk}/do/"
    refused = client.post(url, {"action": "dismiss", "reason": ""}, headers=HTMX)
    assert refused.status_code == 422
    assert "Say why" in refused.text
    bare = client.post(url, {"action": "dismiss", "reason": "other"}, headers=HTMX)
    assert "Say in a few words" in bare.text
    given = {"action": "dismiss", "reason": "known", "note": "told last week"}
    assert "Already known: told last week" in client.post(url, given, headers=HTMX).text
    with tenant_context(acme):
        signal.refresh_from_db()
        assert (signal.status, signal.closed_as) == (SignalStatus.DISMISSED, "known")


def test_a_leader_sees_signals_and_cannot_close_them(acme: Tenant) -> None:
    (signal,) = raise_signals(acme, 1)
    client = staff(acme, "leader")
    assert "Resolve “" not in client.get("/t/acme/signals/").text
    assert client.post(f"/t/acme/signals/{signal.pk}/do/", {"action": "resolve"}).status_code == 403


def test_walking_the_inbox_meets_every_signal_once_newest_first(acme: Tenant) -> None:
    signals = raise_signals(acme, 7)
    with tenant_context(acme):
        seen, cursor = list[Signal](), ""
        while True:
            page = inbox_page(InboxQuery(cursor=cursor), size=2)
            seen += page.rows
            if page.next_cursor is None:
                break
            cursor = page.next_cursor
    assert seen == signals[::-1]


@pytest.mark.parametrize("count", [1, 20])
def test_the_inbox_asks_as_often_for_twenty_signals_as_for_one(
    acme: Tenant, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    raise_signals(acme, count)
    client = staff(acme, "admin")
    client.get("/t/acme/signals/")
    with django_assert_num_queries(INBOX_QUERIES):
        client.get("/t/acme/signals/")


def test_the_inbox_teaches_when_nothing_ever_happened_and_when_all_is_done(acme: Tenant) -> None:
    client = staff(acme, "admin")
    assert "No signal yet" in client.get("/t/acme/signals/").text
    (signal,) = raise_signals(acme, 1)
    client.post(f"/t/acme/signals/{signal.pk}/do/", {"action": "resolve"})
    assert "Nothing left here" in client.get("/t/acme/signals/").text
    assert "No signal fits" in client.get("/t/acme/signals/?severity=critical").text


def test_every_shipped_trigger_reads_as_a_sentence(acme: Tenant) -> None:
    raise_signals(acme, 1)
    client = staff(acme)
    page = client.get("/t/acme/signals/triggers/").text
    with tenant_context(acme):
        triggers = list(Trigger.objects.all())
    assert len(triggers) >= 3
    for trigger in triggers:
        assert trigger.name in page
        assert client.get(f"/t/acme/signals/triggers/{trigger.pk}/").status_code == 200
    assert "When a milestone of the onboarding plan is completed." in page
    assert "When somebody tags a line of a QBR, tag “expansion”." in page


def test_the_sentence_of_a_computed_trigger_is_its_rule(acme: Tenant) -> None:
    with tenant_context(acme):
        trigger = Trigger(kind=Trigger.Kind.COMPUTED)
    assert trigger_sentence(trigger, "seats is more than 5") == "When seats is more than 5."
