from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Count

from hub.accounts.models import Account, Contact
from hub.tenancy.context import NoTenantError, OtherTenantError, current_scope, tenant_context
from hub.tenancy.models import Tenant
from tests.world import make_account, make_contact


def test_without_a_context_the_manager_raises(db: None) -> None:
    with pytest.raises(NoTenantError):
        Account.objects.count()


def test_without_a_context_the_database_refuses_plain_sql(acme: Tenant) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM accounts_account")


def test_a_tenant_sees_its_own_rows_only(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(acme):
        make_account()
    with tenant_context(globex):
        assert Account.objects.count() == 0


def test_row_level_security_alone_hides_foreign_rows(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        make_contact(account)
    with tenant_context(globex), connection.cursor() as cursor:
        for table in ("accounts_account", "accounts_contact", "people_auditevent", "accounts_accountstate"):
            cursor.execute(f"SELECT count(*) FROM {table} WHERE tenant_id = %s", [acme.id])
            assert cursor.fetchone() == (0,)
        cursor.execute("UPDATE accounts_account SET name = 'taken' WHERE id = %s", [account.id])
        assert cursor.rowcount == 0


def test_row_level_security_refuses_to_write_a_foreign_row(acme: Tenant, globex: Tenant) -> None:
    with (
        tenant_context(globex),
        pytest.raises(DatabaseError, match="row-level security"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO accounts_accountstate (id, tenant_id, account_id, fact_version, evaluated_version)"
            " VALUES (gen_random_uuid(), %s, gen_random_uuid(), 0, 0)",
            [acme.id],
        )


def test_a_reference_into_another_tenant_is_refused_by_the_database(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(acme):
        foreign = make_account()
    with tenant_context(globex), pytest.raises(DatabaseError, match="foreign key"), transaction.atomic():
        Contact.objects.create(account_id=foreign.id, email="kim@example.com")


def test_saving_a_foreign_object_is_refused(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
    with tenant_context(globex):
        with pytest.raises(OtherTenantError):
            account.save()
        with pytest.raises(OtherTenantError):
            account.delete()
        with pytest.raises(OtherTenantError):
            Account.objects.bulk_create([Account(tenant_id=acme.id, name="x")])


def test_another_tenant_inside_a_context_is_an_error(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(acme), pytest.raises(OtherTenantError), tenant_context(globex):
        pass


def test_leaving_a_context_leaves_nothing_behind(acme: Tenant) -> None:
    with tenant_context(acme):
        make_account()
    assert current_scope() is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('app.tenant_id', true)")
        assert cursor.fetchone() == ("",)


def test_an_error_rolls_back_and_restores_the_outer_scope(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        with pytest.raises(ZeroDivisionError):
            _rename_and_fail(acme, account)
        make_account("Second")
        assert set(Account.objects.values_list("name", flat=True)) == {"Northwind", "Second"}


def test_a_context_narrowed_to_an_account_shows_that_account_only(acme: Tenant) -> None:
    with tenant_context(acme):
        mine, other = make_account(), make_account("Other")
        make_contact(mine), make_contact(other)
        with tenant_context(acme, account_id=mine.id):
            assert [a.name for a in Account.objects.all()] == ["Northwind"]
            with connection.cursor() as cursor:
                cursor.execute("SELECT account_id FROM accounts_contact")
                assert cursor.fetchall() == [(mine.id,)]
        assert Contact.objects.count() == 2


def test_a_narrowed_context_cannot_be_widened_from_inside(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        with tenant_context(acme, account_id=account.id), pytest.raises(OtherTenantError), tenant_context(acme):
            pass


def test_the_tenant_is_in_the_sql_of_reads_joins_and_deletes(acme: Tenant, django_assert_num_queries: object) -> None:
    from django.test.utils import CaptureQueriesContext

    with tenant_context(acme):
        account = make_account()
        contact = make_contact(account)
        with CaptureQueriesContext(connection) as captured:
            list(Contact.objects.select_related("account").filter(account__name="Northwind"))
            list(account.contacts.all())
            contact.refresh_from_db()
            contact.delete()
        statements = [q["sql"] for q in captured if "accounts_" in q["sql"]]
        assert statements
        assert all("tenant_id" in sql.split("WHERE", 1)[-1] for sql in statements)
        assert '"accounts_account".tenant_id = "accounts_contact".tenant_id' in statements[0]


def test_counting_related_rows_groups_by_every_column(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        make_contact(account), make_contact(account, "lee@northwind.example")
        assert [a.n for a in Account.objects.annotate(n=Count("contacts"))] == [2]


def _rename_and_fail(tenant: Tenant, account: Account) -> None:
    with tenant_context(tenant, account_id=account.id):
        Account.objects.filter(pk=account.pk).update(name="lost")
        raise ZeroDivisionError
