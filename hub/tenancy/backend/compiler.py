from __future__ import annotations

from typing import Any

from django.db.backends.postgresql.compiler import SQLAggregateCompiler, SQLCompiler
from django.db.models.sql import compiler
from django.db.models.sql.where import AND

# The generic compiler writes VALUES. Django's PostgreSQL one writes INSERT … SELECT FROM UNNEST, which a sharded
# cluster refuses under row level security.
from django.db.models.sql.compiler import SQLInsertCompiler  # isort: skip

from hub.tenancy.context import current_scope
from hub.tenancy.fields import TenantField

__all__ = [
    "SQLAggregateCompiler",
    "SQLCompiler",
    "SQLDeleteCompiler",
    "SQLInsertCompiler",
    "SQLUpdateCompiler",
]


def name_tenant(query: Any) -> None:
    """Add the tenant to the WHERE of a write that Django builds past the managers (cascades name ids alone)."""
    scope = current_scope()
    tenant = next((field for field in query.get_meta().local_fields if isinstance(field, TenantField)), None)
    if scope is None or tenant is None or getattr(query, "tenant_named", False):
        return
    exact_lookup: Any = tenant.get_lookup("exact")
    exact = exact_lookup(tenant.get_col(query.get_initial_alias()), scope.tenant_id)
    query.where.add(exact, AND)
    query.tenant_named = True


class SQLDeleteCompiler(compiler.SQLDeleteCompiler):
    def as_sql(self, *args: Any, **kwargs: Any) -> Any:
        if self.single_alias:
            name_tenant(self.query)
        return super().as_sql(*args, **kwargs)


class SQLUpdateCompiler(compiler.SQLUpdateCompiler):
    def as_sql(self, *args: Any, **kwargs: Any) -> Any:
        name_tenant(self.query)
        return super().as_sql(*args, **kwargs)
