"""A tenant made by the command works from its first signal on."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from hub.registry.handlers import Handler, tenant_made
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.models import Journey
from signals.models import Trigger

pytestmark = pytest.mark.django_db


def test_a_new_tenant_has_the_shipped_triggers_and_journeys_that_run() -> None:
    call_command("create_tenant", "fresh", name="Fresh", timezone="Europe/Berlin")
    with tenant_context(Tenant.objects.get(slug="fresh")):
        assert set(Trigger.objects.values_list("key", flat=True)) >= {
            "milestone-reached",
            "qbr-expansion",
            "usage-decline",
        }
        running = Journey.objects.filter(status="active", live=1)
        assert set(running.values_list("key", flat=True)) >= {"activation", "upsell", "save"}


def test_a_tenant_that_cannot_be_set_up_is_not_made_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise CommandError("no")

    monkeypatch.setattr(tenant_made.handlers, "_items", {"broken": Handler("broken", fail)})
    monkeypatch.setattr(tenant_made.handlers, "_sorted", None)
    with pytest.raises(CommandError):
        call_command("create_tenant", "half", name="Half")
    assert not Tenant.objects.filter(slug="half").exists()
