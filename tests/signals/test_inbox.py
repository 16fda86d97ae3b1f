"""What people do with signals, one or many, and what the inbox does by itself."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hub.accounts.facts import today_of
from hub.accounts.models import TimelineEntry
from hub.people.models import AuditEvent
from hub.registry.exports import export_lists
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant, TenantWork
from journeys.models import Enrollment
from journeys.services import journeys_install
from signals.engine import evaluate_batch
from signals.forms import snooze_days
from signals.inbox import bulk, returning
from signals.inbox.acting import Act, Action, signals_act
from signals.inbox.query import BY_SEVERITY, InboxQuery, grouped_page, inbox_page
from signals.inbox.trails import WEEKS
from signals.models import BulkStatus, Signal, SignalBulk, SignalStatus, Trigger
from tests.shell.staff import HTMX, staff
from tests.signals.test_engine import use_weekly
from tests.signals.test_signal_pages import raise_signals
from tests.world import ACTOR, make_account, make_member


def act(ids: list[UUID], action: Action, **more: object) -> list[UUID]:
    return signals_act(ids=ids, act=Act(action, **more), actor=ACTOR)  # type: ignore[arg-type]


def signal_of(account_name: str, key: str, severity: str = "warning", **more: Any) -> Signal:
    """A signal of the trigger with this key, without an evaluation."""
    found: Signal = Signal.objects.create(
        account=make_account(account_name),
        trigger=Trigger.objects.get(key=key),
        trigger_version=1,
        dedupe_key=f"{key}:{account_name}:{Signal.objects.count()}",
        severity=severity,
        sentence=f"{account_name} {key}",
        occurred_at=timezone.now(),
        **more,
    )
    return found


def test_a_snoozed_signal_leaves_the_inbox_and_comes_back_by_itself(acme: Tenant) -> None:
    (signal,) = raise_signals(acme, 1)
    client = staff(acme, "admin")
    with tenant_context(acme):
        until = snooze_days(today_of(acme))[0][0]
    client.post(f"/t/acme/signals/{signal.pk}/do/", {"action": "snooze", "until": until.isoformat()})
    assert "Step 0" not in client.get("/t/acme/signals/").text
    assert "Step 0" in client.get("/t/acme/signals/?status=snoozed").text
    with tenant_context(acme):
        signal.refresh_from_db()
        due = signal.snoozed_until
        assert due is not None
        assert timezone.localtime(due, acme.zone).hour == 8
        assert TenantWork.objects.get(tenant_id=acme.pk, queue=returning.QUEUE).next_due_at == due
        assert returning.backlog() == due
        assert returning.snoozed_return(due - timedelta(seconds=1)) == 0
        assert returning.snoozed_return(due) == 1
        assert returning.backlog() is None
    assert "Step 0" in client.get("/t/acme/signals/").text


@pytest.mark.parametrize(("given", "says"), [
    ({"action": "snooze", "day": "2020-01-01"}, "choose a time from now on"),
    ({"action": "snooze", "day": "9999-12-31"}, "choose a time from now on"),
    ({"action": "snooze", "day": "soon"}, "Choose the day"),
    ({"action": "assign", "assignee": "0190f3a0-0000-7000-8000-000000000000"}, "nobody of this tenant"),
    ({"action": "assign", "assignee": "x"}, "Choose somebody"),
    ({"action": "explode"}, "Choose what to do"),
])  # fmt: skip
def test_what_cannot_be_done_is_said_and_changes_nothing(acme: Tenant, given: dict[str, str], says: str) -> None:
    (signal,) = raise_signals(acme, 1)
    answer = staff(acme, "admin").post(f"/t/acme/signals/{signal.pk}/do/", given, headers=HTMX)
    assert answer.status_code == 422
    assert says in answer.text
    with tenant_context(acme):
        signal.refresh_from_db()
        assert (signal.status, signal.assignee_id, signal.snoozed_until) == (SignalStatus.OPEN, None, None)


def test_an_assigned_signal_is_on_the_persons_today_until_it_is_dealt_with(acme: Tenant) -> None:
    (signal,) = raise_signals(acme, 1)
    kim = make_member(acme, "marketer", "kim@acme.example").user
    boss, client = staff(acme, "admin"), staff(acme, "csm", "sam@acme.example")
    boss.post(f"/t/acme/signals/{signal.pk}/do/", {"action": "assign", "assignee": str(kim.pk)})
    client.force_login(kim, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert "Assigned to you" in client.get("/t/acme/").text
    assert "Step 0" in client.get("/t/acme/signals/?assignee=me").text
    assert "Assigned to you" not in boss.get("/t/acme/").text
    assert "No signal fits" in boss.get("/t/acme/signals/?assignee=me").text
    client.post(f"/t/acme/signals/{signal.pk}/do/", {"action": "resolve"})
    assert "Assigned to you" not in client.get("/t/acme/").text


def test_a_dismissal_is_undone_and_both_are_told(acme: Tenant) -> None:
    (signal,) = raise_signals(acme, 1)
    with tenant_context(acme):
        for _ in range(2):
            assert act([signal.pk], Action.DISMISS, reason="not_true") == [signal.pk]
            assert act([signal.pk], Action.DISMISS, reason="known") == []
            assert act([signal.pk], Action.REOPEN) == [signal.pk]
        signal.refresh_from_db()
        assert (signal.status, signal.closed_as, signal.closed_at) == (SignalStatus.OPEN, "", None)
        told = TimelineEntry.objects.filter(account_id=signal.account_id, title__startswith="Signal ")
        assert sorted(told.values_list("title", flat=True)) == sorted(
            2 * ["Signal dismissed: Reached the milestone “Step 0”", "Signal reopened: Reached the milestone “Step 0”"]
        )
        audited = AuditEvent.objects.filter(object_id=str(signal.pk)).order_by("at", "id")
        assert list(audited.values_list("action", flat=True)) == ["signal.dismiss", "signal.reopen"] * 2


def test_many_are_changed_at_once_and_strangers_are_left_alone(acme: Tenant, globex: Tenant) -> None:
    mine, (foreign,) = raise_signals(acme, 3), raise_signals(globex, 1)
    client = staff(acme, "admin")
    chosen = [str(mine[0].pk), str(mine[1].pk), str(foreign.pk), "nonsense"]
    answer = client.post("/t/acme/signals/act/do/", {"signal": chosen, "action": "resolve"}, follow=True)
    assert "2 signals resolved" in answer.text
    with tenant_context(acme):
        assert Signal.objects.filter(status="resolved").count() == 2
    with tenant_context(globex):
        assert Signal.objects.filter(status="open").count() == 1


def test_all_that_a_filter_leaves_are_changed_and_no_others(acme: Tenant) -> None:
    with tenant_context(acme):
        for at in range(3):
            signal_of(f"A{at}", "usage-decline")
        signal_of("Other", "renewal-90")
    client = staff(acme, "admin")
    page = client.get("/t/acme/signals/act/?all=1&family=usage&whose=all")
    assert "3 signals" in page.text
    given = {"all": "1", "family": "usage", "status": "open", "whose": "all", "action": "dismiss", "reason": "not_true"}
    answer = client.post("/t/acme/signals/act/do/", given, follow=True)
    assert "Dismissed" in answer.text
    with tenant_context(acme):
        assert set(Signal.objects.filter(status="open").values_list("trigger__key", flat=True)) == {"renewal-90"}
        assert SignalBulk.objects.get().changed == 3


def test_a_worker_goes_on_where_another_stopped_and_later_signals_are_not_touched(
    acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", 1)
    monkeypatch.setattr(bulk, "BATCH", 2)
    with tenant_context(acme):
        for at in range(5):
            signal_of(f"A{at}", "usage-decline")
        job = bulk.bulk_start(query=InboxQuery(family="usage"), act=Act(Action.RESOLVE), actor=ACTOR)
        assert (job.status, job.total, job.changed) == (BulkStatus.RUNNING, 5, 0)
        signal_of("Late", "usage-decline")
    assert bulk._next(acme.pk)
    with tenant_context(acme):
        assert Signal.objects.filter(status="resolved").count() == 2
    assert bulk.drain(acme.pk) is None
    with tenant_context(acme):
        job.refresh_from_db()
        assert (job.status, job.changed, job.left) == (BulkStatus.DONE, 5, 0)
        assert list(Signal.objects.filter(status="open").values_list("account__name", flat=True)) == ["Late"]


def test_what_was_stopped_stays_stopped(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", 0)
    with tenant_context(acme):
        signal_of("A", "usage-decline")
        job = bulk.bulk_start(query=InboxQuery(), act=Act(Action.RESOLVE), actor=ACTOR)
        assert bulk.bulk_cancel(bulk=job, actor=ACTOR)
        assert not bulk.bulk_cancel(bulk=job, actor=ACTOR)
    assert bulk.drain(acme.pk) is None
    with tenant_context(acme):
        assert Signal.objects.filter(status="open").count() == 1


def test_a_bulk_that_cannot_be_done_is_refused_before_it_begins(acme: Tenant) -> None:
    with tenant_context(acme):
        signal_of("A", "usage-decline")
        with pytest.raises(ValidationError):
            bulk.bulk_start(query=InboxQuery(), act=Act(Action.DISMISS), actor=ACTOR)
        assert not SignalBulk.objects.exists()


def test_the_most_severe_come_first_and_walking_meets_each_once(acme: Tenant) -> None:
    with tenant_context(acme):
        for at, severity in enumerate(["info", "critical", "warning", "opportunity", "critical"]):
            signal_of(f"A{at}", "usage-decline", severity)
        seen: list[str] = []
        cursor = ""
        while True:
            page = inbox_page(InboxQuery(sort=BY_SEVERITY, cursor=cursor), size=2)
            seen += [signal.severity for signal in page.rows]
            if page.next_cursor is None:
                break
            cursor = page.next_cursor
    assert seen == ["critical", "critical", "warning", "opportunity", "info"]


def test_by_account_the_signals_of_a_family_collapse_under_the_newest(acme: Tenant) -> None:
    with tenant_context(acme):
        account = signal_of("A", "usage-decline").account
        for at, key in enumerate(["users-falling", "use-narrow", "renewal-90"]):
            again = signal_of(f"X{at}", key)
            Signal.objects.filter(pk=again.pk).update(account=account)
        signal_of("B", "renewal-60")
        pages = [grouped_page(InboxQuery(), size=1)]
        pages.append(grouped_page(InboxQuery(cursor=pages[0].next_cursor or ""), size=1))
        (newest,), (older,) = (page.rows for page in pages)
        assert (newest.account.name, older.account.name, pages[1].next_cursor) == ("B", "A", None)
        assert (older.count, [(f.family, len(f.others)) for f in older.families]) == (4, [("renewal", 0), ("usage", 2)])
    page = staff(acme, "admin").get("/t/acme/signals/?group=account").text
    assert "2 more of Usage" in page


@pytest.mark.parametrize("query", ["trigger=renewal-90", "segment=Bank", "severity=critical", "family=renewal"])
def test_filters_leave_what_fits(acme: Tenant, query: str) -> None:
    with tenant_context(acme):
        signal_of("A", "usage-decline")
        wanted = signal_of("B", "renewal-90", "critical").account
        wanted.segment = "Bank"
        wanted.save()
    page = staff(acme, "admin").get(f"/t/acme/signals/?{query}").text
    assert "B renewal-90" in page
    assert "A usage-decline" not in page


def test_a_signal_shows_the_past_of_its_fact_in_words_and_as_a_line(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account(signed_up_on=date(2020, 1, 1))
        use_weekly(account, [100] * 10, today_of(acme))
        while evaluate_batch(acme):
            pass
        use_weekly(account, [100] * 8 + [70, 60], today_of(acme))
        while evaluate_batch(acme):
            pass
        signal = Signal.objects.get(trigger__key="usage-decline")
        assert signal.trail_wanted
        assert returning.backlog() is not None
    returning.drain(acme.pk)
    with tenant_context(acme):
        signal.refresh_from_db()
        assert signal.trail is not None
        assert 2 <= len(signal.trail["values"]) <= WEEKS + 1
        assert signal.trail["values"][-1] == signal.evidence["values"]["usage_last_week"]
        assert returning.backlog() is None
    client = staff(acme, "admin")
    for page in (client.get("/t/acme/signals/").text, client.get(f"/t/acme/signals/{signal.pk}/").text):
        assert 'role="img" aria-label="' in page
        assert "at the signal" in page


def test_a_signal_tells_what_it_started(acme: Tenant) -> None:
    with tenant_context(acme):
        journeys_install(actor=ACTOR)
    (signal,) = raise_signals(acme, 1)
    client = staff(acme, "admin")
    with tenant_context(acme):
        (enrollment,) = Enrollment.objects.filter(signal=signal).select_related("journey")
    for page in (client.get("/t/acme/signals/").text, client.get(f"/t/acme/signals/{signal.pk}/").text):
        assert f"Journey “{enrollment.journey.name}”" in page
        assert f"/t/acme/journeys/why/{signal.account_id}/" in page


@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.parametrize(("address", "queries"), [("?whose=all&group=account", 17), ("act/?all=1&whose=all", 11)])
def test_pages_of_many_signals_ask_as_often_for_twenty_as_for_one(
    acme: Tenant, django_assert_num_queries: DjangoAssertNumQueries, address: str, queries: int, count: int
) -> None:
    raise_signals(acme, count)
    client = staff(acme, "admin")
    client.get(f"/t/acme/signals/{address}")
    with django_assert_num_queries(queries):
        client.get(f"/t/acme/signals/{address}")


@pytest.mark.parametrize(("status", "names"), [("snoozed", ["B"]), ("open", ["A"]), ("any", ["A", "B", "C"])])
def test_an_export_holds_what_the_tab_shows(acme: Tenant, status: str, names: list[str]) -> None:
    with tenant_context(acme):
        signal_of("A", "usage-decline")
        signal_of("B", "usage-decline", snoozed_until=timezone.now() + timedelta(days=1))
        signal_of("C", "usage-decline", status=SignalStatus.RESOLVED)
        page = export_lists.get("signals").page({"status": status}, "", 10)
        assert sorted(str(row[0]) for row in page.rows) == names
