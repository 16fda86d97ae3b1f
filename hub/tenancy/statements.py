"""Plain statements for many tenants in one round trip, prepared where the connection allows it.

For the few places that write for many tenants at once, many times a second. Everything else uses the ORM: a statement
here is planned once and costs a tenth of a queryset's compilation, but nobody checks it, and nothing counts it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection
from django.db.transaction import TransactionManagementError

from hub.tenancy.context import OtherTenantError, current_scope

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with named places and its values, run as `tenant_id`; None for tables that no tenant owns."""

    sql: str
    values: Mapping[str, Any]
    tenant_id: UUID | None = None


def send(statements: Sequence[Statement]) -> list[list[Row]]:
    """Run statements in their order inside the open transaction; the rows of each. One round trip for all.

    The first that fails ends the transaction. Raises Django's database errors, TransactionManagementError outside a
    transaction, where no tenant could be told, and `OtherTenantError` for another tenant's inside a tenant's context.
    """
    if not connection.in_atomic_block:
        raise TransactionManagementError("statements of tenants need an open transaction")
    connection.validate_no_broken_transaction()
    scope = current_scope()
    told = before = scope.tenant_id if scope else None
    with connection.wrap_database_errors, connection.connection.pipeline():
        cursors = []
        for statement in statements:
            if statement.tenant_id not in (None, told):
                if before:
                    raise OtherTenantError(f"a statement of {statement.tenant_id} inside {scope}")
                told = statement.tenant_id
                _tell(told)
            cursor = psycopg.Cursor(connection.connection)
            cursors.append(cursor.execute(statement.sql, statement.values, prepare=True))
        if told != before:
            _tell(before)
    return [cursor.fetchall() if cursor.description else [] for cursor in cursors]


def ask(sql: str, values: Sequence[Any]) -> list[Row]:
    """The rows of one statement with %s for its values, in the context there is; raises Django's database errors."""
    connection.ensure_connection()
    with connection.wrap_database_errors:
        return psycopg.Cursor(connection.connection).execute(sql, values, prepare=True).fetchall()


def _tell(tenant_id: UUID | None) -> None:
    # SET takes no parameters; a UUID cannot carry SQL.
    command = f"SET LOCAL app.tenant_id = '{tenant_id or ''}'"
    psycopg.Cursor(connection.connection).execute(command.encode(), prepare=False)
