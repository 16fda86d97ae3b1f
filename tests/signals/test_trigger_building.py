"""Triggers that people build: the form, versions, two at once, switching, and what reaches many accounts at once."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hub.accounts.facts import today_of
from hub.accounts.models import Account
from hub.people.models import AuditEvent
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant, TenantWork
from signals import close
from signals.engine import evaluate_accounts, evaluate_batch
from signals.models import DayClose, Signal, Trigger, TriggerState, TriggerVersion
from signals.triggers.services import stamp_of, trigger_change, trigger_create, trigger_switch
from tests.shell.staff import HTMX, staff
from tests.world import ACTOR, make_account

PAGE_QUERIES = 15
NEW = "/t/acme/signals/triggers/new/"
SETTINGS: dict[str, Any] = {"name": "Many seats", "family": "usage", "severity": "warning", "cooldown_days": "7"}
MANY_SEATS: dict[str, Any] = {"fact": "seats", "op": "gt", "value": "10"}


def seats(least: int) -> dict[str, Any]:
    return {"all": [{"fact": "seats", "op": "gt", "value": least}]}


def built(tenant: Tenant, least: int = 100, key: str = "many") -> Trigger:
    with tenant_context(tenant):
        return trigger_create(
            name="Many seats",
            family="usage",
            severity="warning",
            cooldown_days=0,
            rule=seats(least),
            key=key,
            actor=ACTOR,
        )


def accounts(tenant: Tenant, many: int, of: int) -> None:
    with tenant_context(tenant):
        ids = [make_account(f"A{n:03}", seats=50 if n < many else 1).pk for n in range(of)]
        evaluate_accounts(tenant, ids)


def url(trigger: Trigger, what: str = "edit") -> str:
    return f"/t/acme/signals/triggers/{trigger.pk}/{what}/"


def edit(client: Client, trigger: Trigger, least: int, **more: Any) -> Any:
    fields = {
        **SETTINGS,
        "cooldown_days": "0",
        "fact": "seats",
        "op": "gt",
        "value": str(least),
        "seen": stamp_of(trigger),
    }
    return client.post(url(trigger), fields | more)


def test_a_trigger_is_made_in_the_form_and_fires_for_what_becomes_true_after(acme: Tenant) -> None:
    with tenant_context(acme):
        already, later = make_account("Already", seats=20), make_account("Later", seats=5)
    answer = staff(acme, "marketer").post(NEW, SETTINGS | MANY_SEATS | {"save": "1"})
    assert answer.status_code == 302
    with tenant_context(acme):
        trigger = Trigger.objects.get(key="many-seats")
        assert (trigger.kind, trigger.rule, trigger.cooldown_days) == ("computed", seats(10), 7)
        assert AuditEvent.objects.get(action="trigger.create").object_id == str(trigger.pk)
        evaluate_accounts(acme, [already.pk, later.pk])
        later.seats = 30
        later.save()
        evaluate_accounts(acme, [already.pk, later.pk])
        assert [s.account_id for s in Signal.objects.filter(trigger=trigger)] == [later.pk]
    page = staff(acme, "admin").get(f"/t/acme/signals/triggers/{trigger.pk}/").text
    assert "When seats is more than 10." in page
    assert "by marketer@acme.example" in page


def test_names_may_repeat_and_keys_do_not(acme: Tenant) -> None:
    client = staff(acme)
    for name in ("Many seats", "Many seats", "多"):
        assert client.post(NEW, SETTINGS | MANY_SEATS | {"name": name}).status_code == 302
    with tenant_context(acme):
        assert set(Trigger.objects.values_list("key", flat=True)) >= {"many-seats", "many-seats-2", "trigger"}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"name": ""}, "Give the trigger a name"),
        ({"cooldown_days": "-1"}, "greater than or equal to 0"),
        ({"fact": ""}, "Choose at least one condition"),
        ({"value": "many"}, "Expected a number such as 12.5"),
        ({"fact": "uses", "with2": "9999"}, "whole number of days from 1 to 730"),
        ({"fact": "signals", "with1": "nobody"}, "There is no trigger nobody"),
        ({"running": "3"}, "Seats keeps no past"),
        ({"rule_text": "{"}, "This is not JSON"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(acme: Tenant, wrong: dict[str, str], told: str) -> None:
    answer = staff(acme).post(NEW, SETTINGS | MANY_SEATS | {"family": "kept-family"} | wrong)
    assert answer.status_code == 422
    assert told in answer.text
    assert "kept-family" in answer.text
    with tenant_context(acme):
        assert not Trigger.objects.filter(family="kept-family").exists()


def test_the_form_s_own_buttons_save_nothing(acme: Tenant) -> None:
    client = staff(acme)
    for button, rows in (({"add": ""}, 2), ({"add": "group"}, 2), ({"remove": "0"}, 1), ({"look": "1"}, 1)):
        page = client.post(NEW, SETTINGS | MANY_SEATS | button)
        assert page.status_code == 200
        assert page.text.count("data-filter-row>") == rows
        assert 'value="Many seats"' in page.text
    counted = client.post(NEW, SETTINGS | MANY_SEATS | {"count": "1"}).text
    assert "Matches 0 accounts now" in counted
    with tenant_context(acme):
        assert not Trigger.objects.filter(key="many-seats").exists()


def test_an_edit_is_the_next_version_and_the_same_again_is_none(acme: Tenant) -> None:
    trigger, client = built(acme), staff(acme)
    assert edit(client, trigger, 200).status_code == 302
    with tenant_context(acme):
        trigger.refresh_from_db()
        assert (trigger.version, trigger.rule) == (2, seats(200))
    assert edit(client, trigger, 200, name="Very many seats").status_code == 302
    with tenant_context(acme):
        trigger.refresh_from_db()
        assert (trigger.version, trigger.name) == (2, "Very many seats")
        assert AuditEvent.objects.get(action="trigger.change").changes["after"] == {"name": "Very many seats"}


def test_opening_and_saving_a_shipped_trigger_changes_nothing(acme: Tenant) -> None:
    """Whatever the form makes of a shipped rule, it is the same rule when it comes back untouched."""
    from signals.triggers.page import standing
    from signals.triggers.services import SETTINGS as NAMES

    client = staff(acme)
    with tenant_context(acme):
        triggers = list(Trigger.objects.order_by("key"))
        shown = {trigger.pk: standing(trigger, acme) for trigger in triggers}
    for trigger in triggers:
        draft = shown[trigger.pk].draft
        assert client.get(url(trigger)).status_code == 200
        fields: dict[str, Any] = {name: str(getattr(trigger, name)) for name in NAMES} | {"seen": stamp_of(trigger)}
        if draft.text is not None:
            fields["rule_text"] = draft.text
        else:
            fields |= {"match": draft.match, "running_all": draft.running}
            for name in ("fact", "op", "value", "second", "sense", "running", "group"):
                fields[name] = [getattr(row, name) for row in draft.rows]
            for place in range(3):
                fields[f"with{place + 1}"] = [(*row.arguments, "", "", "")[place] for row in draft.rows]
            fields |= {"group_id": [g.id for g in draft.groups], "group_match": [g.match for g in draft.groups]}
        answer = client.post(url(trigger), fields)
        assert answer.status_code == 302, trigger.key
    with tenant_context(acme):
        assert set(Trigger.objects.values_list("version", flat=True)) == {1}


def test_of_two_who_edit_at_once_the_second_is_told_and_keeps_what_they_typed(acme: Tenant) -> None:
    trigger, client = built(acme), staff(acme)
    seen = stamp_of(trigger)
    assert edit(client, trigger, 200, seen=seen).status_code == 302
    second = edit(client, trigger, 300, seen=seen)
    assert second.status_code == 409
    assert "Somebody else has changed this trigger" in second.text
    assert 'value="300"' in second.text
    assert edit(client, trigger, 300, seen=seen).status_code == 409
    assert edit(client, trigger, 300, seen="").status_code == 409
    with tenant_context(acme):
        trigger.refresh_from_db()
        assert trigger.rule == seats(200)


def test_an_edit_that_reaches_forty_percent_is_held_with_the_list_until_it_is_confirmed(acme: Tenant) -> None:
    accounts(acme, 12, 30)
    trigger, client = built(acme), staff(acme)
    held = edit(client, trigger, 10)
    assert held.status_code == 409
    assert "It becomes true of 12 of 30 accounts at once" in held.text
    assert "A011" in held.text
    with tenant_context(acme):
        assert Trigger.objects.get(pk=trigger.pk).version == 1
    # A confirmation is of the rule that was shown, not of whatever stands in the form now.
    assert edit(client, trigger, 20, confirm=json.dumps(seats(10), separators=(",", ":"))).status_code == 409
    assert edit(client, trigger, 10, confirm=json.dumps(seats(10), separators=(",", ":"))).status_code == 302
    with tenant_context(acme):
        evaluate_accounts(acme, list(Account.objects.values_list("pk", flat=True)))
        assert not Signal.objects.filter(trigger=trigger).exists()
        assert TriggerState.objects.filter(trigger=trigger, is_true=True, baseline=True).count() == 12


def test_switching_on_is_held_alike_and_fires_nothing_for_what_became_true_meanwhile(acme: Tenant) -> None:
    trigger, client = built(acme, 10), staff(acme)
    accounts(acme, 0, 30)
    assert client.post(url(trigger, "switch"), {"on": "0"}).status_code == 302
    with tenant_context(acme):
        changed = list(Account.objects.order_by("pk").values_list("pk", flat=True)[:12])
        Account.objects.filter(pk__in=changed).update(seats=50)
        evaluate_accounts(acme, changed)
    held = client.post(url(trigger, "switch"), {"on": "1"})
    assert held.status_code == 409
    assert "It becomes true of 12 of 30 accounts at once" in held.text
    assert client.post(url(trigger, "switch"), {"on": "1", "confirm": "1"}).status_code == 302
    with tenant_context(acme):
        evaluate_accounts(acme, changed)
        trigger.refresh_from_db()
        assert trigger.is_active
        assert not Signal.objects.filter(trigger=trigger).exists()
        assert set(AuditEvent.objects.values_list("action", flat=True)) >= {"trigger.off", "trigger.on"}


def test_an_earlier_version_comes_back_as_the_next_one(acme: Tenant) -> None:
    trigger, client = built(acme), staff(acme)
    edit(client, trigger, 200)
    assert client.post(url(trigger, "restore"), {"version": "1"}).status_code == 302
    with tenant_context(acme):
        trigger.refresh_from_db()
        assert (trigger.version, trigger.rule) == (3, seats(100))
        kept = TriggerVersion.objects.filter(trigger=trigger).order_by("version")
        assert [version.rule for version in kept] == [seats(100), seats(200), seats(100)]
    missing = client.post(url(trigger, "restore"), {"version": "9"}, follow=True)
    assert "There is no such version" in missing.text


def test_every_account_is_looked_at_again_soon_after_an_edit(acme: Tenant) -> None:
    """Else the next event would be the first sight of the new rule, and its signal lost."""
    trigger = built(acme)
    with tenant_context(acme):
        account = make_account("Ash", seats=5)
        DayClose.objects.create(day=today_of(acme), after=account.pk, done_at=timezone.now())
        trigger_change(trigger=trigger, rule=seats(10), actor=ACTOR)
        assert TenantWork.objects.filter(queue=close.QUEUE, next_due_at__lte=timezone.now()).exists()
        while close.close_batch(DayClose.objects.get()):
            pass
        evaluate_batch(acme)
        account.seats = 20
        account.save()
        evaluate_accounts(acme, [account.pk], now=timezone.now() + timedelta(seconds=1))
        assert Signal.objects.filter(trigger=trigger).count() == 1


def test_the_count_beside_the_form_follows_what_is_typed(acme: Tenant) -> None:
    accounts(acme, 3, 5)
    client, path = staff(acme), "/t/acme/signals/triggers/try/"
    told = client.post(path, MANY_SEATS, headers=HTMX).text
    assert "Matches 3 accounts now" in told
    assert "seats keeps no past" in told
    assert "accounts/?rule=" in told
    half = client.post(path, {"fact": "seats", "op": "gt", "value": ""}, headers=HTMX)
    assert half.status_code == 200
    assert "A condition is not finished yet" in half.text
    assert "Once a condition is chosen" in client.post(path, headers=HTMX).text
    past = client.post(path, {"fact": "uses", "op": "gte", "value": "5", "with2": "7"}, headers=HTMX).text
    assert "Would have fired 0 times" in past


def test_leaders_see_triggers_and_edit_none(acme: Tenant) -> None:
    trigger, client = built(acme), staff(acme, "leader")
    page = client.get(f"/t/acme/signals/triggers/{trigger.pk}/").text
    assert "Switch off" not in page
    assert client.get(url(trigger)).status_code == 403
    assert client.post(NEW, SETTINGS | MANY_SEATS).status_code == 403


def test_switching_twice_is_once(acme: Tenant) -> None:
    trigger = built(acme)
    with tenant_context(acme):
        for on in (False, False, True, True):
            trigger = trigger_switch(trigger=trigger, is_active=on, actor=ACTOR)
        assert trigger.version == 2
        assert AuditEvent.objects.filter(action__in=["trigger.on", "trigger.off"]).count() == 2


@pytest.mark.parametrize("count", [1, 20])
def test_a_trigger_s_page_asks_as_often_for_twenty_versions_as_for_one(
    acme: Tenant, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    trigger, client = built(acme), staff(acme, "admin")
    with tenant_context(acme):
        for least in range(1, count):
            trigger_change(trigger=trigger, rule=seats(200 + least), actor=ACTOR)
    path = f"/t/acme/signals/triggers/{trigger.pk}/"
    client.get(path)
    with django_assert_num_queries(PAGE_QUERIES):
        client.get(path)
