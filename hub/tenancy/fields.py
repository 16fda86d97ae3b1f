"""Fields of a tenant's models: who owns the row, references that cannot cross tenants, and secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from hub.tenancy.context import current_tenant_id
from hub.tenancy.sealing import place, seal, unseal

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


class Sealed(str):
    """A secret as the database holds it; it tells neither pages nor logs anything."""

    __slots__ = ()


class _Unsealing:
    """The attribute of a secret: given and read as plain text, held sealed as long as nobody reads it."""

    def __init__(self, field: SecretField) -> None:
        self.field = field

    def __get__(self, row: models.Model | None, owner: type[models.Model]) -> Any:
        if row is None:
            return self
        name = self.field.attname
        if name not in row.__dict__:
            row.refresh_from_db(fields=[name])
        found = row.__dict__[name]
        return unseal(found, self.field.place(row)) if isinstance(found, Sealed) else found

    def __set__(self, row: models.Model, value: Any) -> None:
        row.__dict__[self.field.attname] = value


class SecretField(models.TextField):  # type: ignore[type-arg]  # always text
    """A secret of a tenant's row, encrypted at rest (hub/tenancy/sealing.py); reading it may raise SecretUnreadable.

    It is written by saving its row, which it is bound to; `update()` can only empty it, and it can only be searched for
    by being empty. `values()` gives it sealed.
    """

    descriptor_class = _Unsealing

    def place(self, row: Any) -> str:
        """Where the secret of a row belongs."""
        return place(self.model._meta.db_table, str(self.column), row.tenant_id, row.pk)

    def from_db_value(self, value: str | None, expression: object, connection: object) -> Sealed | None:
        return None if value is None else Sealed(value)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        held = model_instance.__dict__[self.attname]
        return held if isinstance(held, Sealed) else Sealed(seal(held, self.place(model_instance)))

    def get_prep_value(self, value: Any) -> Any:
        if value and not isinstance(value, Sealed):
            raise TypeError(f"{self.name} is sealed for its row: give it to the row and save that")
        return None if value is None else str(value)
