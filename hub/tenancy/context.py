"""Wall one: the tenant of the running code, and the transaction that tells PostgreSQL about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import connections, transaction

if TYPE_CHECKING:
    from hub.tenancy.models import Tenant


class NoTenantError(RuntimeError):
    """A tenant table was touched outside `tenant_context`."""


class OtherTenantError(RuntimeError):
    """Another tenant was opened, or written to, inside a tenant's context."""


@dataclass(frozen=True)
class Scope:
    """The open context: the tenant, and one account while a customer looks at their own hub."""

    tenant_id: UUID
    account_id: UUID | None = None


_scope: ContextVar[Scope | None] = ContextVar("tandem_scope", default=None)


def current_scope() -> Scope | None:
    return _scope.get()


def current_tenant_id() -> UUID:
    """Return the id of the tenant in context; raise `NoTenantError` when there is none."""
    scope = _scope.get()
    if scope is None:
        raise NoTenantError("no tenant in context: open `with tenant_context(tenant):` first")
    return scope.tenant_id


@contextmanager
def tenant_context(tenant: Tenant | UUID, *, account_id: UUID | None = None, using: str = "default") -> Iterator[None]:
    """Open a transaction in which only rows of `tenant` exist (and, with `account_id`, of that account).

    Entering the same scope again joins the open transaction. A tenant context may be narrowed to one account and
    is widened again on leaving; another tenant inside raises `OtherTenantError`.
    """
    tenant_id = tenant if isinstance(tenant, UUID) else tenant.id
    outer = _scope.get()
    wanted = Scope(UUID(str(tenant_id)), account_id and UUID(str(account_id)))
    if outer == wanted:
        yield
        return
    if outer is not None and not _may_narrow(outer, wanted):
        raise OtherTenantError(f"{wanted} cannot be opened inside {outer}")
    connection = connections[using]
    nested = connection.in_atomic_block
    with transaction.atomic(using=using):
        _tell(using, wanted, outer)
        token = _scope.set(wanted)
        try:
            yield
        finally:
            _scope.reset(token)
        # An exception rolls the savepoint back and SET LOCAL with it; a commit ends it. Only the quiet exit from a
        # nested block has to put the outer scope back by hand.
        if nested and not connection.needs_rollback:
            _tell(using, outer, wanted)


@contextmanager
def naming(tenant_id: UUID) -> Iterator[None]:
    """Let querysets name this tenant, to be compiled and not to be run: PostgreSQL is told nothing."""
    token = _scope.set(Scope(tenant_id))
    try:
        yield
    finally:
        _scope.reset(token)


def _may_narrow(outer: Scope, wanted: Scope) -> bool:
    return outer.tenant_id == wanted.tenant_id and outer.account_id is None


def _tell(using: str, scope: Scope | None, before: Scope | None) -> None:
    # SET LOCAL takes no parameters; both values went through UUID() and cannot carry SQL. Each stands alone in its
    # statement, which a sharded cluster needs to pass it on.
    with connections[using].cursor() as cursor:
        cursor.execute(f"SET LOCAL app.tenant_id = '{scope.tenant_id if scope else ''}'")
        account = scope.account_id if scope else None
        if account != (before.account_id if before else None):
            cursor.execute(f"SET LOCAL app.account_id = '{account or ''}'")
