"""The statements behind the list of accounts. Every one of them walks an index of the tenant's.

A page is a range of the index of the column sorted by (keyset paging): the rows that have a value, from the cursor on;
when they end, the rows without one, by id. The same page costs the same wherever it lies in the list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connection

from hub.accounts.models import LifecycleStage
from hub.rules.compile import compile_sql
from hub.shell.account_list.columns import OWNER_SQL, Sort
from hub.shell.account_list.owners import EACH, KEY, owners_in_order, read_key
from hub.shell.account_list.query import UNOWNED, AccountQuery, Asked, asked
from hub.shell.paging import Page, cursor_of, cursor_values
from hub.tenancy.context import current_tenant_id

PAGE_SIZE: Final = 50
# Beyond this many a count costs more than it tells.
COUNTED: Final = 1_000
# The last character that text can hold: what begins with x lies from x up to x followed by it.
LAST: Final = "\U0010ffff"
# The name from its first, second and third word on, and the domain; made by PostgreSQL (migration 0001).
SEARCHED: Final = ("list_name", "list_second", "list_third", "list_domain")


@dataclass(frozen=True, slots=True)
class AccountRow:
    """A line of the list; ``values`` in the order of the columns that were asked for."""

    id: UUID
    name: str
    domain: str
    stage: str
    owner: str
    owner_id: UUID | None
    words: Mapping[str, Any]
    values: tuple[Any, ...]
    part: int
    key: Any

    @property
    def stage_label(self) -> str:
        return str(LifecycleStage(self.stage).label)

    @property
    def cursor(self) -> str:
        return cursor_of(self.part, self.key, self.id)


@dataclass(frozen=True, slots=True)
class AccountTotals:
    """How many accounts the filters leave and their MRR in minor units; ``more`` than that when not all are counted."""

    count: int
    mrr_minor: int
    more: bool


@dataclass(slots=True)
class Clause:
    """A piece of SQL with the values of its placeholders, in order."""

    sql: str = ""
    params: tuple[Any, ...] = ()

    def add(self, sql: str, *params: Any) -> None:
        self.sql += sql
        self.params += params


ACCOUNT: Final = "a.tenant_id = %s"
FACTS: Final = "accounts_accountfacts f"
OF_ACCOUNT: Final = "ON {0}.tenant_id = a.tenant_id AND {0}.account_id = a.id"
PLAIN: Final = f"accounts_account a LEFT JOIN {FACTS} {OF_ACCOUNT.format('f')}"
VALUES: Final = "accounts_attributevalue v"
OWNER: Final = " LEFT JOIN people_user u ON u.id = a.owner_id"
NAMED: Final = "a.list_name"
# In the order by owner: the stretch of all owners, behind that of the cursor's owner alone.
OWNED: Final = 1
STATE: Final = f" LEFT JOIN accounts_accountstate s {OF_ACCOUNT.format('s')}"


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the list: tables and condition, the column it is ordered by ("" for the id alone), and the id's."""

    tables: str
    where: Clause
    key: str = ""
    id: str = "a.id"
    told: str = ""
    """What a cursor holds of a row, where that is not the column of the order."""


def accounts_page(query: AccountQuery | Asked, *, size: int = PAGE_SIZE) -> Page[AccountRow]:
    """One page of accounts, from the cursor on. One statement, and one for each stretch without a value at its end.

    Raises RuleError for a rule that cannot be read.
    """
    wanted = query if isinstance(query, Asked) else asked(query)
    rows = list[AccountRow]()
    start, after = _cursor(wanted)
    for number, part in enumerate(_parts(wanted, size + 1)):
        if part and number >= start and len(rows) <= size:
            rows += _part_rows(wanted, part, number, after if number == start else None, size + 1 - len(rows))
    shown = rows[:size]
    return Page(rows=shown, next_cursor=shown[-1].cursor if len(rows) > size else None)


def _cursor(wanted: Asked) -> tuple[int, tuple[Any, UUID] | None]:
    """The stretch to begin with, and the row to begin after; the beginning for a cursor of another order."""
    after = cursor_values(wanted.query.cursor, int, lambda value: value, UUID)
    if after is None:
        return 0, None
    part, key, pk = after
    if part and not (wanted.sort.table == "o" and part == OWNED):
        return part, (key if isinstance(key, str) else None, pk)
    try:
        if wanted.sort.table == "o":
            return 0, (read_key(key)[1], pk)
        return 0, (wanted.sort.read(key), pk)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return 0, None


def _parts(wanted: Asked, limit: int) -> Sequence[Part | None]:
    """The stretches of the list in their order: with a value of the sort, without one."""
    tenant, sort = current_tenant_id(), wanted.sort
    if sort.table == "o":
        return _owner_parts(wanted, tenant, limit)
    if sort.table == "a":
        return _account_parts(sort, tenant)
    if sort.table == "f":
        return _fact_parts(sort.sql, sort.nullable, tenant)
    return _attribute_parts(sort.sql, sort.definition, tenant)


def _owner_parts(wanted: Asked, tenant: UUID, limit: int) -> Sequence[Part | None]:
    """The rest of the cursor's owner, the owners after, nobody's."""
    at = _cursor_owner(wanted)
    owners = owners_in_order(tenant, at)
    place = owners.index(at) if at in owners else None
    own = (
        None if place is None else Part(PLAIN, Clause(f"{ACCOUNT} AND a.owner_id = %s", (tenant, at)), NAMED, told=KEY)
    )
    rest = owners if place is None else owners[:place] if wanted.descending else owners[place + 1 :]
    nobody = Part(PLAIN, Clause(f"{ACCOUNT} AND a.owner_id IS NULL", (tenant,)), NAMED)
    return own, _each_owner(wanted, tenant, rest, limit) if rest else None, nobody


def _each_owner(wanted: Asked, tenant: UUID, owners: Sequence[UUID], limit: int) -> Part:
    direction, inner = "DESC" if wanted.descending else "ASC", _everything(wanted)
    chosen = EACH.format(tables=f"{PLAIN}{_state(inner.sql)}", where=inner.sql, direction=direction, limit=limit)
    where = Clause(ACCOUNT, (list(owners), *inner.params, tenant))
    tables = f"{chosen} LEFT JOIN {FACTS} {OF_ACCOUNT.format('f')}"
    return Part(tables, where, f"chosen.place {direction}, {NAMED}", told=KEY)


def _cursor_owner(wanted: Asked) -> UUID | None:
    """Whose accounts the page before ended in; None at the beginning, and among those of nobody."""
    after = cursor_values(wanted.query.cursor, int, lambda value: value, UUID)
    try:
        return read_key(after[1])[0] if after and after[0] <= OWNED else None
    except (ValueError, AttributeError):
        return None


def _account_parts(sort: Sort, tenant: UUID) -> list[Part]:
    key = "" if sort.sql == "a.id" else sort.sql
    if not sort.nullable:
        return [Part(PLAIN, Clause(ACCOUNT, (tenant,)), key)]
    known = Clause(f"{ACCOUNT} AND {sort.sql} IS NOT NULL", (tenant,))
    return [Part(PLAIN, known, key), Part(PLAIN, Clause(f"{ACCOUNT} AND {sort.sql} IS NULL", (tenant,)))]


def _fact_parts(column: str, nullable: bool, tenant: UUID) -> list[Part]:
    tables = f"{FACTS} JOIN accounts_account a ON a.tenant_id = f.tenant_id AND a.id = f.account_id"
    within = f"f.tenant_id = %s AND {ACCOUNT}"
    parts = [Part(tables, Clause(f"{within} AND {column} IS NOT NULL", (tenant, tenant)), column, "f.account_id")]
    if nullable:
        parts.append(Part(tables, Clause(f"{within} AND {column} IS NULL", (tenant, tenant)), id="f.account_id"))
    # Made a moment ago, and not evaluated yet.
    lacking = f"{ACCOUNT} AND NOT EXISTS (SELECT 1 FROM accounts_accountfacts x WHERE x.tenant_id = %s"
    parts.append(Part(PLAIN, Clause(f"{lacking} AND x.account_id = a.id)", (tenant, tenant))))
    return parts


def _attribute_parts(column: str, definition: UUID | None, tenant: UUID) -> list[Part]:
    tables = (
        f"{VALUES} JOIN accounts_account a ON a.tenant_id = v.tenant_id AND a.id = v.account_id"
        f" LEFT JOIN {FACTS} {OF_ACCOUNT.format('f')}"
    )
    valued = Clause(
        f"v.tenant_id = %s AND {ACCOUNT} AND v.definition_id = %s AND {column} IS NOT NULL",
        (tenant, tenant, definition),
    )
    lacking = (
        f"{ACCOUNT} AND NOT EXISTS (SELECT 1 FROM {VALUES} WHERE v.tenant_id = %s AND v.account_id = a.id"
        f" AND v.contact_id IS NULL AND v.definition_id = %s AND {column} IS NOT NULL)"
    )
    return [
        Part(tables, valued, column, "v.account_id"),
        Part(PLAIN, Clause(lacking, (tenant, tenant, definition))),
    ]


def _part_rows(
    wanted: Asked, part: Part, number: int, after: tuple[Any, UUID] | None, limit: int
) -> Iterator[AccountRow]:
    direction, comparison = ("DESC", "<") if wanted.descending else ("ASC", ">")
    where = Clause(part.where.sql, part.where.params)
    narrow = _narrowing(wanted)
    where.add(narrow.sql, *narrow.params)
    if after and part.key:
        where.add(f" AND ({part.key}, {part.id}) {comparison} (%s, %s)", *after)
    elif after:
        where.add(f" AND {part.id} {comparison} %s", after[1])
    order = f"{part.key} {direction}, {part.id} {direction}" if part.key else f"{part.id} {direction}"
    columns = "".join(f", {column.sql}" for column in wanted.columns)
    tables, condition = f"{part.tables}{_state(columns + where.sql)}", f" WHERE {where.sql}"
    if part.tables == PLAIN and wanted.condition is None:
        # The page is chosen before its facts are looked up, not after.
        chosen = f"SELECT * FROM accounts_account a WHERE {where.sql} ORDER BY {order} LIMIT {limit}"
        tables, condition = f"({chosen}) a LEFT JOIN {FACTS} {OF_ACCOUNT.format('f')}{_state(columns)}", ""
    # Nothing typed by anybody is in the text of the statement: columns and orders are ours, values are parameters.
    statement = (
        f"SELECT a.id, a.name, a.domain, a.stage, {OWNER_SQL}, a.owner_id, a.words,"
        f" {part.told or part.key or 'NULL'}{columns}"
        f" FROM {tables}{OWNER}{condition} ORDER BY {order} LIMIT {limit}"
    )
    for pk, name, domain, stage, owner, owner_id, words, key, *values in _rows(statement, where.params):
        yield AccountRow(pk, name, domain, stage, owner, owner_id, _json(words), tuple(values), number, key)


def accounts_totals(query: AccountQuery | Asked, *, most: int = COUNTED) -> AccountTotals:
    """Count and MRR of the accounts that the filters leave, counting no further than ``most``. One statement."""
    wanted = query if isinstance(query, Asked) else asked(query)
    where = _everything(wanted)
    statement = (
        f"SELECT count(*), coalesce(sum(mrr), 0)::bigint FROM (SELECT f.mrr_minor AS mrr"
        f" FROM {PLAIN}{_state(where.sql)} WHERE {where.sql} LIMIT {most + 1}) counted"
    )
    ((count, mrr),) = _rows(statement, where.params)
    return AccountTotals(min(count, most), mrr, count > most)


def accounts_count(query: AccountQuery | Asked) -> int:
    """How many accounts the filters leave, all of them counted. One statement."""
    wanted = query if isinstance(query, Asked) else asked(query)
    where = _everything(wanted)
    ((count,),) = _rows(f"SELECT count(*) FROM {PLAIN}{_state(where.sql)} WHERE {where.sql}", where.params)
    return int(count)


def accounts_selection(wanted: Asked) -> Clause:
    """``SELECT id`` of every account that the filters leave, for statements that take them all."""
    where = _everything(wanted)
    return Clause(f"SELECT a.id FROM {PLAIN}{_state(where.sql)} WHERE {where.sql}", where.params)


def _everything(wanted: Asked) -> Clause:
    where, narrow = Clause(ACCOUNT, (current_tenant_id(),)), _narrowing(wanted)
    where.add(narrow.sql, *narrow.params)
    return where


def _narrowing(wanted: Asked) -> Clause:
    """The filters, as conditions behind an AND."""
    query, where = wanted.query, Clause()
    if query.q:
        found = beginning("accounts_account", SEARCHED, query.q)
        where.add(f" AND (a.tenant_id, a.id) IN ({found.sql})", *found.params)
    if query.stage:
        where.add(" AND a.stage = %s", query.stage)
    if query.owner == UNOWNED:
        where.add(" AND a.owner_id IS NULL")
    elif query.owner:
        where.add(" AND a.owner_id = %s", query.owner)
    if wanted.condition is not None and wanted.clock is not None:
        sql, params = compile_sql(wanted.condition, wanted.clock, searching=True)
        where.add(f" AND ({sql})", *params)
    return where


def beginning(table: str, columns: Sequence[str], text: str) -> Clause:
    """``SELECT tenant_id, id`` of the rows of a table of which one of the columns begins with a text.

    A range of an index each, put together: joined by OR, the planner may rather walk the whole order of the list.
    """
    each = "SELECT tenant_id, id FROM {0} WHERE tenant_id = %s AND {1} >= lower(%s) AND {1} < lower(%s) || %s"
    sql = " UNION ALL ".join(each.format(table, column) for column in columns)
    return Clause(sql, (current_tenant_id(), text, text, LAST) * len(columns))


def _json(value: Any) -> Mapping[str, Any]:
    # Columns of JSON come as text: Django reads them by the field, and these are read by hand.
    found: Mapping[str, Any] = json.loads(value) if isinstance(value, str) else value
    return found


def _state(sql: str) -> str:
    """The account's state, for facts that read it."""
    return STATE if re.search(r"\bs\.", sql) else ""


def _rows(statement: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall())
