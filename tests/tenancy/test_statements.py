"""Statements of several tenants in one round trip: each as its own tenant, and nobody else's."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from hub.accounts.models import Account
from hub.tenancy.context import OtherTenantError, tenant_context
from hub.tenancy.models import Tenant
from hub.tenancy.statements import Question, Statement, ask_all, send
from hub.tenancy.wake import wake_all
from tests.world import make_account

pytestmark = pytest.mark.django_db(transaction=True)

# Without the condition that every statement of ours has: row level security alone decides.
NAMES = "SELECT name FROM accounts_account WHERE name <> %(but)s ORDER BY name"


@pytest.fixture(autouse=True)
def _accounts(acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        with tenant_context(tenant):
            make_account(f"Customer of {tenant.slug}")


def names_of(*tenants: Tenant) -> list[list[tuple[str]]]:
    return send([Statement(NAMES, {"but": ""}, tenant.id) for tenant in tenants])


def test_each_statement_sees_its_own_tenants_rows(acme: Tenant, globex: Tenant) -> None:
    of_acme, of_globex = [("Customer of acme",)], [("Customer of globex",)]
    # Often enough that they are prepared: a plan made for one tenant must not answer for the next.
    for _ in range(8):
        with transaction.atomic():
            assert names_of(acme, globex, acme) == [of_acme, of_globex, of_acme]


def test_afterwards_no_tenant_is_open(acme: Tenant) -> None:
    with transaction.atomic():
        names_of(acme)
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('app.tenant_id')")
            assert cursor.fetchone() == ("",)
    with tenant_context(acme):
        names_of(acme)
        assert Account.objects.get().name == "Customer of acme"


def test_another_tenants_statement_is_refused_inside_a_context(acme: Tenant, globex: Tenant) -> None:
    with pytest.raises(OtherTenantError), tenant_context(acme):
        names_of(globex)


def test_without_a_transaction_no_tenant_could_be_told(acme: Tenant) -> None:
    with pytest.raises(TransactionManagementError):
        names_of(acme)


def test_a_statement_that_fails_ends_the_transaction_and_spares_the_connection(acme: Tenant) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        send([Statement("SELECT 1 / %(nothing)s::int", {"nothing": 0}), Statement(NAMES, {"but": ""}, acme.id)])
    with transaction.atomic():
        assert names_of(acme) == [[("Customer of acme",)]]


def test_waking_many_marks_each_once_and_brings_no_later_time(acme: Tenant, globex: Tenant) -> None:
    def marks() -> dict[str, object]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT tenant_id::text, next_due_at FROM tenancy_tenantwork WHERE queue = 'evaluate'")
            return dict(cursor.fetchall())

    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tenancy_tenantwork")
    for _ in range(2):
        with transaction.atomic():
            wake_all("evaluate", [acme.id, globex.id, acme.id])
        first = marks()
        assert first.keys() == {str(acme.id), str(globex.id)}
    with transaction.atomic():
        wake_all("evaluate", [acme.id])
    assert marks() == first


def test_several_questions_are_answered_in_their_order_by_one_round_trip(acme: Tenant, globex: Tenant) -> None:
    renamed = "UPDATE accounts_account SET name = %(to)s WHERE name <> %(to)s"
    questions: list[Question] = [
        (NAMES, {"but": ""}),
        (renamed, {"to": "B"}),
        (NAMES, {"but": ""}),
        ("SELECT %s::int", [7]),
    ]
    with tenant_context(acme), CaptureQueriesContext(connection) as asked:
        assert ask_all(questions) == [[("Customer of acme",)], [], [("B",)], [(7,)]]
        assert ask_all(questions[:1]) == [[("B",)]]
        assert ask_all([]) == []
    # Who counts queries counts each; the others are the context's.
    assert len([one for one in asked.captured_queries if "SET LOCAL" not in one["sql"]]) == 5
    with tenant_context(globex):
        assert ask_all(questions[:1]) == [[("Customer of globex",)]]


def test_a_question_that_fails_takes_the_others_back(acme: Tenant) -> None:
    changed: Question = ("UPDATE accounts_account SET name = 'B'", [])
    with tenant_context(acme):
        with pytest.raises(DatabaseError), transaction.atomic():
            ask_all([changed, ("SELECT 1 / %s::int", [0]), changed])
        assert Account.objects.get().name == "Customer of acme"
