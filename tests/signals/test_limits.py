"""What one account, one program or one tenant does holds nobody else up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from hub.accounts.facts import facts_refresh
from hub.accounts.models import AccountState, Change
from hub.accounts.services import facts_touch
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals import engine
from signals.draining import drain
from signals.models import Signal, Trigger
from signals.services import signal_report
from signals.triggers import services
from signals.triggers.services import trigger_create, trigger_switch
from tests.world import ACTOR, make_account, make_member

pytestmark = pytest.mark.django_db
RULE = {"fact": "seats", "op": "gte", "value": 10}


def failing(monkeypatch: pytest.MonkeyPatch, bad: UUID, error: Exception) -> None:

    def refuse(account_ids: Sequence[UUID], **given: Any) -> None:
        if bad in account_ids:
            raise error
        facts_refresh(account_ids, **given)

    monkeypatch.setattr(engine, "facts_refresh", refuse)


def test_an_account_that_cannot_be_evaluated_holds_no_other_up(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    with tenant_context(acme):
        first, bad, last = (make_account(name) for name in ("First", "Bad", "Last"))
        facts_touch([first.pk, bad.pk, last.pk])
    with monkeypatch.context() as patched:
        failing(patched, bad.pk, ValueError("no number"))
        due = drain(acme.pk)
    assert due is not None
    assert due > timezone.now() + timedelta(minutes=4)
    with tenant_context(acme):
        waiting = AccountState.objects.filter(dirty_at__isnull=False).values_list("account_id", flat=True)
        assert list(waiting) == [bad.pk]
        # The next thing that happens to it is looked at at once.
        facts_touch([bad.pk])
    assert drain(acme.pk) is None


def test_a_database_that_is_away_puts_no_account_off(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    with tenant_context(acme):
        account = make_account()
        facts_touch([account.pk])
        before = AccountState.objects.get(account=account).dirty_at
    failing(monkeypatch, account.pk, OperationalError("away"))
    with pytest.raises(OperationalError):
        drain(acme.pk)
    with tenant_context(acme):
        assert AccountState.objects.get(account=account).dirty_at == before


def test_no_more_triggers_are_on_than_an_evaluation_can_ask(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {"family": "usage", "severity": "info", "cooldown_days": 0, "rule": RULE, "actor": ACTOR}
    with tenant_context(acme):
        monkeypatch.setattr(services, "MOST", Trigger.objects.filter(is_active=True).count() + 1)
        made = trigger_create(name="One more", **given)
        with pytest.raises(ValidationError, match="switch one off first"):
            trigger_create(name="Too many", **given)
        trigger_switch(trigger=made, is_active=False, actor=ACTOR)
        trigger_create(name="In its place", **given)
        with pytest.raises(ValidationError, match="switch one off first"):
            trigger_switch(trigger=made, is_active=True, actor=ACTOR)
    client = Client()
    client.force_login(make_member(acme, "admin", password=None).user)
    page = client.post(f"/t/acme/signals/triggers/{made.pk}/switch/", {"on": "1"}, follow=True)
    assert "stays off" in page.text


def test_what_is_reported_from_years_ahead_lies_minutes_ahead(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        told: dict[str, Any] = {"account_id": account.pk, "source": "x", "external_id": "1", "text": "Odd", "data": {}}
        assert signal_report(occurred_at=timezone.now() + timedelta(days=900), **told)
        latest = timezone.now() + timedelta(minutes=5)
        assert Change.objects.get().occurred_at <= latest
        while engine.evaluate_batch(acme):
            pass
        assert Signal.objects.get(trigger__key="reported").occurred_at <= latest
