"""Texts are read after they are stored, again when they change, and forgotten with what they belong to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hub.accounts.models import Account, AccountState
from hub.feedback import reading
from hub.feedback.models import ReadText, SurveyResponse, TextDue, TextPass, Ticket
from hub.feedback.services import survey_response_upsert, ticket_retract, ticket_upsert
from hub.registry.handlers import history_loaded
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant, TenantWork
from tests.world import make_account, make_tenant

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def tenant(db: None) -> Tenant:
    return make_tenant()


@pytest.fixture
def account(tenant: Tenant) -> Account:
    with tenant_context(tenant):
        return make_account()


def ticket(account: Account, subject: str, key: str = "1", **fields: Any) -> Ticket:
    given = {"subject": subject, "opened_at": AT, **fields}
    return ticket_upsert(source="test", external_id=key, account=account, fields=given)[0]


def test_a_text_is_read_by_the_queue_and_not_by_who_stores_it(tenant: Tenant, account: Account) -> None:
    with tenant_context(tenant):
        stored = ticket(account, "The report crashes and this is terrible")
        assert not ReadText.objects.exists()
        assert TenantWork.objects.filter(tenant=tenant, queue=reading.QUEUE, next_due_at__isnull=False).exists()
        before = AccountState.objects.get(account=account).fact_version
    assert reading.drain(tenant.id) is None
    with tenant_context(tenant):
        read = ReadText.objects.get()
        assert (read.kind, read.object_id, read.account_id, read.at) == ("ticket", stored.pk, account.pk, AT)
        assert (read.language, read.feeling, read.themes) == ("en", "negative", ["bug"])
        assert read.sentiment is not None
        assert read.sentiment < 0
        assert AccountState.objects.get(account=account).fact_version > before
        assert reading.backlog() is None


def test_a_changed_text_is_read_again_and_one_without_words_is_forgotten(tenant: Tenant, account: Account) -> None:
    with tenant_context(tenant):
        ticket(account, "The invoice is wrong")
    reading.drain(tenant.id)
    with tenant_context(tenant):
        ticket(account, "All is great now, thank you")
    reading.drain(tenant.id)
    with tenant_context(tenant):
        read = ReadText.objects.get()
        assert (read.feeling, read.themes) == ("positive", [])
        ticket(account, "")
    reading.drain(tenant.id)
    with tenant_context(tenant):
        assert not ReadText.objects.exists()


def test_a_ticket_that_moves_takes_its_reading_along_and_one_taken_back_leaves_none(
    tenant: Tenant, account: Account
) -> None:
    with tenant_context(tenant):
        other = make_account("Other")
        ticket(account, "The page is slow")
    reading.drain(tenant.id)
    with tenant_context(tenant):
        ticket(other, "The page is slow")
    reading.drain(tenant.id)
    with tenant_context(tenant):
        assert ReadText.objects.get().account_id == other.pk
        ticket_retract(source="test", external_id="1")
    reading.drain(tenant.id)
    with tenant_context(tenant):
        assert not ReadText.objects.exists()


def test_what_was_there_before_is_passed_through_quietly_and_once(
    tenant: Tenant, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    history_loaded.connect("test-texts", lambda tenant_id, ids: told.extend(ids))
    try:
        with tenant_context(tenant):
            Ticket.objects.bulk_create(
                Ticket(account=account, source="old", external_id=str(n), subject=f"Bug {n}", opened_at=AT)
                for n in range(reading.BATCH + 5)
            )
            assert reading.backlog() is not None
        reading.drain(tenant.id)
        with tenant_context(tenant):
            assert ReadText.objects.count() == reading.BATCH + 5
            assert set(TextPass.objects.values_list("done", flat=True)) == {True}
            assert set(told) == {account.pk}
            first = ReadText.objects.order_by("read_at")[0].read_at
        told.clear()
        reading.drain(tenant.id)
        with tenant_context(tenant):
            assert ReadText.objects.order_by("read_at")[0].read_at == first
        monkeypatch.setattr("hub.feedback.text.reader.VERSION", "test")
        with tenant_context(tenant):
            assert reading.backlog() is not None
        reading.drain(tenant.id)
        with tenant_context(tenant):
            assert set(ReadText.objects.values_list("version", flat=True)) == {reading.reader_in_use().version}
        # It reads the same in them: no account has changed.
        assert not told
    finally:
        del history_loaded.handlers._items["test-texts"]
        history_loaded.handlers._sorted = None


@pytest.mark.parametrize(
    "text",
    ["\0", "\0\0 crash", "!" * 30_000, "日本語のテキスト", "Спасибо", "a" * 50_000, "x" * 9_000 + " bug", "🔥" * 500],
)
def test_any_text_is_read_without_stopping_the_others(tenant: Tenant, account: Account, text: str) -> None:
    with tenant_context(tenant):
        for key, words in (("odd", text), ("plain", "I love it, thank you")):
            fields = {"kind": "nps", "score": 9, "comment": words, "answered_at": AT}
            survey_response_upsert(source="test", external_id=key, account=account, fields=fields)
    reading.drain(tenant.id)
    with tenant_context(tenant):
        plain = SurveyResponse.objects.get(external_id="plain")
        assert ReadText.objects.get(object_id=plain.pk).feeling == "positive"
        assert not TextDue.objects.exists()


def test_other_languages_have_no_sentiment(tenant: Tenant, account: Account) -> None:
    with tenant_context(tenant):
        ticket(account, "Die Rechnung ist furchtbar falsch und der bug ist noch da")
    reading.drain(tenant.id)
    with tenant_context(tenant):
        read = ReadText.objects.get()
        assert (read.language, read.sentiment, read.feeling, read.themes) == ("de", None, "", ["bug"])


def test_texts_of_another_tenant_stay_unread(tenant: Tenant, account: Account) -> None:
    other = make_tenant("globex")
    with tenant_context(tenant):
        ticket(account, "Bug")
    reading.drain(other.id)
    with tenant_context(other):
        assert not ReadText.objects.exists()
    with tenant_context(tenant):
        assert TextDue.objects.count() == 1


def test_a_batch_costs_the_same_number_of_queries_for_one_text_and_for_many(tenant: Tenant, account: Account) -> None:
    counts = []
    for some in (1, 40):
        with tenant_context(tenant):
            for n in range(some):
                ticket(account, f"Bug {n}", key=f"{some}-{n}", opened_at=AT + timedelta(hours=n))
            with CaptureQueriesContext(
                connection,
            ) as queries:
                reading._read_due(reading.reader_in_use())
            counts.append(len(queries))
    assert counts[0] == counts[1]
