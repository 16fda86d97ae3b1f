"""What an account that pays should have, and which accounts lack what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connection

from hub.shell.paging import Page, cursor_values, page_of
from hub.tenancy.context import current_tenant_id

_HERE = (
    "EXISTS (SELECT 1 FROM accounts_contact c WHERE c.tenant_id = a.tenant_id AND c.account_id = a.id"
    " AND c.status = 'active'{also})"
)


@dataclass(frozen=True, slots=True)
class Check:
    """Something that an account should have: its name, what has it (SQL over `a` and `f`), and where it is mended."""

    label: str
    sql: str
    anchor: str = ""


CHECKS: Final[Mapping[str, Check]] = {
    "owner": Check("an owner", "a.owner_id IS NOT NULL"),
    "industry": Check("an industry", "a.industry <> ''"),
    "segment": Check("a market segment", "a.segment <> ''"),
    "seats": Check("its seats", "a.seats IS NOT NULL"),
    "signed_up": Check("a sign-up date", "a.signed_up_on IS NOT NULL"),
    "renewal": Check("a renewal date", "f.renews_on IS NOT NULL", "revenue"),
    "contact": Check("a contact", _HERE.format(also=""), "people"),
    "champion": Check("a champion", _HERE.format(also=" AND 'champion' = ANY(c.roles)"), "people"),
    "usage": Check("any use", "f.last_event_on IS NOT NULL", "usage"),
}
PAYING: Final = (
    "accounts_accountfacts f JOIN accounts_account a ON a.tenant_id = f.tenant_id AND a.id = f.account_id"
    " WHERE f.tenant_id = %(tenant)s AND f.mrr_minor > 0"
)
_MISSING: Final = ", ".join(f"(CASE WHEN {check.sql} THEN '' ELSE '{key}' END)" for key, check in CHECKS.items())
LACKING: Final = f"array_remove(ARRAY[{_MISSING}], '')"
PAGE_SIZE: Final = 50


def lacking_counts() -> tuple[int, int, dict[str, int]]:
    """Accounts that pay, those that lack something, and how many lack what. One query over all of them."""
    each = ", ".join(f"count(*) FILTER (WHERE '{key}' = ANY(x.lacks))" for key in CHECKS)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*), count(*) FILTER (WHERE cardinality(x.lacks) > 0), {each}"
            f" FROM (SELECT {LACKING} AS lacks FROM {PAYING}) x",
            {"tenant": current_tenant_id()},
        )
        paying, incomplete, *counts = cursor.fetchone()
    return paying, incomplete, dict(zip(CHECKS, counts, strict=True))


def lacks_of(account_id: UUID) -> list[Check] | None:
    """What an account lacks; None when it does not pay. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {LACKING} FROM {PAYING} AND f.account_id = %(id)s",
            {"tenant": current_tenant_id(), "id": account_id},
        )
        row = cursor.fetchone()
    return [CHECKS[key] for key in row[0]] if row else None


@dataclass(frozen=True, slots=True)
class Lacking:
    """An account that pays and lacks something; MRR in minor units."""

    id: UUID
    name: str
    mrr_minor: int
    lacks: Sequence[str]


def lacking_page(key: str, cursor: str, *, size: int = PAGE_SIZE) -> Page[Lacking]:
    """Accounts that lack something (or what ``key`` names), those that pay most first. One query."""
    values: dict[str, Any] = {"tenant": current_tenant_id(), "key": key, "size": size + 1}
    after = ""
    if at := cursor_values(cursor, int, UUID):
        after = " AND (f.mrr_minor, a.id) < (%(mrr)s::bigint, %(id)s::uuid)"
        values |= {"mrr": max(min(at[0], 2**62), 0), "id": at[1]}
    wanted = "%(key)s = ANY(x.lacks)" if key in CHECKS else "cardinality(x.lacks) > 0"
    with connection.cursor() as opened:
        opened.execute(
            f"SELECT x.id, x.name, x.mrr_minor, x.lacks FROM ("
            f"SELECT a.id, a.name, f.mrr_minor, {LACKING} AS lacks FROM {PAYING}{after}"
            f") x WHERE {wanted} ORDER BY x.mrr_minor DESC, x.id DESC LIMIT %(size)s",
            values,
        )
        rows = [Lacking(pk, name, mrr, [CHECKS[each].label for each in lacks]) for pk, name, mrr, lacks in opened]
    return page_of(rows, size, lambda row: (row.mrr_minor, row.id))
