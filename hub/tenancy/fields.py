"""The two fields that make a model a tenant's: who owns the row, and references that cannot cross tenants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from hub.tenancy.context import current_tenant_id

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.sql.compiler import SQLCompiler


class SameTenant:
    """Join condition ``a.tenant_id = b.tenant_id``: with it a sharded planner keeps the join on one shard."""

    contains_aggregate = False
    contains_over_clause = False
    contains_column_references = True

    def __init__(self, alias: str, related_alias: str) -> None:
        self.alias = alias
        self.related_alias = related_alias

    def relabeled_clone(self, change_map: dict[str, str]) -> SameTenant:
        return SameTenant(
            change_map.get(self.alias, self.alias), change_map.get(self.related_alias, self.related_alias)
        )

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        quote = compiler.quote_name_unless_alias
        return f"{quote(self.alias)}.tenant_id = {quote(self.related_alias)}.tenant_id", []


class TenantField(models.ForeignKey):  # type: ignore[type-arg]  # the generic parameters are fixed below by `to`
    """The owning tenant: NOT NULL, filled from the context, first column of the primary key."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("to", "tenancy.Tenant")
        kwargs.setdefault("on_delete", models.PROTECT)
        kwargs.setdefault("related_name", "+")
        kwargs.setdefault("default", current_tenant_id)
        kwargs["editable"] = False
        # The primary key starts with this column; a second index would only cost writes.
        kwargs["db_index"] = False
        super().__init__(*args, **kwargs)


class TenantForeignKey(models.ForeignKey):  # type: ignore[type-arg]  # parameters come from the call
    """A foreign key inside one tenant.

    In the database ``(tenant_id, x_id) → (tenant_id, id)``, not deferrable, with an index that starts with the
    tenant (leave it out with ``db_index=False`` where a declared index or unique key already starts with the two
    columns); in every ORM join the tenants are compared too.
    """

    def get_extra_restriction(self, alias: str | None, related_alias: str | None) -> Any:
        if alias is None or related_alias is None:
            return None
        return SameTenant(alias, related_alias)
