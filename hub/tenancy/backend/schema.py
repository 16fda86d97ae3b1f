from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.backends.ddl_references import Columns
from django.db.backends.postgresql import schema as postgresql

from hub.tenancy.fields import TenantField, TenantForeignKey

# The stubs leave out the editor's own methods, which are what has to be overridden here.
PostgresSchemaEditor: Any = postgresql.DatabaseSchemaEditor

TENANT_POLICY = "tenant_id = current_setting('app.tenant_id')::uuid"
# A CASE, because the planner guesses that it holds for half of the rows. Of `id = coalesce(setting, id)`, which says
# the same, it guesses one in two hundred, and then reads large tables the wrong way round.
OF_ACCOUNT = (
    "CASE WHEN nullif(current_setting('app.account_id', true), '') IS NULL THEN true"
    " ELSE {column} = current_setting('app.account_id')::uuid END"
)


def tenant_field_of(model: type[models.Model]) -> TenantField | None:
    """Return the tenant field of `model` (also of a historical one), or None for a global table."""
    for field in model._meta.local_fields:
        if isinstance(field, TenantField):
            return field
    return None


def policy_of(model: type[models.Model]) -> str:
    """SQL of the one policy: the tenant, and the account while a customer's hub has narrowed the context."""
    if model._meta.label_lower == "accounts.account":
        return f"{TENANT_POLICY} AND {OF_ACCOUNT.format(column='id')}"
    for field in model._meta.local_fields:
        if field.name == "account" and isinstance(field, TenantForeignKey):
            return f"{TENANT_POLICY} AND {OF_ACCOUNT.format(column='account_id')}"
    return TENANT_POLICY


class DatabaseSchemaEditor(PostgresSchemaEditor):  # type: ignore[misc]  # an Any base, see above
    # Foreign keys inside a tenant are composite, which the inline form cannot say.
    sql_create_column_inline_fk = None
    sql_create_tenant_pk = "ALTER TABLE %(table)s ADD CONSTRAINT %(name)s PRIMARY KEY (tenant_id, %(column)s)"

    def create_model(self, model: type[models.Model]) -> None:
        if tenant_field_of(model) is None:
            super().create_model(model)
        else:
            self._create_tenant_model(model)
        self._grant(model)

    def _create_tenant_model(self, model: type[models.Model]) -> None:
        pk = model._meta.pk
        assert pk is not None
        # Django must not write PRIMARY KEY beside the column; it believes in `id` again as soon as the table is made.
        pk.primary_key = False
        try:
            super().create_model(model)
        finally:
            pk.primary_key = True
        table = model._meta.db_table
        self.execute(
            self.sql_create_tenant_pk
            % {
                "table": self.quote_name(table),
                "name": self.quote_name(f"{table}_pkey"),
                "column": self.quote_name(pk.column),
            }
        )
        self.protect_tenant_table(table, policy_of(model))

    def protect_tenant_table(self, table: str, policy: str) -> None:
        """Force row level security on `table` with the one policy `policy` for reading and writing."""
        name = self.quote_name(table)
        self.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY", None)
        self.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY", None)
        self.execute(f"CREATE POLICY tenant ON {name} USING ({policy}) WITH CHECK ({policy})", None)

    def _grant(self, model: type[models.Model]) -> None:
        table = self.quote_name(model._meta.db_table)
        role = self.quote_name(settings.DATABASE_APP_ROLE)
        self.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role}", None)

    def _create_fk_sql(self, model: type[models.Model], field: Any, suffix: str) -> Any:
        statement: Any = super()._create_fk_sql(model, field, suffix)
        if isinstance(field, TenantForeignKey):
            statement.parts["column"] = Columns(model._meta.db_table, ["tenant_id", field.column], self.quote_name)
            target: Any = field.target_field
            statement.parts["to_column"] = Columns(
                target.model._meta.db_table, ["tenant_id", target.column], self.quote_name
            )
            statement.parts["deferrable"] = ""
        return statement

    def _field_indexes_sql(self, model: type[models.Model], field: Any) -> list[Any]:
        inside = isinstance(field, TenantForeignKey)
        if not (inside and field.db_index):
            return list(super()._field_indexes_sql(model, field))
        tenant = tenant_field_of(model)
        name = self._create_index_name(model._meta.db_table, ["tenant_id", field.column])
        return [self._create_index_sql(model, fields=[tenant, field], name=name)]
