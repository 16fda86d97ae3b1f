"""Many rows by one JSON text: what comes back is what was given, as by Django's own way."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.db import DataError, IntegrityError, connection
from django.db.models import Value
from django.db.models.functions import Upper
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from hub.accounts.models import Account, Change, TimelineEntry
from hub.feedback.models import Ticket
from hub.outbound.models import WebhookEndpoint
from hub.revenue.models import FxRate
from hub.tenancy.context import OtherTenantError, tenant_context
from hub.tenancy.inserting import can_insert
from hub.tenancy.models import Tenant, TenantModel
from tests.world import make_account, make_tenant

# Letters of any script, quotes, back-slashes, line breaks: everything that a text of PostgreSQL can hold.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e6, 1e6) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
TIMES = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))


class TestRoundTrip(TestCase):
    tenant: Tenant
    account: Account

    @classmethod
    def setUpTestData(cls) -> None:
        cls.tenant = make_tenant("acme")
        with tenant_context(cls.tenant):
            cls.account = make_account()

    @settings(max_examples=60)
    @given(text=TEXTS, data=st.dictionaries(TEXTS, JSON, max_size=4), at=TIMES, depth=st.integers(0, 32767))
    def test_what_is_read_is_what_was_written(self, text: str, data: Any, at: datetime, depth: int) -> None:
        with tenant_context(self.tenant):
            change = Change(
                account=self.account, kind="note", key=text, occurred_at=at, data=data, origin=text, depth=depth
            )
            assert Change.objects.bulk_create([change]) == [change]
            read = Change.objects.get(pk=change.pk)
            assert (read.key, read.data, read.occurred_at, read.origin, read.depth) == (text, data, at, text, depth)
            assert (read.handled_at, read.historical) == (None, False)

    @settings(max_examples=30)
    @given(tags=st.lists(TEXTS, max_size=5))
    def test_arrays(self, tags: list[str]) -> None:
        with tenant_context(self.tenant):
            ticket = Ticket(account=self.account, source="t", external_id="1", opened_at=datetime.now(UTC), tags=tags)
            Ticket.objects.bulk_create([ticket])
            assert Ticket.objects.get(pk=ticket.pk).tags == tags


@pytest.fixture
def account(acme: Tenant) -> Account:
    with tenant_context(acme):
        return make_account()


def entry(account: Account, key: str, **fields: Any) -> TimelineEntry:
    values = {"kind": "note", "title": "x", "occurred_at": datetime(2026, 1, 2, tzinfo=UTC), **fields}
    return TimelineEntry(account=account, key=key, **values)


def test_a_row_made_one_way_is_the_row_made_the_other_way(acme: Tenant, account: Account) -> None:
    """Every field of an account, some of them empty, a day, money and an attribute among them."""
    fields = {"name": "Ümlaut ' \\ \"", "seats": 7, "signed_up_on": date(2024, 2, 29), "attributes": {"a": [1, None]}}
    with tenant_context(acme):
        one, two = Account(**fields), Account(**fields)
        Account.objects.bulk_create([one])
        two.save(force_insert=True)
        apart = {"id", "created_at", "updated_at"}
        first, second = (Account.objects.filter(pk=each.pk).values().get() for each in (one, two))
        assert {k: v for k, v in first.items() if k not in apart} == {k: v for k, v in second.items() if k not in apart}
        assert one._state.db == two._state.db
        assert not one._state.adding


def test_it_goes_over_in_as_many_statements_for_many_rows_as_for_one(acme: Tenant, account: Account) -> None:
    counts = []
    with tenant_context(acme):
        for number in (1, 500):
            with CaptureQueriesContext(connection) as queries:
                TimelineEntry.objects.bulk_create([entry(account, f"{number}:{n}") for n in range(number)])
            counts.append(len(queries))
        assert counts == [1, 1]
        assert TimelineEntry.objects.filter(kind="note").count() == 501


def test_rows_that_are_there_stay_or_are_changed_as_asked(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        TimelineEntry.objects.bulk_create([entry(account, "a", title="first")])
        TimelineEntry.objects.bulk_create([entry(account, "a", title="second")], ignore_conflicts=True)
        assert TimelineEntry.objects.get(key="a").title == "first"
        TimelineEntry.objects.bulk_create(
            [entry(account, "a", title="third", body="not asked for")],
            update_conflicts=True,
            unique_fields=["tenant", "kind", "key"],
            update_fields=["title"],
        )
        told = TimelineEntry.objects.get(key="a")
        assert (told.title, told.body) == ("third", "")
        with pytest.raises(IntegrityError):
            TimelineEntry.objects.bulk_create([entry(account, "a")])


def test_only_what_was_not_there_is_inserted_and_told(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        assert TimelineEntry.objects.insert_new([]) == []
        first = entry(account, "a", title="first")
        assert TimelineEntry.objects.insert_new([first]) == [first]
        assert (first._state.adding, first._state.db) == (False, "default")
        again, other = entry(account, "a", title="second"), entry(account, "b")
        with CaptureQueriesContext(connection) as queries:
            assert TimelineEntry.objects.insert_new([again, other]) == [other]
        assert len(queries) == 1
        assert again._state.adding
        assert set(TimelineEntry.objects.values_list("key", "title")) == {("a", "first"), ("b", "x")}


def test_another_tenants_rows_are_not_inserted(acme: Tenant, globex: Tenant, account: Account) -> None:
    with tenant_context(acme):
        foreign = entry(account, "a")
    with tenant_context(globex), pytest.raises(OtherTenantError):
        TimelineEntry.objects.insert_new([foreign])


def test_a_text_that_is_too_long_is_refused_not_cut(acme: Tenant, account: Account) -> None:
    with tenant_context(acme), pytest.raises(DataError, match="too long"):
        TimelineEntry.objects.bulk_create([entry(account, "a", title="x" * 301)])


def test_a_nul_is_refused_before_the_database_is_asked(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        with pytest.raises(ValueError, match="NUL"):
            TimelineEntry.objects.bulk_create([entry(account, "a", title="a\x00b")])
        TimelineEntry.objects.bulk_create([entry(account, "b", title="a\\u0000b")])
        assert TimelineEntry.objects.get(key="b").title == "a\\u0000b"


def test_expressions_go_djangos_way(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        TimelineEntry.objects.bulk_create([entry(account, "a", title=Upper(Value("loud")))])
        assert TimelineEntry.objects.get(key="a").title == "LOUD"


def test_secrets_are_sealed_whichever_way_they_go(acme: Tenant) -> None:
    """A model with a field of ours, or with bytes, is none for JSON."""
    assert not can_insert(WebhookEndpoint)
    own = {
        model
        for model in apps.get_models()
        if issubclass(model, TenantModel)
        and any(field.get_internal_type() == "BinaryField" for field in model._meta.concrete_fields)
    }
    assert own
    assert not any(can_insert(model) for model in own)


def test_numbers_keep_their_decimals(acme: Tenant) -> None:
    with tenant_context(acme):
        rate = FxRate(currency="EUR", on=date(2026, 1, 1), rate=Decimal("1.0812345678"))
        FxRate.objects.bulk_create([rate])
        assert FxRate.objects.get(pk=rate.pk).rate == Decimal("1.0812345678")
