"""What Stripe charges by use: nothing until a period was billed, then what it was billed, until the next bill."""

from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.ingest.connectors.stripe.metered import Bill, bills_of, rate
from hub.ingest.models import HookEndpoint
from hub.revenue.models import ContractLine
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.ingest.hooks import states, stripe_event, take
from tests.ingest.test_connectors import APR, CUSTOMER, FEB, JAN, MAR, make, subscription

pytestmark = pytest.mark.django_db(transaction=True)

METERED = {"recurring": {"interval": "month", "interval_count": 1, "usage_type": "metered"}}


@pytest.fixture
def stripe(acme: Tenant) -> HookEndpoint:
    to = make(acme, "stripe", makes_accounts=True)
    take(acme, to, stripe_event("customer.created", CUSTOMER, at=JAN))
    return to


def bill(name: str, start: int, end: int, *amounts: int, status: str = "paid", at: int = 0, **more: Any) -> Any:
    lines = [
        {
            "amount": amount, "currency": "usd", "period": {"start": start, "end": end}, "proration": False,
            "subscription": "sub_1", "subscription_item": "si_1", "price": METERED, **more,
        }
        for amount in amounts
    ]  # fmt: skip
    thing = {
        "id": name, "customer": "cus_1", "currency": "usd", "total": sum(amounts), "created": end, "status": status,
        "lines": {"data": lines},
    }  # fmt: skip
    return stripe_event("invoice.updated", thing, at=at or end + 60)


def lines(tenant: Tenant) -> list[tuple[Any, ...]]:
    with tenant_context(tenant):
        rows = ContractLine.objects.order_by("external_id")
        return [(str(row.starts_on), str(row.ends_on or ""), row.mrr_minor, row.billing_period) for row in rows]


def test_use_counts_as_it_was_billed_last(acme: Tenant, stripe: HookEndpoint) -> None:
    calls = take(
        acme,
        stripe,
        subscription(JAN, None, price=METERED, kind="created"),  # type: ignore[arg-type]  # metered has none
        # Two tiers of one period, a draft that is not final, and the period after.
        bill("in_1", JAN, FEB, 3000, 1200),
        bill("in_2", FEB, MAR, 9900, status="draft", at=MAR),
        bill("in_2", FEB, MAR, 5000),
    )
    assert set(states(calls)) == {"applied"}
    assert lines(acme) == [
        ("2026-01-01", "2026-02-01", 0, "month by use"),
        ("2026-02-01", "2026-03-01", 4200, "month by use"),
        ("2026-03-01", "", 5000, "month by use"),
    ]


def test_a_bill_that_becomes_void_takes_back_what_it_said(acme: Tenant, stripe: HookEndpoint) -> None:
    take(acme, stripe, subscription(JAN, price=METERED), bill("in_1", JAN, FEB, 3000), bill("in_2", FEB, MAR, 8000))
    assert [line[2] for line in lines(acme)] == [0, 3000, 8000]
    take(acme, stripe, bill("in_2", FEB, MAR, 8000, status="void", at=APR))
    assert [line[2] for line in lines(acme)] == [0, 3000]


def test_a_bill_before_its_subscription_waits_and_an_end_ends_it(acme: Tenant, stripe: HookEndpoint) -> None:
    take(acme, stripe, bill("in_1", JAN, FEB, 3000))
    assert lines(acme) == []
    take(acme, stripe, subscription(JAN, price=METERED))
    gone = subscription(MAR, price=METERED, status="canceled", kind="deleted", ended_at=MAR)
    take(acme, stripe, gone, bill("in_2", FEB, MAR, 7000))
    assert lines(acme) == [
        ("2026-01-01", "2026-02-01", 0, "month by use"),
        ("2026-02-01", "2026-03-01", 3000, "month by use"),
    ]


def test_the_form_of_2025_and_discounts_and_what_does_not_count(acme: Tenant, stripe: HookEndpoint) -> None:
    newer: dict[str, Any] = {"subscription": "", "subscription_item": "", "price": None, "parent": {
        "type": "subscription_item_details",
        "subscription_item_details": {"subscription": "sub_1", "subscription_item": "si_1", "proration": False},
    }}  # fmt: skip
    licensed: dict[str, Any] = {"subscription_item": "si_2", "price": {"recurring": {"usage_type": "licensed"}}}
    take(
        acme,
        stripe,
        subscription(JAN, price=METERED),
        bill("in_1", JAN, FEB, 3000, discount_amounts=[{"amount": 500}], **newer),
        bill("in_2", FEB, MAR, 3000, **licensed),
        bill("in_3", FEB, MAR, 3000, proration=True),
    )
    assert [line[2] for line in lines(acme)] == [0, 2500]


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("start", "end", "months", "expected"),
    [
        ("2026-01-01", "2026-02-01", 1, 3000),
        ("2026-02-01", "2026-03-01", 1, 3000),
        ("2024-01-01", "2025-01-01", 12, 250),
        ("2026-01-01", "2026-04-01", 3, 1000),
        # The first ten days of a period: 365/12 days are a month.
        ("2026-01-01", "2026-01-11", 1, 9125),
    ],
)
def test_a_bill_counts_by_the_month(start: str, end: str, months: int, expected: int) -> None:
    bills = [Bill("si_1", day(start), day(end), Fraction(3000))]
    assert rate(bills, "si_1", Fraction(months), day(end)) == expected
    assert rate(bills, "si_1", Fraction(months), day(start)) == 0
    assert rate(bills, "si_2", Fraction(months), day(end)) == 0


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(0, 1000), st.booleans()), min_size=1, max_size=12
    ),
    st.randoms(use_true_random=False),
)
def test_the_last_word_on_an_invoice_stands_and_lines_of_a_period_add_up(
    said: list[tuple[int, int, int, bool]], chance: Any
) -> None:
    history: list[tuple[Any, dict[str, Any]]] = []
    expected: dict[int, tuple[int, int]] = {}
    for number, (invoice, period, amount, stands) in enumerate(said):
        span = {"from": f"2026-0{period + 1}-01", "to": f"2026-0{period + 2}-01"}
        entries = [{"item": "si_1", "amount": str(amount), **span}] if stands else []
        history.append((datetime(2026, 1, 1, 0, number, tzinfo=UTC), {f"billed:in_{invoice}": entries}))
        expected.pop(invoice, None)
        if stands:
            expected[invoice] = (period, amount)
    sums: dict[int, int] = {}
    for period, amount in expected.values():
        sums[period] = sums.get(period, 0) + amount
    assert {bill.start.month - 1: bill.amount for bill in bills_of(history)} == sums
