"""The database as it is: what tenancy promises, read back from PostgreSQL's catalogue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.db import models

from hub.tenancy.backend.schema import policy_of, tenant_field_of
from hub.tenancy.fields import TenantForeignKey

# Tables without a tenant, the whole list. A new one needs a reason here.
GLOBAL_TABLES = {
    "tenancy_tenant",
    "tenancy_tenantwork",  # tells workers which tenants have something due
    "tenancy_clockslot",  # makes a second clock harmless; holds no tenant's data
    "tenancy_heartbeat",  # signs of life of processes
    "people_user",
    "people_membership",
    "people_credential",  # the key is what tells the tenant
    "people_staffmail",  # staff sign in before anything tells the tenant; a row lives until its mail is sent
    # The framework's own.
    "account_emailaddress",
    "account_emailconfirmation",
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    "django_content_type",
    "django_migrations",
    "django_session",
}
TENANT_MODELS = [model for model in apps.get_models() if tenant_field_of(model)]
EVENTS = "usage_event"


Query = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def rows(migrator: psycopg.Connection) -> Query:
    def query(sql: str, *params: object) -> list[tuple[Any, ...]]:
        return migrator.execute(sql.encode(), params).fetchall()

    return query


def test_every_table_is_a_tenants_or_on_the_list(rows: Query) -> None:
    tables = {
        name
        for (name,) in rows(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p') AND NOT relispartition"
        )
    }
    tenant_tables = {model._meta.db_table for model in TENANT_MODELS} | {EVENTS}
    assert tables - tenant_tables == GLOBAL_TABLES


def test_every_tenant_table_forces_row_level_security_with_the_one_policy(rows: Query) -> None:
    found = {
        table: (enabled, forced, policies)
        for table, enabled, forced, policies in rows(
            "SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity,"
            " (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd = '*'"
            "   AND p.polwithcheck IS NOT NULL AND p.polqual IS NOT NULL)"
            " FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace"
        )
    }
    for table in [*(model._meta.db_table for model in TENANT_MODELS), EVENTS]:
        assert found[table] == (True, True, 1), table


def test_policies_that_know_an_account_hold_it_too(rows: Query) -> None:
    policies: dict[str, str] = dict(rows("SELECT tablename, qual FROM pg_policies"))
    for model in TENANT_MODELS:
        narrowed = "app.account_id" in policy_of(model)
        assert ("app.account_id" in str(policies[model._meta.db_table])) is narrowed, model


def test_primary_keys_start_with_the_tenant(rows: Query) -> None:
    keys: dict[str, list[str]] = dict(
        rows(
            "SELECT c.relname, array_agg(a.attname ORDER BY array_position(i.indkey::int[], a.attnum::int))"
            " FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
            " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey::int[])"
            " WHERE i.indisprimary GROUP BY c.relname"
        )
    )
    for model in TENANT_MODELS:
        assert keys[model._meta.db_table] == ["tenant_id", "id"], model
    assert keys[EVENTS] == ["tenant_id", "id", "day"]


def test_every_index_of_a_tenant_table_starts_with_the_tenant(rows: Query) -> None:
    first = rows(
        "SELECT c.relname, x.relname, a.attname FROM pg_index i"
        " JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]"
        " WHERE c.relnamespace = 'public'::regnamespace"
    )
    tables = {model._meta.db_table for model in TENANT_MODELS} | {EVENTS}
    assert [(t, i, a) for t, i, a in first if t in tables and a != "tenant_id"] == []


def test_foreign_keys_between_tenant_tables_are_composite_and_immediate(rows: Query) -> None:
    tables = {model._meta.db_table for model in TENANT_MODELS}
    keys = rows(
        "SELECT conrelid::regclass::text, confrelid::regclass::text, array_length(conkey, 1), condeferrable,"
        " confdeltype"
        " FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace"
    )
    inside = [key for key in keys if key[0] in tables and key[1] in tables]
    assert inside
    for source, target, columns, deferrable, on_delete in inside:
        assert (columns, deferrable) == (2, False), (source, target)
        assert on_delete in ("a", "c"), f"{source} → {target}: only NO ACTION and CASCADE survive sharding"
    expected = sum(isinstance(field, TenantForeignKey) for model in TENANT_MODELS for field in model._meta.local_fields)
    assert len(inside) == expected


def test_partitions_have_no_grants(rows: Query) -> None:
    rows("SELECT usage_event_partition('2026-01-01')")
    assert (
        rows(
            "SELECT c.relname FROM pg_class c WHERE c.relispartition AND c.relkind = 'r'"
            " AND has_table_privilege(%s, c.oid, 'SELECT, INSERT, UPDATE, DELETE')",
            settings.DATABASE_APP_ROLE,
        )
        == []
    )


def test_the_app_role_can_neither_bypass_nor_own_nor_truncate(rows: Query) -> None:
    role = settings.DATABASE_APP_ROLE
    assert rows("SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = %s", role) == [
        (False, False, False, False)
    ]
    assert (
        rows(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
            " AND (pg_get_userbyid(relowner) = %s OR has_table_privilege(%s, oid, 'TRUNCATE'))",
            role,
            role,
        )
        == []
    )


def test_the_audit_log_is_append_only(rows: Query) -> None:
    role = settings.DATABASE_APP_ROLE
    assert rows(
        "SELECT has_table_privilege(%s, 'people_auditevent', 'INSERT'),"
        " has_table_privilege(%s, 'people_auditevent', 'UPDATE'),"
        " has_table_privilege(%s, 'people_auditevent', 'DELETE')",
        role,
        role,
        role,
    ) == [(True, False, False)]


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model._meta.label)
def test_base_manager_of_a_tenant_model_puts_the_tenant_into_the_sql(model: type[models.Model]) -> None:
    assert model._meta.base_manager_name == "objects"
    assert type(model._base_manager).__name__ == "TenantManager"


def test_there_are_no_triggers_sequences_or_exclusions_on_tenant_tables(rows: Query) -> None:
    tables = [model._meta.db_table for model in TENANT_MODELS]
    assert (
        rows("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid::regclass::text = ANY(%s)", tables) == []
    )
    assert rows("SELECT conname FROM pg_constraint WHERE contype = 'x'") == []
    assert (
        rows("SELECT attname FROM pg_attribute WHERE attidentity <> '' AND attrelid::regclass::text = ANY(%s)", tables)
        == []
    )
