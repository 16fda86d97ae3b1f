"""What is kept of the dashboard's figures: equal to a count of now, never older without saying so, caught up with."""

from __future__ import annotations

from datetime import date, timedelta
from typing import get_args

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from hub.accounts.models import Account
from hub.accounts.services import account_upsert, fields_set_by_hand
from hub.revenue.services import churn_claim_upsert, contract_line_retract, months_refresh, retention
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from metrics import readings
from metrics.methodology import EndDay, Overlap
from metrics.models import FiguresChanged, Reading
from metrics.query import SPLITS
from metrics.questions import Kind, Question, ledger_of, plain, report_of
from tests.metrics.test_metrics_pages import NOW, line
from tests.metrics.test_nrr_sql import AS_OF, line_rows, write
from tests.shell.staff import staff
from tests.world import ACTOR, make_account

FEBRUARY = date(2026, 2, 28)
YEAR = Question(Kind.NRR, FEBRUARY, 12, "sum", "exclusive", "industry")
KEPT_QUERIES = 17
PAGE = f"/t/acme/metrics/?as_of={FEBRUARY}"

questions = st.one_of(
    st.builds(
        Question,
        st.just(Kind.NRR),
        st.just(AS_OF),
        st.sampled_from([1, 12]),
        st.sampled_from(get_args(Overlap)),
        st.sampled_from(get_args(EndDay)),
        st.sampled_from(["", *SPLITS]),
    ),
    st.builds(
        Question, st.just(Kind.LEDGER), st.just(AS_OF.replace(day=1)), st.just(12), st.sampled_from(get_args(Overlap))
    ),
    st.builds(Question, st.just(Kind.CONTRADICTIONS), st.just(AS_OF)),
)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """One account is many."""
    monkeypatch.setattr(readings, "MANY_ACCOUNTS", 1)
    monkeypatch.setattr(readings, "REST", 0)


@given(question=questions)
def test_a_question_is_read_back_from_its_key(question: Question) -> None:
    assert Question.read(question.key) == question
    assert len(question.key) <= 100


@pytest.mark.slow
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=line_rows, question=questions)
def test_what_is_kept_equals_what_is_counted_now(
    acme: Tenant, rows: list[tuple[int, date, int | None, int, bool]], question: Question
) -> None:
    with tenant_context(acme):
        accounts = [make_account(f"A{n}", industry=f"I{n % 2}", source_churned=n == 1) for n in range(4)]
        write(accounts, rows)
        months_refresh([account.pk for account in accounts], through=AS_OF)
        Reading.objects.all().delete()
        readings.kept([question])
    readings.drain(acme.pk)
    with tenant_context(acme):
        held = readings.kept([question])
        now = readings.answer(question)
        assert not held.behind
        assert held.values[question] == plain(now)
        if question.kind is Kind.NRR:
            assert report_of(question, held.values[question]) == now
        elif question.kind is Kind.LEDGER:
            assert ledger_of(held.values[question]) == now


def edit_line(account: Account) -> None:
    line(account, 10_000, date(2024, 1, 1), date(2025, 10, 1))


def edit_retract(account: Account) -> None:
    contract_line_retract(source="test", external_id="One-2024-01-01-10000")


def edit_segment(account: Account) -> None:
    account_upsert(source="test", external_id="One", fields={"industry": "Food"})


def edit_segment_by_hand(account: Account) -> None:
    fields_set_by_hand(row=account, values={"industry": "Food"}, actor=ACTOR)


def edit_flag(account: Account) -> None:
    account_upsert(source="test", external_id="One", fields={"source_churned": True})


def edit_claim(account: Account) -> None:
    churn_claim_upsert(source="billing", external_id="1", account=account, fields={"claimed_on": date(2025, 12, 1)})


EDITS = [edit_line, edit_retract, edit_segment, edit_segment_by_hand, edit_flag, edit_claim]


@time_machine.travel(NOW)
@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_an_edit_is_told_at_once_and_counted_by_the_queue(acme: Tenant, many: None, edit: object) -> None:
    assert callable(edit)
    asked = [YEAR, Question(Kind.CONTRADICTIONS, FEBRUARY)]
    with tenant_context(acme):
        account = make_account("One", industry="Retail")
        line(account, 10_000, date(2024, 1, 1))
        line(make_account("Two", industry="Retail"), 5_000, date(2024, 1, 1))
        readings.kept(asked)
    readings.drain(acme.pk)
    with tenant_context(acme):
        before = readings.kept(asked)
        assert not before.behind
        edit(Account.objects.get(pk=account.pk))
        told = readings.kept(asked)
        assert (told.behind, told.values) == (True, before.values)
    readings.drain(acme.pk)
    with tenant_context(acme):
        after = readings.kept(asked)
        assert not after.behind
        assert after.values != before.values
        assert after.values == {question: plain(readings.answer(question)) for question in asked}


@time_machine.travel(NOW, tick=False)
def test_what_figures_do_not_read_leaves_them_alone(acme: Tenant, many: None) -> None:
    with tenant_context(acme):
        make_account("One", industry="Retail")
        readings.kept([YEAR])
    readings.drain(acme.pk)
    with tenant_context(acme):
        account_upsert(source="test", external_id="One", fields={"domain": "one.example", "seats": 4})
        assert not readings.kept([YEAR]).behind


@time_machine.travel(NOW, tick=False)
def test_an_edit_of_a_contract_line_reaches_the_page(acme: Tenant, many: None) -> None:
    with tenant_context(acme):
        account = make_account("One", industry="Retail")
        line(account, 10_000, date(2024, 1, 1))
    client = staff(acme)
    waiting = client.get(PAGE).text
    assert "The figures are being counted" in waiting
    assert "Trailing 12 months" not in waiting
    readings.drain(acme.pk)
    assert client.get(PAGE).context["year"]["nrr"] == 1.0

    with tenant_context(acme):
        line(account, 10_000, date(2024, 1, 1), date(2025, 10, 1))
        line(account, 15_000, date(2025, 10, 1))
    held = client.get(PAGE)
    assert held.context["year"]["nrr"] == 1.0
    assert "revenue has changed since, and is being counted anew" in held.text
    assert "is summed anew within two minutes" not in held.text, "nothing was ever summed: the trend is of now"
    readings.drain(acme.pk)
    page = client.get(PAGE)
    assert page.context["year"]["nrr"] == 1.5
    assert "150.0%" in page.text
    assert "being counted anew" not in page.text
    retention.drain(acme.pk)
    with tenant_context(acme):
        line(account, 16_000, date(2025, 11, 1))
    assert "is summed anew within two minutes" in client.get(PAGE).text
    retention.drain(acme.pk)
    assert "is summed anew within two minutes" not in client.get(PAGE).text


def state(client: Client, counted: str) -> str:
    return client.get("/t/acme/metrics/", {"counted": counted}, headers={"HX-Request": "true"}).text


def test_an_open_page_hears_of_newer_figures_and_one_that_waits_is_loaded_again(acme: Tenant, many: None) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        with tenant_context(acme):
            line(make_account("One"), 10_000, date(2024, 1, 1))
        client = staff(acme)
        client.get("/t/acme/metrics/")
        assert "being counted" in state(client, "")
        readings.drain(acme.pk)
        again = client.get("/t/acme/metrics/", {"counted": ""}, headers={"HX-Request": "true"})
        assert again.headers["HX-Refresh"] == "true"
        shown = client.get("/t/acme/metrics/").context["counted_at"].isoformat()
        assert "Show the newer figures" not in state(client, shown)
        clock.shift(60)
        with tenant_context(acme):
            line(make_account("Two"), 10_000, date(2024, 1, 1))
        assert "being counted anew" in state(client, shown)
        readings.drain(acme.pk)
        assert "Show the newer figures" in state(client, shown)


@time_machine.travel(NOW, tick=False)
def test_with_few_accounts_nothing_is_kept_and_everything_is_of_now(acme: Tenant) -> None:
    with tenant_context(acme):
        line(make_account("One"), 10_000, date(2024, 1, 1))
    page = staff(acme).get("/t/acme/metrics/")
    assert page.context["counted_at"] is None
    assert "figures-state" not in page.text
    with tenant_context(acme):
        assert not Reading.objects.exists()


def test_under_a_stream_of_changes_counting_rests_a_multiple_of_what_it_takes(acme: Tenant) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        with tenant_context(acme):
            make_account("One", industry="Retail")
            readings.kept([YEAR])
        readings.drain(acme.pk)
        with tenant_context(acme):
            Reading.objects.update(took_ms=2_000)
            account_upsert(source="test", external_id="One", fields={"industry": "Food"})
        due = readings.drain(acme.pk)
        assert due == timezone.now() + timedelta(seconds=8)
        with tenant_context(acme):
            assert FiguresChanged.objects.exists()
            assert readings.kept([YEAR]).behind
        clock.shift(8)
        assert readings.drain(acme.pk) is None
        with tenant_context(acme):
            assert not readings.kept([YEAR]).behind


def test_readings_nobody_looks_at_wait_until_somebody_does_and_are_forgotten_after_a_week(acme: Tenant) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        with tenant_context(acme):
            make_account("One", industry="Retail")
            readings.kept([YEAR])
        readings.drain(acme.pk)
        clock.shift(timedelta(days=2))
        with tenant_context(acme):
            account_upsert(source="test", external_id="One", fields={"industry": "Food"})
        readings.drain(acme.pk)
        with tenant_context(acme):
            assert Reading.objects.get().behind
            assert readings.kept([YEAR]).behind
        readings.drain(acme.pk)
        with tenant_context(acme):
            assert not readings.kept([YEAR]).behind
        clock.shift(timedelta(days=8))
        readings.drain(acme.pk)
        with tenant_context(acme):
            assert not Reading.objects.exists()


@time_machine.travel(NOW, tick=False)
@pytest.mark.parametrize("count", [1, 20])
def test_a_kept_dashboard_asks_as_often_for_twenty_accounts_as_for_one(
    acme: Tenant, many: None, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    with tenant_context(acme):
        for at in range(count):
            line(make_account(f"Account {at}", industry=f"Industry {at}"), 1000, date(2024, 1, 1))
    client = staff(acme)
    client.get("/t/acme/metrics/")
    readings.drain(acme.pk)
    with django_assert_num_queries(KEPT_QUERIES):
        client.get("/t/acme/metrics/")


def test_a_reading_is_another_tenants_never(acme: Tenant, globex: Tenant, many: None) -> None:
    with tenant_context(acme):
        make_account("One")
        readings.kept([YEAR])
    readings.drain(acme.pk)
    with tenant_context(globex):
        assert not readings.kept([YEAR]).values
