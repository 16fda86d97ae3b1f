"""The clock wakes whoever is due, and asks nobody twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config import clock
from hub.tenancy import tasks
from hub.tenancy.models import Tenant, TenantWork

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    told: list[tuple[str, ...]] = []
    monkeypatch.setattr(tasks.drain, "apply_async", lambda arguments, **options: told.append(arguments))
    return told


def test_what_is_due_is_woken_and_what_is_not_rests(acme: Tenant, globex: Tenant, sent: list[tuple[str, ...]]) -> None:
    now = timezone.now()
    TenantWork.objects.create(tenant=acme, queue="send", next_due_at=now - timedelta(seconds=1))
    TenantWork.objects.create(tenant=acme, queue="journeys", next_due_at=now + timedelta(seconds=1))
    TenantWork.objects.create(tenant=acme, queue="bulk", next_due_at=None)
    Tenant.objects.filter(pk=globex.pk).update(is_active=False)
    TenantWork.objects.create(tenant=globex, queue="send", next_due_at=now)
    assert clock.wake_due(now) == 1
    assert sent == [(str(acme.id), "send")]


def test_who_was_asked_is_not_asked_again_until_the_asking_counts_as_lost(
    acme: Tenant, sent: list[tuple[str, ...]]
) -> None:
    now = timezone.now()
    TenantWork.objects.create(tenant=acme, queue="send", next_due_at=now, queued_at=now - timedelta(seconds=2))
    with CaptureQueriesContext(connection) as asked:
        assert clock.wake_due(now) == 0
    assert len(asked) == 1
    TenantWork.objects.update(queued_at=now - timedelta(seconds=20))
    assert clock.wake_due(now) == 1
    assert len(sent) == 1
