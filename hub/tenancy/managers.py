from __future__ import annotations

from collections.abc import Collection
from typing import Any, Generic, TypeVar

from django.db import models

from hub.tenancy.context import OtherTenantError, current_tenant_id
from hub.tenancy.inserting import can_insert, insert_new, insert_rows, on_conflict

M = TypeVar("M", bound=models.Model)


class TenantQuerySet(models.QuerySet[M, M], Generic[M]):
    """Rows of one tenant. Writes of another tenant's objects are refused before SQL is made."""

    def bulk_create(
        self,
        objs: Any,
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Any = None,
        unique_fields: Any = None,
    ) -> list[M]:
        """As Django's, by one JSON text where the model's fields allow it (hub/tenancy/inserting.py)."""
        objs = list(objs)
        rows: list[M] = objs
        check_tenant(*objs)
        if objs and can_insert(self.model) and all(each.pk is not None for each in objs):
            clause = on_conflict(ignore_conflicts, update_conflicts, unique_fields, update_fields, self.model)
            if insert_rows(self.db, objs, clause, batch_size):
                return rows
        return super().bulk_create(
            objs,
            batch_size,
            ignore_conflicts,
            update_conflicts,
            update_fields=update_fields,
            unique_fields=unique_fields,
        )

    def insert_new(self, objs: Collection[M]) -> list[M]:
        """Insert objects that are not there by a unique key, and return those. One statement, and no other field."""
        check_tenant(*objs)
        made = insert_new(self.db, list(objs)) if objs else set()
        return [each for each in objs if each.pk in made]


class TenantManager(models.Manager.from_queryset(TenantQuerySet)[M]):  # type: ignore[misc]  # dynamic base
    """Manager that raises `NoTenantError` without a context and puts the tenant into the SQL with one.

    The policy alone would give the right rows; the literal lets a sharded planner ask one shard only.
    """

    def get_queryset(self) -> TenantQuerySet[M]:
        queryset: TenantQuerySet[M] = super().get_queryset().filter(tenant_id=current_tenant_id())
        return queryset


def check_tenant(*objs: Any) -> None:
    """Raise `OtherTenantError` when an object belongs to a tenant other than the one in context."""
    tenant_id = current_tenant_id()
    for obj in objs:
        if obj.tenant_id != tenant_id:
            raise OtherTenantError(f"{obj!r} belongs to tenant {obj.tenant_id}, the context is {tenant_id}")
