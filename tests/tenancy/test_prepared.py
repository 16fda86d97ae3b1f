"""Prepared querysets answer as the querysets that they are made of, for any values, and only for the tenant."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.models import Count, F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub.accounts.models import Account, AccountState, Change, Contact, ContactStatus
from hub.accounts.services import change_record
from hub.tenancy.context import NoTenantError, tenant_context
from hub.tenancy.models import Tenant
from hub.tenancy.prepared import Places, Prepared
from hub.tenancy.statements import ask_all
from tests.world import make_account, make_contact

pytestmark = pytest.mark.django_db

DAY = date(2026, 3, 1)


@Prepared[Account]
def signed(the: Places) -> Any:
    return Account.objects.filter(pk__in=the.uuids("accounts"), signed_up_on__lte=the.day("day")).order_by("name")


@Prepared[str]
def names(the: Places) -> Any:
    named = Account.objects.filter(industry__in=the.texts("industries"))
    return named.exclude(name=the.text("but")).order_by("name").values_list("name", flat=True)


@Prepared[tuple[str, str, int]]
def people(the: Places) -> Any:
    rows = Contact.objects.filter(account_id=the.uuid("account"), status=ContactStatus.ACTIVE)
    return rows.annotate(more=F("account__seats") + 1).order_by("email").values_list("account__name", "email", "more")


@Prepared[Contact]
def with_accounts(the: Places) -> Any:
    rows = Contact.objects.filter(created_at__gt=the.moment("since"), name__contains="%")
    return rows.select_related("account").annotate(shown=F("account__name")).order_by("email")


@Prepared[UUID]
def locked(the: Places) -> Any:
    rows = AccountState.objects.select_for_update(skip_locked=True).filter(account_id__in=the.uuids("accounts"))
    return rows.order_by("account_id").values_list("account_id", flat=True)[:2]


@pytest.fixture
def accounts(acme: Tenant, globex: Tenant) -> list[Account]:
    """Three of acme; globex has some of the same names."""
    with tenant_context(globex):
        make_contact(make_account("Alder", industry="bank", signed_up_on=DAY), "kim@globex.example")
    with tenant_context(acme):
        made = [
            make_account("Alder", industry="bank", signed_up_on=DAY, seats=4, attributes={}),
            make_account("Birch", industry="retail", signed_up_on=DAY + timedelta(days=1), seats=9),
            make_account("Cedar", industry="bank", signed_up_on=None),
        ]
        for account in made:
            make_contact(account, f"kim@{account.name.lower()}.example", name="Kim 100%")
    return made


def test_models_of_a_list_of_any_length(acme: Tenant, accounts: list[Account]) -> None:
    with tenant_context(acme):
        ids = [account.pk for account in accounts]
        for day, wanted in ((DAY, ["Alder"]), (DAY + timedelta(days=9), ["Alder", "Birch"])):
            found = signed(accounts=ids, day=day)
            assert [account.name for account in found] == wanted
            assert found[0].__dict__.keys() == Account.objects.get(pk=found[0].pk).__dict__.keys()
            assert found[0].attributes == {}
            assert found[0].words == Account.objects.get(pk=found[0].pk).words
        assert [account.name for account in signed(accounts=ids[:1], day=DAY)] == ["Alder"]
        assert signed(accounts=[], day=DAY) == []
        assert signed(accounts=[uuid4()], day=DAY) == []


def test_values_and_texts(acme: Tenant, accounts: list[Account]) -> None:
    with tenant_context(acme):
        assert names(industries=["bank", "retail"], but="") == ["Alder", "Birch", "Cedar"]
        assert names(industries=["bank"], but="Alder") == ["Cedar"]
        # Values are values, whatever they look like.
        assert names(industries=["bank') OR true --", "%s", "$1"], but="%") == []
        assert people(account=accounts[1].pk) == [("Birch", "kim@birch.example", 10)]


def test_related_rows_and_annotations(acme: Tenant, accounts: list[Account]) -> None:
    with tenant_context(acme):
        found = with_accounts(since=datetime(2020, 1, 1, tzinfo=UTC))
        with CaptureQueriesContext(connection) as queries:
            told = [(c.email, c.account.name, vars(c)["shown"]) for c in found]
            assert told[0] == ("kim@alder.example", "Alder", "Alder")
        assert len(queries) == 0
        again = Contact.objects.select_related("account").order_by("email")
        assert found == list(again)
        assert [contact.created_at for contact in found] == [contact.created_at for contact in again]
        assert with_accounts(since=datetime(2999, 1, 1, tzinfo=UTC)) == []


def test_it_locks(acme: Tenant, accounts: list[Account]) -> None:
    ids = sorted(account.pk for account in accounts)
    with tenant_context(acme):
        with CaptureQueriesContext(connection) as queries:
            assert locked(accounts=ids) == ids[:2]
        # Whoever counts queries counts these.
        assert [query["sql"].endswith("FOR UPDATE SKIP LOCKED") for query in queries] == [True]


def test_only_the_tenant_in_context_is_read(acme: Tenant, globex: Tenant, accounts: list[Account]) -> None:
    # Often enough that the server has planned it for good.
    for _ in range(8):
        with tenant_context(acme):
            assert names(industries=["bank"], but="") == ["Alder", "Cedar"]
        with tenant_context(globex):
            assert names(industries=["bank"], but="") == ["Alder"]
            assert signed(accounts=[account.pk for account in accounts], day=DAY) == []
    with pytest.raises(NoTenantError):
        names(industries=["bank"], but="")


def test_what_cannot_be_prepared_says_so(acme: Tenant) -> None:
    outside = Prepared[Account](lambda the: Account.objects.filter(pk=the.uuids("accounts")[0]))
    as_dicts = Prepared[Any](lambda the: Account.objects.values("name"))
    missing = Prepared[Account](lambda the: Account.objects.filter(pk=the.uuid("account")))
    with tenant_context(acme):
        with pytest.raises(ValueError, match="a list stands outside of an IN"):
            outside(accounts=[uuid4()])
        with pytest.raises(TypeError, match="cannot be prepared"):
            as_dicts()
        with pytest.raises(KeyError, match="account"):
            missing()


def test_grouping(acme: Tenant, accounts: list[Account]) -> None:
    @Prepared[tuple[str, int]]
    def by_industry(the: Places) -> Any:
        rows = Account.objects.filter(pk__in=the.uuids("accounts")).order_by("industry")
        return rows.values_list("industry").annotate(n=Count("pk"))

    with tenant_context(acme):
        assert by_industry(accounts=[account.pk for account in accounts]) == [("bank", 2), ("retail", 1)]


def in_order(model: type[Any]) -> Prepared[Any]:
    return Prepared[Any](lambda the: model.objects.order_by("pk"))


def test_every_kind_of_field_is_read_as_the_orm_reads_it(acme: Tenant, accounts: list[Account]) -> None:
    with tenant_context(acme):
        make_contact(accounts[0], "b@customers.example", roles=["champion", "user"])
        make_contact(accounts[0], "a@customers.example", roles=[])
        change_record(
            account_id=accounts[0].pk, kind="x", key="1", occurred_at=timezone.now(), data={"n": 1.5, "of": [None, "ö"]}
        )
        for model in (Account, Contact, Change):
            found = in_order(model)()
            stored = list(model.objects.order_by("pk"))
            assert found == stored != []
            assert [vars(row) | {"_state": None} for row in found] == [vars(row) | {"_state": None} for row in stored]
            assert {(row._state.adding, row._state.db) for row in found} == {(False, "default")}


def test_several_are_asked_in_one_round_trip(acme: Tenant, accounts: list[Account]) -> None:
    with tenant_context(acme):
        banks, retail = ask_all([
            names.question(industries=["bank"], but="Alder"),
            names.question(industries=["retail"], but=""),
        ])  # fmt: skip
        assert (names.answers(banks), names.answers(retail)) == (["Cedar"], ["Birch"])
