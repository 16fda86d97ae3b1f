"""What an account owes as facts that rules read: late invoices, and payments that failed and were not made good."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from hub.accounts.facts import facts_refresh
from hub.accounts.models import Account
from hub.registry.facts import known_facts
from hub.revenue.models import BillingStanding, Invoice
from hub.revenue.services import invoice_upsert, payment_upsert
from hub.rules.compile import Clock, compile_sql
from hub.rules.language import parse
from hub.rules.reading import read_rule
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.world import make_account

pytestmark = pytest.mark.django_db

TODAY = date(2026, 6, 10)
CLOCK = Clock(timezone.now(), TODAY)
NAMES = ("days_overdue", "overdue_invoices", "payment_failed_on")


def bill(account: Account, name: str = "i1", **fields: Any) -> Invoice:
    given = {"total_minor": 500, "currency": "USD", "issued_on": date(2026, 5, 1), "status": "open", **fields}
    return invoice_upsert(source="t", external_id=name, account=account, fields=given)[0]


def paid(account: Account, status: str, day: int, invoice: Invoice | None = None) -> None:
    at = datetime(2026, 6, day, 23, 30, tzinfo=UTC)
    fields = {"status": status, "amount_minor": 500, "currency": "USD", "occurred_at": at, "invoice": invoice}
    payment_upsert(source="t", external_id=f"{status}{day}", account=account, fields=fields)


def standing(account: Account, today: date = TODAY) -> tuple[Any, ...]:
    facts_refresh([account.pk], today=today)
    always = parse({"all": []}, known_facts())
    (reading,) = read_rule(always, [account.pk], CLOCK, tells={name: known_facts()[name] for name in NAMES})
    return tuple(reading.values[name] for name in NAMES)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"due_on": date(2026, 6, 9)}, (1, 1)),
        ({"due_on": date(2026, 6, 10)}, (None, None)),
        ({"due_on": date(2026, 5, 31), "paid_minor": 499}, (10, 1)),
        ({"due_on": date(2026, 5, 31), "paid_minor": 500}, (None, None)),
        ({"due_on": date(2026, 5, 31), "status": "paid"}, (None, None)),
        ({"due_on": date(2026, 5, 31), "status": "void"}, (None, None)),
        ({"due_on": date(2026, 5, 31), "status": "draft"}, (None, None)),
        ({"due_on": date(2026, 5, 31), "status": "uncollectible"}, (None, None)),
        # Charged automatically: no due day, late since it was issued once a charge has failed.
        ({"attempts": 0}, (None, None)),
        ({"attempts": 1}, (40, 1)),
    ],
)
def test_an_open_invoice_is_overdue_from_the_day_after_it_was_due(
    acme: Tenant, fields: dict[str, Any], expected: tuple[int | None, int | None]
) -> None:
    with tenant_context(acme):
        account = make_account()
        bill(account, **fields)
        assert standing(account)[:2] == expected


def test_the_oldest_counts_and_a_day_later_it_is_a_day_more(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        bill(account, "i1", due_on=date(2026, 6, 1))
        bill(account, "i2", due_on=date(2026, 5, 20))
        assert standing(account) == (21, 2, None)
        assert standing(account, date(2026, 6, 11)) == (22, 2, None)
        bill(account, "i2", status="paid")
        assert standing(account) == (9, 1, None)
        bill(account, "i1", status="void")
        assert standing(account) == (None, None, None)
        assert not BillingStanding.objects.exists()


def test_a_failed_payment_stands_until_it_is_made_good(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        paid(account, "failed", 3)
        assert standing(account)[2] == date(2026, 6, 3)
        paid(account, "failed", 5)
        assert standing(account)[2] == date(2026, 6, 5)
        paid(account, "succeeded", 4)
        assert standing(account)[2] == date(2026, 6, 5)
        paid(account, "succeeded", 6)
        assert standing(account)[2] is None


def test_what_was_paid_for_another_invoice_makes_nothing_good(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        one, other = bill(account, "i1"), bill(account, "i2")
        paid(account, "failed", 3, one)
        paid(account, "succeeded", 4, other)
        assert standing(account)[2] == date(2026, 6, 3)
        bill(account, "i1", status="paid")
        assert standing(account)[2] is None


def test_a_rule_finds_who_owes_among_all_and_leaves_out_who_does_not(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(globex):
        stranger = make_account("Stranger")
        bill(stranger, due_on=date(2026, 1, 1))
        facts_refresh([stranger.pk], today=TODAY)
    with tenant_context(acme):
        late, fine = make_account("Late"), make_account("Fine")
        bill(late, due_on=date(2026, 5, 1))
        facts_refresh([late.pk, fine.pk], today=TODAY)
        rule = parse({"fact": "days_overdue", "op": "gt", "value": 30}, known_facts())
        condition, params = compile_sql(rule, CLOCK, searching=True)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT a.id FROM accounts_account a WHERE {condition}", params)
            assert cursor.fetchall() == [(late.pk,)]
