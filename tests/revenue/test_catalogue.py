"""Products, tiers and rates: what is set up changes what is counted, in the background and for good."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.accounts.models import Account
from hub.people.models import AuditEvent
from hub.revenue.currency import CurrencyError, check_known, converted
from hub.revenue.models import AccountMonth, ContractLine, Movement, RevenueRecount, Tier
from hub.revenue.selectors import Capacity, capacities
from hub.revenue.services import (
    Allowance,
    CatalogueError,
    contract_line_upsert,
    entitlement_put,
    fx_rate_put,
    fx_rate_remove,
    home_values,
    ranks_set,
)
from hub.revenue.services.recount import backlog, drain
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.rest.test_rest import api_of, check_problem
from tests.shell.staff import staff
from tests.world import ACTOR, make_account

pytestmark = pytest.mark.django_db


def line(account: Account, external_id: str, **fields: Any) -> ContractLine:
    given = {"mrr_minor": 1000, "starts_on": date(2024, 1, 1), **fields}
    return contract_line_upsert(source="t", external_id=external_id, account=account, fields=given)[0]


def types(account: Account) -> list[tuple[str, int]]:
    rows = Movement.objects.filter(account=account, kind="expansion", overlap="sum").order_by("type")
    return [(row.type, row.amount_minor) for row in rows]


def test_ranks_make_an_upgrade_of_what_was_a_price(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        line(account, "a", product="crm", tier="Basic", seats=5, ends_on=date(2024, 3, 1))
        line(account, "b", product="crm", tier="Pro", seats=5, mrr_minor=1500, starts_on=date(2024, 3, 1))
        assert types(account) == [("price", 500)]
        ranks_set(product="crm", ranks={"Basic": 1, "Pro": 2}, actor=ACTOR)
        assert RevenueRecount.objects.count() == 1
        assert backlog() is not None
    drain(acme.pk)
    with tenant_context(acme):
        assert types(account) == [("tier", 500)]
        assert backlog() is None
        ranks_set(product="crm", ranks={"Basic": 1, "Pro": 2}, actor=ACTOR)
        assert not RevenueRecount.objects.exists(), "nothing changed, nothing is counted anew"
        with pytest.raises(CatalogueError, match="same rank"):
            ranks_set(product="crm", ranks={"Basic": 1, "Pro": 1}, actor=ACTOR)


def test_limits_of_live_lines_add_up_and_a_line_without_lifts_them(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        ranks_set(product="crm", ranks={"Basic": 1, "Pro": 2}, actor=ACTOR)
        basic, pro = (Tier.objects.get(name=name) for name in ("Basic", "Pro"))
        entitlement_put(tier=basic, allowance=Allowance("seats", "level", 3, per_seat=True), actor=ACTOR)
        entitlement_put(tier=basic, allowance=Allowance("report", "quota", 100, "month"), actor=ACTOR)
        entitlement_put(tier=pro, allowance=Allowance("report", "quota", None, "month"), actor=ACTOR)
        line(account, "a", product="crm", tier="Basic", seats=2)
        line(account, "b", product="crm", tier="Basic", seats=5)
        line(account, "gone", product="crm", tier="Basic", seats=50, ends_on=date(2025, 1, 1))
        day = date(2026, 1, 1)
        quota, level = capacities([account.pk], day=day)
        assert quota == Capacity(account.pk, "report", "quota", "month", 200)
        assert level == Capacity(account.pk, "seats", "level", "", 21)
        line(account, "c", product="crm", tier="Pro")
        assert capacities([account.pk], day=day)[0].limit is None
    for wrong in (("level", 0, ""), ("level", 5, "month"), ("quota", 5, ""), ("hope", 5, "")):
        with pytest.raises(CatalogueError):
            Allowance("seats", *wrong)


def test_a_line_in_another_currency_counts_at_the_rate_of_its_start(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        with pytest.raises(CurrencyError, match="no rate from EUR to USD on 2024-01-01"):
            line(account, "a", currency="EUR")
        with pytest.raises(CurrencyError, match="not a currency"):
            line(account, "a", currency="ZZZ")
        for day, rate in ((date(2023, 6, 1), "1.10"), (date(2024, 2, 1), "2")):
            fx_rate_put(currency="EUR", on=day, rate=Decimal(rate), actor=ACTOR)
        stored = line(account, "a", currency="EUR")
        assert (stored.mrr_minor, stored.currency, stored.billed_minor) == (1100, "USD", 1000)
        months = AccountMonth.objects.filter(account=account, overlap="sum").values_list("mrr_minor", flat=True)
        assert set(months) == {1100}, "a later rate is no expansion"
        assert line(account, "a", mrr_minor=2000).mrr_minor == 2200, "the currency stays when it is not said again"
        assert line(account, "a", mrr_minor=2000, starts_on=date(2024, 3, 1)).mrr_minor == 4000
        back = line(account, "a", mrr_minor=2000, currency="USD")
        assert (back.mrr_minor, back.billed_currency, back.billed_minor) == (2000, "", None)


def test_a_corrected_rate_counts_its_lines_anew(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        rate, _ = fx_rate_put(currency="EUR", on=date(2024, 1, 1), rate=Decimal("1.1"), actor=ACTOR)
        line(account, "a", currency="EUR")
        line(account, "b", mrr_minor=70)
        fx_rate_put(currency="EUR", on=date(2024, 1, 1), rate=Decimal("1.2"), actor=ACTOR)
    drain(acme.pk)
    with tenant_context(acme):
        mrr = ContractLine.objects.order_by("external_id").values_list("mrr_minor", flat=True)
        assert list(mrr) == [1200, 70]
        assert AccountMonth.objects.filter(overlap="sum").latest("month").mrr_minor == 1270
        fx_rate_remove(fx_rate_id=rate.pk, actor=ACTOR)
    drain(acme.pk)
    with tenant_context(acme):
        assert ContractLine.objects.get(external_id="a").mrr_minor == 1200, "without a rate the amount stands"


@given(st.integers(0, 2**36), st.decimals("0.0001", "1000", places=6))
def test_conversion_is_exact_to_the_minor_unit(minor: int, rate: Decimal) -> None:
    for currency, home, scale in (("EUR", "USD", 1), ("JPY", "USD", 100), ("USD", "JPY", Decimal("0.01"))):
        exact = Decimal(minor) * rate * scale
        assert abs(converted(minor, currency, home, rate) - exact) <= Decimal("0.5")


def test_more_than_can_be_counted_is_refused_and_codes_are_checked() -> None:
    with pytest.raises(CurrencyError, match="more USD than can be counted"):
        converted(2**53, "EUR", "USD", Decimal("99"))
    for code in ("eur", "XTS", "EU", ""):
        with pytest.raises(CurrencyError):
            check_known(code)


def test_home_values_leave_a_change_of_other_fields_alone(acme: Tenant) -> None:
    with tenant_context(acme):
        stored = line(make_account(), "a")
        assert home_values({"seats": 7}, stored) == {"seats": 7}


def test_products_and_rates_over_rest(acme: Tenant, globex: Tenant) -> None:
    api, stranger = api_of(acme), api_of(globex)
    seats = {"measure": "seats", "kind": "level", "limit": 5, "per_seat": False, "period": ""}
    body = {"name": "crm", "tiers": [{"name": "Basic", "rank": 1, "entitlements": [seats]}, {"name": "Pro", "rank": 2}]}
    made = api("PUT", "products", body)
    assert made.status_code == 200, made.content
    assert made.json()["tiers"][0]["entitlements"] == [seats]
    body["tiers"] = [{"name": "Basic", "rank": 3}]
    assert api("PUT", "products", body).json()["tiers"] == [{"name": "Basic", "rank": 3, "entitlements": [seats]}]
    assert stranger("GET", "products").json()["results"] == []
    check_problem(stranger("GET", f"products/{made.json()['id']}"), 404)
    check_problem(api("PUT", "products", {"name": "x", "tiers": [{"name": n, "rank": 1} for n in "ab"]}), 400)
    wrong = {"name": "A", "rank": 1, "entitlements": [seats | {"period": "month"}]}
    check_problem(api("PUT", "products", {"name": "x", "tiers": [wrong]}), 400)

    assert api("PUT", "fx-rates/EUR/2024-01-01", {"rate": "1.1"}).status_code == 201
    assert api("PUT", "fx-rates/EUR/2024-01-01", {"rate": "1.2"}).json()["rate"] == "1.2000000000"
    assert len(api("GET", "fx-rates?currency=EUR").json()["results"]) == 1
    assert stranger("GET", "fx-rates").json()["results"] == []
    for path, rate in (
        ("USD/2024-01-01", "1"),
        ("ZZZ/2024-01-01", "1"),
        ("EUR/2024-13-01", "1"),
        ("EUR/2024-01-01", "0"),
    ):
        check_problem(api("PUT", f"fx-rates/{path}", {"rate": rate}), 400)


def test_an_admin_sets_ranks_entitlements_and_rates_and_others_read(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        line(account, "a", product="crm", tier="Pro", seats=5, mrr_minor=1000)
        line(account, "b", product="crm", tier="Basic", seats=5, mrr_minor=500)
    admin, csm = staff(acme, "admin"), staff(acme, "csm")
    page = admin.get("/t/acme/set-up/products/").text
    assert page.index(">Basic<") < page.index(">Pro<"), "the cheaper seat comes first while there is no rank"
    ranks = {"product": "crm", "tier": ["Basic", "Pro"], "rank": ["1", "2"]}
    assert csm.post("/t/acme/set-up/products/ranks/", ranks).status_code == 403
    assert admin.post("/t/acme/set-up/products/ranks/", ranks).status_code == 302
    with tenant_context(acme):
        tier = Tier.objects.get(name="Pro")
    allow = {"tier": str(tier.pk), "measure": "report", "kind": "quota", "period": "", "limit": "5"}
    refused = admin.post("/t/acme/set-up/products/entitlements/", allow)
    assert refused.status_code == 422
    assert "a quota has a period" in refused.text
    assert admin.post("/t/acme/set-up/products/entitlements/", allow | {"period": "month"}).status_code == 302
    assert "report: 5 a month" in csm.get("/t/acme/set-up/products/").text
    rate = {"currency": "eur", "on": "2024-01-01", "rate": "1.1"}
    assert admin.post("/t/acme/set-up/currencies/rates/", rate | {"rate": "-1"}).status_code == 422
    assert admin.post("/t/acme/set-up/currencies/rates/", rate).status_code == 302
    assert "EUR" in csm.get("/t/acme/set-up/currencies/").text
    with tenant_context(acme):
        actions = set(AuditEvent.objects.filter(actor_kind="user").values_list("action", flat=True))
    assert actions == {"product.ranks", "entitlement.put", "fx_rate.created"}


def test_the_account_page_shows_movements_deals_and_unpaid_invoices(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        line(account, "a", seats=5, tier="Pro", ends_on=date(2024, 6, 1))
        line(account, "b", seats=9, tier="Pro", mrr_minor=900, starts_on=date(2024, 5, 1), ends_on=date(2024, 9, 1))
        line(account, "c", seats=9, tier="Pro", mrr_minor=900, starts_on=date(2024, 11, 1))
    api = api_of(acme)
    deal = {"account": str(account.pk), "name": "Ten more", "kind": "expansion", "expansion_type": "seat"}
    bill = {
        "account": str(account.pk),
        "number": "R-77",
        "total_minor": 9,
        "currency": "JPY",
        "issued_on": "2025-01-01",
    }
    api("PUT", "opportunities/by/crm/1", deal)
    api("PUT", "invoices/by/stripe/1", bill)
    idea = {"account": str(account.pk), "kind": "idea", "title": "Dark charts", "occurred_at": "2026-01-01T00:00:00Z"}
    api("PUT", "community/by/forum/1", idea)
    asked = {"account": str(account.pk), "subject": "Slow", "status": "pending", "opened_at": "2026-01-01T00:00:00Z"}
    api("PUT", "tickets/by/zendesk/1", asked)
    page = staff(acme).get(f"/t/acme/accounts/{account.pk}/").text
    for words in (
        "Dark charts",
        "Waiting for the customer",
        "a and b run at once",
        "No paid line from",
        "Ten more",
        "R-77",
        "Late",
        "seat",
    ):
        assert words in page, words
