"""Who is given signals by somebody else is told by mail: once for all of a minute, and only of what still waits."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from hub.people.models import Membership, StaffMail, User
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant, TenantWork
from signals.inbox.acting import Act, Action, signals_act
from signals.inbox.bulk import bulk_start
from signals.inbox.mailing import assignment_mail_wish, notices_send
from signals.inbox.models import AssignmentNotice
from signals.inbox.query import InboxQuery
from signals.inbox.returning import QUEUE, backlog
from signals.models import Signal, Trigger
from tests.world import ACTOR, make_account, make_member

pytestmark = pytest.mark.django_db


def some(number: int) -> list[Signal]:
    account, trigger = make_account("Nord\nwind"), Trigger.objects.get(key="data-export")
    rows = [
        Signal(
            account=account, trigger=trigger, trigger_version=1, dedupe_key=str(n), severity="info",
            sentence=f"Signal {n}", occurred_at=timezone.now(),
        )
        for n in range(number)
    ]  # fmt: skip
    return list(Signal.objects.bulk_create(rows))


def people(tenant: Tenant) -> tuple[User, User]:
    return make_member(tenant, "csm", password=None).user, make_member(tenant, "marketer", password=None).user


def give(signals: list[Signal], to: User | None, by: User | None) -> None:
    act = Act(Action.ASSIGN, assignee=to.pk if to else None)
    signals_act(ids=[signal.pk for signal in signals], act=act, actor=ACTOR, user=by)


def send() -> list[StaffMail]:
    notices_send(timezone.now() + timedelta(minutes=2))
    return list(StaffMail.objects.order_by("email"))


def test_one_mail_tells_of_everything_within_a_minute(acme: Tenant) -> None:
    kim, robin = people(acme)
    with tenant_context(acme):
        signals = some(10)
        for signal in signals:
            give([signal], kim, by=robin)
        assert notices_send() == 0
        assert TenantWork.objects.filter(tenant=acme, queue=QUEUE).exists()
        assert backlog() is not None
        (mail,) = send()
        assert send() == [mail]
    assert (mail.email, mail.subject) == ("csm@acme.example", "10 signals assigned to you")
    assert "- Nord wind: Signal 9 (by test)" in mail.body
    assert "… and 2 more" in mail.body
    assert "/t/acme/signals/?assignee=me" in mail.body


def test_what_one_takes_oneself_or_is_dealt_with_or_given_on_is_no_news(acme: Tenant) -> None:
    kim, robin = people(acme)
    with tenant_context(acme):
        own, done, passed, taken, left = some(5)
        give([own], kim, by=kim)
        give([done, passed, taken, left], kim, by=None)
        signals_act(ids=[done.pk], act=Act(Action.RESOLVE), actor=ACTOR, user=kim)
        give([passed], robin, by=kim)
        give([taken], None, by=robin)
        first, second = send()
    assert (first.email, second.email) == ("csm@acme.example", "marketer@acme.example")
    assert [line for line in first.body.splitlines() if line.startswith("- ")] == ["- Nord wind: Signal 4 (by test)"]
    assert "Signal 2" in second.body


def test_many_given_by_a_filter_are_one_mail(acme: Tenant) -> None:
    kim, robin = people(acme)
    with tenant_context(acme):
        some(30)
        bulk_start(query=InboxQuery(), act=Act(Action.ASSIGN, assignee=kim.pk), actor=ACTOR, user=robin)
        (mail,) = send()
    assert mail.subject == "30 signals assigned to you"


def test_who_has_left_or_wants_none_is_not_written_to(acme: Tenant) -> None:
    kim, robin = people(acme)
    with tenant_context(acme):
        one, two = some(2)
        give([one], kim, by=robin)
        assignment_mail_wish(user=kim, wanted=False, actor=ACTOR)
        give([two], kim, by=robin)
        assert not AssignmentNotice.objects.exists()
        give([one], robin, by=kim)
        Membership.objects.filter(user=robin).update(is_active=False)
        assert send() == []


def test_the_wish_is_said_where_the_mail_leads_to(acme: Tenant, client: Client) -> None:
    kim, _ = people(acme)
    client.force_login(kim)
    for value, now, offered in (("0", "You are told by mail", "No such mail"), ("1", "You are not told", "Mail me")):
        page = client.get("/t/acme/signals/?assignee=me&whose=all").content.decode()
        assert now in page
        assert offered in page
        client.post("/t/acme/signals/mail/", {"mail": value})
    assert "No such mail" not in client.get("/t/acme/signals/").content.decode()


def test_a_stranger_changes_nothing_here(acme: Tenant, globex: Tenant, client: Client) -> None:
    client.force_login(people(globex)[0])
    assert client.post("/t/acme/signals/mail/", {"mail": "0"}).status_code == 404
