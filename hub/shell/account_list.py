"""The list of accounts: what may be asked for, in the URL, and the one statement that answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.db import connection

from hub.accounts.models import LifecycleStage
from hub.shell.paging import Page, cursor_values, page_of
from hub.tenancy.context import current_tenant_id

PAGE_SIZE: Final = 50
UNOWNED: Final = "none"
FAR_AWAY: Final = date(9999, 12, 31)


@dataclass(frozen=True, slots=True)
class Sort:
    """A column to sort by: its SQL, never NULL so that a cursor can stand on it, and how to read it from a cursor."""

    sql: str
    read: Callable[[str], Any]


SORTS: Final[Mapping[str, Sort]] = {
    "name": Sort("lower(a.name)", str),
    "owner": Sort("lower(coalesce(nullif(u.name, ''), u.email, ''))", str),
    "stage": Sort("a.stage", str),
    "mrr": Sort("coalesce(f.mrr_minor, 0)", int),
    "renewal": Sort(f"coalesce(f.renews_on, '{FAR_AWAY}'::date)", date.fromisoformat),
    "usage": Sort("coalesce(f.usage_30d, 0)", int),
}
DEFAULT_SORT: Final = "name"


@dataclass(frozen=True, slots=True)
class AccountQuery:
    """What the list was asked for. ``owner`` is a user's id, ``none`` or empty; ``sort`` may start with a minus."""

    q: str = ""
    owner: str = ""
    stage: str = ""
    sort: str = DEFAULT_SORT
    cursor: str = ""

    @classmethod
    def read(cls, params: Mapping[str, str]) -> AccountQuery:
        """Read a query string; values that nobody offers are left out, so an old link still opens a list."""
        sort = params.get("sort", "")
        stage = params.get("stage", "")
        return cls(
            q=params.get("q", "").strip()[:100],
            owner=_owner(params.get("owner", "")),
            stage=stage if stage in LifecycleStage.values else "",
            sort=sort if sort.removeprefix("-") in SORTS else DEFAULT_SORT,
            cursor=params.get("cursor", ""),
        )

    @property
    def narrows(self) -> bool:
        return bool(self.q or self.owner or self.stage)


def _owner(text: str) -> str:
    if text == UNOWNED:
        return text
    try:
        return str(UUID(text))
    except ValueError:
        return ""


@dataclass(frozen=True, slots=True)
class AccountRow:
    """A line of the list; money in minor units. ``key`` is the value sorted by."""

    id: UUID
    name: str
    domain: str
    segment: str
    stage: str
    owner: str
    mrr_minor: int | None
    renews_on: date | None
    usage_30d: int | None
    usage_drop_pct: float | None
    key: Any

    @property
    def stage_label(self) -> str:
        return str(LifecycleStage(self.stage).label)


@dataclass(frozen=True, slots=True)
class AccountTotals:
    """How many accounts the filters leave, and their MRR in minor units."""

    count: int
    mrr_minor: int


TABLES = """FROM accounts_account a
    LEFT JOIN accounts_accountfacts f ON f.tenant_id = a.tenant_id AND f.account_id = a.id
    LEFT JOIN people_user u ON u.id = a.owner_id
    WHERE a.tenant_id = %(tenant)s"""


def accounts_page(query: AccountQuery, *, size: int = PAGE_SIZE) -> Page[AccountRow]:
    """One page of accounts, from the cursor on. One statement."""
    sort = SORTS[query.sort.removeprefix("-")]
    direction, comparison = ("DESC", "<") if query.sort.startswith("-") else ("ASC", ">")
    where, values = _where(query)
    if after := cursor_values(query.cursor, sort.read, UUID):
        where += f" AND ({sort.sql}, a.id) {comparison} (%(key)s, %(id)s)"
        values |= {"key": after[0], "id": after[1]}
    statement = f"""SELECT a.id, a.name, a.domain, a.segment, a.stage, coalesce(nullif(u.name, ''), u.email, ''),
            f.mrr_minor, f.renews_on, f.usage_30d, f.usage_drop_pct, {sort.sql}
        {TABLES}{where} ORDER BY {sort.sql} {direction}, a.id {direction} LIMIT {size + 1}"""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = [AccountRow(*row) for row in cursor.fetchall()]
    return page_of(rows, size, lambda row: (row.key, row.id))


def accounts_totals(query: AccountQuery) -> AccountTotals:
    """Count and MRR of all accounts that the filters leave. One statement."""
    where, values = _where(query)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*), coalesce(sum(f.mrr_minor), 0)::bigint {TABLES}{where}", values)
        return AccountTotals(*cursor.fetchone())


def _where(query: AccountQuery) -> tuple[str, dict[str, Any]]:
    clauses = ""
    values: dict[str, Any] = {"tenant": current_tenant_id()}
    if query.q:
        # A word of the name may be what people remember; a domain is typed from its start.
        clauses += " AND (a.name ILIKE %(start)s OR a.name ILIKE %(word)s OR a.domain ILIKE %(start)s)"
        prefix = like_prefix(query.q)
        values |= {"start": prefix, "word": f"% {prefix}"}
    if query.stage:
        clauses += " AND a.stage = %(stage)s"
        values |= {"stage": query.stage}
    if query.owner == UNOWNED:
        clauses += " AND a.owner_id IS NULL"
    elif query.owner:
        clauses += " AND a.owner_id = %(owner)s"
        values |= {"owner": query.owner}
    return clauses, values


def like_prefix(text: str) -> str:
    """A LIKE pattern for what starts with ``text``, whose own wildcards mean themselves."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{escaped}%"
