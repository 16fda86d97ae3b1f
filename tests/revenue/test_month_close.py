"""Time passes without a write, and months follow all the same."""

from __future__ import annotations

from datetime import date

import pytest
import time_machine

from hub.revenue.models import AccountMonth, MonthClose, Movement
from hub.revenue.services import contract_line_upsert
from hub.revenue.services.recount import backlog, drain
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.world import make_account

pytestmark = pytest.mark.django_db


def line(name: str, **fields: object) -> None:
    given = {"mrr_minor": 1000, "starts_on": date(2025, 1, 1), **fields}
    contract_line_upsert(source="t", external_id=name, account=make_account(name), fields=given)


def months_of(name: str) -> list[date]:
    rows = AccountMonth.objects.filter(account__name=name, overlap="sum").order_by("-month")
    return list(rows.values_list("month", flat=True))


def test_a_month_that_ends_is_counted_for_everybody_once(acme: Tenant) -> None:
    with time_machine.travel("2026-02-10T12:00:00Z", tick=False):
        with tenant_context(acme):
            line("Stays")
            line("Leaves", ends_on=date(2026, 2, 20))
        assert drain(acme.pk) is None
        with tenant_context(acme):
            assert months_of("Stays")[0] == months_of("Leaves")[0] == date(2026, 1, 1)
            assert backlog() is None
    with time_machine.travel("2026-03-01T00:30:00Z", tick=False):
        with tenant_context(acme):
            line("New", starts_on=date(2026, 2, 5))  # its own months are there before anybody closes the month
            assert backlog() is not None
        drain(acme.pk)
        with tenant_context(acme):
            assert months_of("Stays")[0] == months_of("New")[0] == date(2026, 2, 1)
            churn = Movement.objects.get(kind="churn", overlap="sum")
            assert (churn.account.name, churn.month) == ("Leaves", date(2026, 2, 1))
            assert backlog() is None
            assert MonthClose.objects.count() == 2


def test_the_month_ends_when_the_tenants_day_does(acme: Tenant) -> None:
    Tenant.objects.filter(pk=acme.pk).update(timezone="America/Los_Angeles")
    with time_machine.travel("2026-02-10T12:00:00Z", tick=False):
        with tenant_context(acme):
            line("West")
        drain(acme.pk)
    with time_machine.travel("2026-03-01T05:00:00Z", tick=False), tenant_context(acme):
        assert backlog() is None, "it is still the last of February there"
    with time_machine.travel("2026-03-01T09:00:00Z", tick=False), tenant_context(acme):
        assert backlog() is not None
