"""The ledger's types by SQL equal the definition, to the minor unit."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.accounts.models import Account
from hub.revenue.models import ContractLine, Movement, MovementKind, Product, Tier
from hub.revenue.movement_types import HeldLine, churn_type, contraction_types, expansion_types, holdings
from hub.revenue.services import churn_claim_upsert, invoice_upsert, months_refresh, movement_claim_upsert
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.world import make_account

THROUGH = date(2024, 12, 31)
RANKS = {("crm", "Basic"): 1, ("crm", "Pro"): 2, ("", "Basic"): 5, ("", "Pro"): 7}
LINES = st.lists(
    st.tuples(
        st.sampled_from(["", "crm", "mail"]),
        st.sampled_from(["", "Basic", "Pro", "Odd"]),
        st.none() | st.integers(0, 40),  # seats
        st.dates(date(2024, 1, 1), date(2024, 6, 30)),
        st.none() | st.integers(1, 200),  # days
        st.integers(0, 3000),  # MRR
    ),
    max_size=8,
)


def held(lines: list[ContractLine], day: date, *, latest: bool) -> list[HeldLine]:
    live = [x for x in lines if x.mrr_minor and x.starts_on <= day and (x.ends_on is None or day < x.ends_on)]
    if latest:
        live = sorted(live, key=lambda x: (x.starts_on, x.external_id))[-1:]
    return [
        HeldLine(x.external_id, x.product, x.tier, RANKS.get((x.product, x.tier)), x.seats or 0, x.mrr_minor)
        for x in live
    ]


def ends_of(month: date) -> tuple[date, date]:
    following = (month + timedelta(days=31)).replace(day=1)
    return month - timedelta(days=1), following - timedelta(days=1)


def ranked() -> None:
    for product in ("", "crm"):
        row = Product.objects.create(name=product)
        for (name, tier), rank in RANKS.items():
            if name == product:
                Tier.objects.create(product=row, name=tier, rank=rank)


@pytest.mark.slow
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=LINES)
def test_types_by_sql_equal_the_definition(
    acme: Tenant, rows: list[tuple[str, str, int | None, date, int | None, int]]
) -> None:
    with tenant_context(acme):
        account = make_account()
        if not Product.objects.exists():
            ranked()
        ContractLine.objects.all().delete()
        lines = [
            ContractLine(
                account=account,
                source="test",
                external_id=f"L{number}",
                product=product,
                tier=tier,
                seats=seats,
                starts_on=start,
                ends_on=None if days is None else start + timedelta(days=days),
                mrr_minor=mrr,
                currency="USD",
            )
            for number, (product, tier, seats, start, days, mrr) in enumerate(rows)
        ]
        ContractLine.objects.bulk_create(lines)
        months_refresh([account.pk], through=THROUGH)
        for overlap in ("sum", "latest"):
            stored: dict[tuple[date, str], dict[str, int]] = defaultdict(dict)
            for row in Movement.objects.filter(overlap=overlap, kind__in=["expansion", "contraction"]):
                stored[row.month, row.kind][row.type] = row.amount_minor
            for (month, kind), types in stored.items():
                before, after = (holdings(held(lines, day, latest=overlap == "latest")) for day in ends_of(month))
                defined = expansion_types if kind == MovementKind.EXPANSION else contraction_types
                assert types == {str(name): amount for name, amount in defined(before, after).items()}


def line(account: Account, **fields: object) -> ContractLine:
    values = {"starts_on": date(2024, 1, 1), "mrr_minor": 1000, "currency": "USD", "source": "t"} | fields
    row: ContractLine = ContractLine.objects.create(account=account, **values)
    return row


def movement(account: Account, kind: str) -> list[tuple[str, str, int]]:
    months_refresh([account.pk], through=THROUGH)
    rows = Movement.objects.filter(account=account, kind=kind, overlap="sum").order_by("month", "type")
    return [(row.type, row.type_source, row.amount_minor) for row in rows]


def test_the_word_of_a_source_wins_and_is_shown_as_given(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        line(account, external_id="a")
        line(account, external_id="b", starts_on=date(2024, 3, 5), mrr_minor=500)
        assert movement(account, "expansion") == [("price", "", 500)]
        said = {"month": date(2024, 3, 9), "kind": "expansion", "type": "seat pack"}
        movement_claim_upsert(source="billing", external_id="m", account=account, fields=said)
        assert movement(account, "expansion") == [("seat pack", "billing", 500)]


def test_churn_is_involuntary_for_a_failed_payment_and_else_what_the_cause_says(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        line(account, external_id="a", ends_on=date(2024, 5, 20))
        assert movement(account, "churn") == [("unknown", "", 1000)]
        claim = {"claimed_on": date(2024, 5, 20), "reason": "competitor"}
        churn_claim_upsert(source="crm", external_id="c", account=account, fields=claim)
        assert movement(account, "churn") == [("voluntary", "crm", 1000)]
        unpaid = {"total_minor": 9, "currency": "USD", "issued_on": date(2024, 5, 28), "status": "open", "attempts": 3}
        invoice_upsert(source="stripe", external_id="i", account=account, fields=unpaid)
        assert movement(account, "churn") == [("involuntary", "stripe", 1000)]
        invoice_upsert(source="stripe", external_id="i", account=account, fields={"status": "paid"})
        assert movement(account, "churn") == [("voluntary", "crm", 1000)]
        churn_claim_upsert(source="crm", external_id="c", account=account, fields={"churn_type": "involuntary"})
        assert movement(account, "churn") == [("involuntary", "crm", 1000)]
        assert churn_type(said_by_source=None, last_open_cause="competitor") == "voluntary"


def test_an_old_cause_does_not_explain_a_later_churn(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        line(account, external_id="a", ends_on=date(2024, 11, 20))
        claim = {"claimed_on": date(2024, 2, 20), "reason": "payment_failure"}
        churn_claim_upsert(source="crm", external_id="c", account=account, fields=claim)
        assert movement(account, "churn") == [("unknown", "", 1000)]
