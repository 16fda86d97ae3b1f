from __future__ import annotations

from typing import Any, Generic, TypeVar

from django.db import models

from hub.tenancy.context import OtherTenantError, current_tenant_id

M = TypeVar("M", bound=models.Model)


class TenantQuerySet(models.QuerySet[M, M], Generic[M]):
    """Rows of one tenant. Writes of another tenant's objects are refused before SQL is made."""

    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> list[M]:
        objs = list(objs)
        check_tenant(*objs)
        return super().bulk_create(objs, *args, **kwargs)


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
