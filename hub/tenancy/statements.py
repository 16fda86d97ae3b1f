"""Plain statements for many tenants in one round trip, prepared where the connection allows it.

For the few places that write for many tenants at once, many times a second. Everything else uses the ORM: a statement
here is planned once and costs a tenth of a queryset's compilation, but nobody checks it, and nothing counts it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection
from django.db.transaction import TransactionManagementError
from psycopg.adapt import Dumper
from psycopg.pq import Format

from hub.tenancy.context import OtherTenantError, current_scope

Row = tuple[Any, ...]
Values = Sequence[Any] | Mapping[str, Any]
Question = tuple[str, Values]

_PLACE = re.compile(r"%(?:%|s|\((\w+)\)s)")


@dataclass(frozen=True, slots=True)
class Packed:
    """A value in the server's own binary form, of the type that the statement says at its place: `%(days)s::date[]`.

    For thousands of values at once, which the driver would look at one by one.
    """

    data: bytes


class _PackedDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Packed) -> bytes:
        return obj.data


# Connections copy what is registered when the first of them is made.
psycopg.adapters.register_dumper(Packed, _PackedDumper)


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
            cursors.append(_execute(statement.sql, statement.values))
        if told != before:
            _tell(before)
    return [cursor.fetchall() if cursor.description else [] for cursor in cursors]


def ask(sql: str, values: Values) -> list[Row]:
    """The rows of one statement, none of one that answers nothing, in the context and the transaction there is.

    Places are %s or %(name)s, and as the server sees them without the values, of a type that is said where it does not
    follow. Raises Django's database errors.
    """
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors:
        cursor = _execute(sql, values)
        rows = cursor.fetchall() if cursor.description else []
    if connection.queries_logged:
        # Who counts the queries of a list or of a batch counts this one.
        connection.queries_log.append({"sql": sql, "time": ""})
    return rows


def ask_all(questions: Sequence[Question]) -> list[list[Row]]:
    """The rows of several statements, run in their order, as `ask` gives those of one; one round trip for all.

    Where a worker and the database share processors, waiting for each answer costs more than most of them.
    """
    if len(questions) < 2:
        return [ask(sql, values) for sql, values in questions]
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors:
        with connection.connection.pipeline():
            cursors = [_execute(sql, values) for sql, values in questions]
        rows = [cursor.fetchall() if cursor.description else [] for cursor in cursors]
    if connection.queries_logged:
        connection.queries_log.extend({"sql": sql, "time": ""} for sql, _ in questions)
    return rows


def _execute(sql: str, values: Values) -> psycopg.Cursor[Row]:
    native, names = _native(sql)
    given = [values[name] for name in names] if isinstance(values, Mapping) else values
    return psycopg.RawCursor(connection.connection).execute(native, given, prepare=True)


@lru_cache(maxsize=256)
def _native(sql: str) -> tuple[bytes, tuple[str, ...]]:
    """A statement with the server's own places, and the names of its values. The driver keeps no long one: a statement
    of all rules would be taken apart for every batch of accounts."""
    names: list[str] = []

    def place(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        name = found[1]
        if name is None or name not in names:
            names.append(name or "")
            return f"${len(names)}"
        return f"${names.index(name) + 1}"

    native = _PLACE.sub(place, sql)
    return native.encode(), tuple(names)


def _tell(tenant_id: UUID | None) -> None:
    # SET takes no parameters; a UUID cannot carry SQL.
    command = f"SET LOCAL app.tenant_id = '{tenant_id or ''}'"
    psycopg.Cursor(connection.connection).execute(command.encode(), prepare=False)
