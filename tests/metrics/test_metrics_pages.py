from __future__ import annotations

import re
from datetime import date

import pytest
import time_machine
from pytest_django import DjangoAssertNumQueries

from hub.accounts.models import Account
from hub.revenue.models import ChurnClaim
from hub.revenue.selectors import churn_claims, contract_lines, contradictions_of
from hub.revenue.services import churn_claim_upsert, contract_line_upsert
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from metrics.contradictions import KINDS, contradicted_accounts, in_words
from metrics.dashboard import reported_months
from metrics.methodology import Methodology
from metrics.query import MetricsQuery
from metrics.selectors import contradictions, nrr_accounts, nrr_report
from tests.shell.staff import staff
from tests.world import make_account

NOW = "2026-03-10T12:00:00Z"
DASHBOARD_QUERIES = 21


def line(account: Account, mrr: int, start: date, end: date | None = None, **fields: object) -> None:
    contract_line_upsert(
        account=account,
        source="test",
        external_id=f"{account.name}-{start}-{mrr}",
        fields={"mrr_minor": mrr, "currency": "USD", "starts_on": start, "ends_on": end, **fields},
    )


@pytest.fixture
def book(acme: Tenant) -> Tenant:
    """Grown +50, shrunk −40, gone −100, new +70 and a year of them; opening 300, closing 380 … in dollars."""
    with time_machine.travel(NOW, tick=False), tenant_context(acme):
        grown, shrunk, gone, new = (
            make_account(name, industry="Retail") for name in ("Grown", "Shrunk", "Gone", "New")
        )
        line(grown, 10_000, date(2024, 1, 1))
        line(grown, 5_000, date(2025, 9, 1))
        line(shrunk, 10_000, date(2024, 1, 1), date(2025, 8, 1))
        line(shrunk, 6_000, date(2025, 8, 1))
        line(gone, 10_000, date(2024, 1, 1), date(2025, 12, 1))
        line(new, 7_000, date(2025, 10, 1))
    return acme


@time_machine.travel(NOW, tick=False)
def test_the_dashboard_shows_retention_of_the_last_closed_month(book: Tenant) -> None:
    page = staff(book).get("/t/acme/metrics/")
    assert page.context["query"].as_of == date(2026, 2, 28)
    # (300 + 50 − 40 − 100) ÷ 300 and (300 − 40 − 100) ÷ 300
    assert page.context["year"]["nrr"] == pytest.approx(0.7)
    assert page.context["year"]["grr"] == pytest.approx(160 / 300)
    assert "70.0%" in page.text
    assert "overlapping lines add up, the end day does not count" in page.text


@time_machine.travel(NOW, tick=False)
def test_the_switches_of_the_methodology_change_the_figure(book: Tenant) -> None:
    client = staff(book)
    # Only the younger line of the grown account counts: 100 → 50 is a contraction.
    latest = client.get("/t/acme/metrics/?overlap=latest")
    assert latest.context["year"]["nrr"] == pytest.approx((300 - 50 - 40 - 100) / 300)
    assert "only the line that started last counts" in latest.text
    november = client.get("/t/acme/metrics/?as_of=2025-11-30&end=inclusive").context
    assert november["query"].end == "inclusive"
    assert november["year"]["nrr"] == pytest.approx((300 + 50 - 40) / 300)


@time_machine.travel(NOW, tick=False)
def test_every_bar_of_the_waterfall_opens_the_accounts_that_add_up_to_it(book: Tenant) -> None:
    client = staff(book)
    waterfall = client.get("/t/acme/metrics/").context["waterfall"]
    for step, link in zip(waterfall.steps, waterfall.links, strict=True):
        rows = [row for row, _, _ in client.get(link).context["rows"]]
        if step.label == "Opening":
            assert sum(row.opening for row in rows) == step.value
        elif step.label == "Closing":
            assert sum(row.closing for row in rows) == step.value
        else:
            assert sum(row.change for row in rows) == step.value


@time_machine.travel(NOW, tick=False)
def test_a_segment_opens_its_accounts(book: Tenant) -> None:
    client = staff(book)
    ((name, _, url),) = client.get("/t/acme/metrics/").context["segments"]
    assert name == "Retail"
    page = client.get(url)
    assert len(page.context["rows"]) == 4
    assert "Gone" in page.text


@time_machine.travel(NOW, tick=False)
def test_an_old_link_with_nonsense_still_opens_a_page(book: Tenant) -> None:
    client = staff(book)
    for path in ("", "accounts/"):
        page = client.get(f"/t/acme/metrics/{path}?as_of=2031-02-30&overlap=x&end=y&segment_by=z&kind=q&offset=-1")
        assert page.status_code == 200
        assert page.context["query"].as_of == date(2026, 2, 28)
    assert client.get("/t/acme/metrics/contradictions/?kind=q").status_code == 404


def test_the_dashboard_teaches_before_there_is_revenue(acme: Tenant) -> None:
    client = staff(acme)
    for path in ("", "accounts/", "contradictions/"):
        assert "No closed month with revenue yet" in client.get(f"/t/acme/metrics/{path}").text


@time_machine.travel("2028-06-10T12:00:00Z", tick=False)
def test_a_book_in_which_nothing_moves_any_more_opens_at_its_last_movement(book: Tenant) -> None:
    with tenant_context(book):
        for account in Account.objects.all():
            line(account, 0, date(2020, 1, 1))
        months = reported_months(date(2028, 6, 10))
    assert months is not None
    assert months.default == date(2025, 12, 31)
    assert months.ends[0] == date(2028, 5, 31)
    assert len(months.ends) == 36


@time_machine.travel(NOW, tick=False)
def test_the_accounts_behind_each_contradiction_are_as_many_as_it_counts(book: Tenant) -> None:
    day = date(2026, 2, 28)
    with tenant_context(book):
        Account.objects.filter(name__in=["Grown", "Gone"]).update(source_churned=True)
        Account.objects.filter(name__in=["Shrunk"]).update(source_churned=False)
        shrunk = Account.objects.get(name="Shrunk")
        ChurnClaim.objects.create(account=shrunk, source="test", external_id="1", claimed_on=date(2025, 5, 1))
        line(Account.objects.get(name="New"), 100, date(2025, 11, 1), source_churned=True)
        counted = contradictions(as_of=day)
        for kind in KINDS:
            assert len(contradicted_accounts(kind, as_of=day)) == getattr(counted, kind), kind
        assert len(in_words(counted)) == 5
        said = contradictions_of(shrunk, contract_lines(shrunk.pk), churn_claims(shrunk.pk), day)
        assert said == [
            "A churn event was recorded on 2025-05-01, and 1 paid line runs.",
            "A churn event was recorded, and the source flags the account as active.",
        ]
    page = staff(book).get("/t/acme/metrics/contradictions/?kind=claimed_but_live").text
    assert "Shrunk" in page
    assert "Grown" not in page


@time_machine.travel(NOW, tick=False)
@pytest.mark.parametrize("count", [1, 20])
def test_the_dashboard_asks_as_often_for_twenty_segments_as_for_one(
    acme: Tenant, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    with tenant_context(acme):
        for at in range(count):
            line(make_account(f"Account {at}", industry=f"Industry {at}"), 1000, date(2024, 1, 1))
    client = staff(acme)
    client.get("/t/acme/metrics/")
    with django_assert_num_queries(DASHBOARD_QUERIES):
        client.get("/t/acme/metrics/")


@time_machine.travel(NOW, tick=False)
def test_a_question_stands_in_the_url_whole() -> None:
    query = MetricsQuery(date(2026, 2, 28), "1m", "latest", "inclusive", "country")
    params = dict(re.findall(r"(\w+)=([^&]*)", query.urlencode()))
    assert MetricsQuery.read(params, [query.as_of], date(2020, 1, 31)) == query


@time_machine.travel(NOW, tick=False)
def test_the_drill_down_and_the_report_agree(book: Tenant) -> None:
    with tenant_context(book):
        report = nrr_report(as_of=date(2026, 2, 28), months=12, method=Methodology())
        cohort = nrr_accounts(as_of=date(2026, 2, 28), months=12, method=Methodology(), kind="cohort")
    assert (len(cohort), sum(row.opening for row in cohort)) == (report.total.cohort_size, report.total.opening)


@time_machine.travel(NOW, tick=False)
def test_the_drill_down_says_of_which_type_each_movement_is(acme: Tenant) -> None:
    with tenant_context(acme):
        seats, left = make_account("Seats"), make_account("Left")
        line(seats, 10_000, date(2024, 1, 1), date(2025, 9, 1), seats=10, tier="Pro")
        line(seats, 15_000, date(2025, 9, 1), seats=15, tier="Pro")
        line(seats, 2_000, date(2025, 11, 1), product="Add-on")
        line(left, 10_000, date(2024, 1, 1), date(2025, 12, 1))
        claim = {"claimed_on": date(2025, 12, 1), "reason": "payment_failure"}
        churn_claim_upsert(source="billing", external_id="1", account=left, fields=claim)
    client = staff(acme)
    rows = {row.name: types for row, _, types in client.get("/t/acme/metrics/accounts/").context["rows"]}
    assert rows == {"Seats": [("seat", 5_000), ("cross-sell", 2_000)], "Left": [("involuntary", 10_000)]}
