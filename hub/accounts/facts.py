"""The account's own facts, and the upkeep of the one fact row per account that rules read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.utils import timezone

from hub.accounts.attribute_values import COLUMNS
from hub.accounts.models import AccountFacts, AttributeDefinition, AttributeEntity, AttributeKind
from hub.accounts.selectors import DEEPEST, definitions
from hub.accounts.services.hierarchy import ROLLUPS, rollup_ask, rollup_rule
from hub.accounts.services.people import people_link
from hub.registry.facts import (
    Expression,
    Fact,
    FactKind,
    FactProvider,
    FactRefresher,
    day_of_rows,
    fact_columns,
    facts,
    providers,
    refreshers,
)
from hub.tenancy.context import current_tenant_id
from hub.tenancy.models import Tenant
from hub.tenancy.remembering import configured, configured_by, current_tenant
from hub.tenancy.statements import ask


def facts_refresh(account_ids: Sequence[UUID], *, today: date, now: datetime | None = None) -> None:
    """Recompute every app's columns of the fact rows of these accounts, set-based, making rows that are missing."""
    ids = sorted(set(account_ids))
    if not ids:
        return
    for refresher in refreshers:
        refresher.refresh(ids, today)
    now = now or timezone.now()
    found = _columns_refresh(ids, today, now)
    if missing := sorted(set(ids) - {row.account_id for row in found}):
        # In order: two writers that make the same rows would else wait for one another.
        AccountFacts.objects.bulk_create([AccountFacts(account_id=pk) for pk in missing], ignore_conflicts=True)
        found += _columns_refresh(missing, today, now)
    rollup_refresh(found)


class Refreshed(NamedTuple):
    """A fact row that is up to date, but for what is summed from accounts below; whether any lie below, or above."""

    account_id: UUID
    has_below: bool
    has_above: bool


def _columns_refresh(ids: Sequence[UUID], today: date, now: datetime) -> list[Refreshed]:
    until = day_of_rows(today, now)
    values: dict[str, Any] = {
        "tenant": current_tenant_id(),
        "ids": list(ids),
        "now": now,
        "today": today,
        "until": until,
        "monday": until - timedelta(days=until.weekday()),
        "month": until - timedelta(days=30),
        "quarter": until - timedelta(days=90),
    }
    return [Refreshed(*row) for row in ask(_columns_statement(), values)]


@cache
def _columns_statement() -> str:
    """Each account's figures are read first, once and by index: the statement is planned once for one account and for a
    thousand, and the plan must not walk them again for every fact row. Then every row is written once."""
    columns = {column: sql for each in fact_columns for column, sql in each.columns.items()}
    # What rolls up is one's own where nobody lies below.
    rolled = {"rollup_accounts": "0", **{f"rollup_{column}": f"x.{column}" for column in ROLLED}}
    return f"""
    WITH x AS MATERIALIZED (
        SELECT a.id, a.parent_id IS NOT NULL AS has_above, EXISTS (
            SELECT 1 FROM accounts_account b WHERE b.tenant_id = a.tenant_id AND b.parent_id = a.id
        ) AS has_below, {", ".join(f"{sql} AS {column}" for column, sql in columns.items())}
        FROM accounts_account a {" ".join(each.tables for each in fact_columns)}
        WHERE a.tenant_id = %(tenant)s AND a.id = ANY(%(ids)s)
    )
    UPDATE accounts_accountfacts f SET as_of = %(today)s::date, computed_at = %(now)s::timestamptz,
        {", ".join(f"{column} = x.{column}" for column in columns)},
        {", ".join(f"{name} = CASE WHEN x.has_below THEN f.{name} ELSE {sql} END" for name, sql in rolled.items())}
    FROM x WHERE f.tenant_id = %(tenant)s AND f.account_id = x.id
    RETURNING f.account_id, x.has_below, x.has_above
    """


def today_of(tenant: Tenant, now: datetime | None = None) -> date:
    """The tenant's calendar day."""
    return timezone.localdate(now or timezone.now(), tenant.zone)


ROLLUP = """
UPDATE accounts_accountfacts f SET rollup_accounts = x.accounts,
    rollup_mrr_minor = CASE WHEN %(mrr)s::boolean THEN x.mrr ELSE f.mrr_minor END,
    rollup_usage_30d = CASE WHEN %(usage)s::boolean THEN x.usage ELSE f.usage_30d END,
    rollup_open_tickets = CASE WHEN %(tickets)s::boolean THEN x.tickets ELSE f.open_tickets END
FROM (
    WITH RECURSIVE family (root, id, depth) AS (
        SELECT id, id, 0 FROM accounts_account WHERE tenant_id = %(tenant)s AND id = ANY(%(ids)s)
        UNION ALL
        SELECT family.root, a.id, depth + 1 FROM family
        JOIN accounts_account a ON a.tenant_id = %(tenant)s AND a.parent_id = family.id WHERE depth < %(deepest)s
    )
    SELECT root, count(*) - 1 AS accounts, coalesce(sum(own.mrr_minor), 0) AS mrr,
        coalesce(sum(own.usage_30d), 0) AS usage, coalesce(sum(own.open_tickets), 0) AS tickets
    FROM family LEFT JOIN accounts_accountfacts own ON own.tenant_id = %(tenant)s AND own.account_id = family.id
    GROUP BY root
) x WHERE f.tenant_id = %(tenant)s AND f.account_id = x.root
    AND (f.rollup_accounts, f.rollup_mrr_minor, f.rollup_usage_30d, f.rollup_open_tickets) IS DISTINCT FROM (
        x.accounts, CASE WHEN %(mrr)s::boolean THEN x.mrr ELSE f.mrr_minor END,
        CASE WHEN %(usage)s::boolean THEN x.usage ELSE f.usage_30d END,
        CASE WHEN %(tickets)s::boolean THEN x.tickets ELSE f.open_tickets END
    )
"""


# What rolls up, by the column of an account's own.
ROLLED = ("mrr_minor", "usage_30d", "open_tickets")


def rollup_refresh(rows: Sequence[Refreshed]) -> None:
    """Add up the figures of accounts with those below, and ask for those above to be counted anew."""
    if below := [row.account_id for row in rows if row.has_below]:
        tenant = current_tenant()
        rule = rollup_rule(tenant)
        values: dict[str, Any] = {"tenant": tenant.pk, "ids": below, "deepest": DEEPEST}
        ask(ROLLUP, values | {name: name in rule for name in ROLLUPS})
    if any(row.has_above for row in rows):
        rollup_ask([row.account_id for row in rows])


def attribute_facts() -> Sequence[Fact]:
    """The tenant's attributes of accounts as facts: ``attribute.<key>``; archived ones too, for rules that use them."""
    return configured("attribute facts", _attribute_facts)


def _attribute_facts() -> list[Fact]:
    currency = ""
    found = []
    for definition in definitions(AttributeEntity.ACCOUNT, archived=True):
        if definition.kind == AttributeKind.MONEY:
            currency = currency or Tenant.objects.values_list("currency", flat=True).get(pk=current_tenant_id())
        found.append(_attribute_fact(definition, currency))
    return found


def _attribute_fact(definition: AttributeDefinition, currency: str) -> Fact:
    # Ids are UUIDs of ours and the column one of a fixed list: nothing that somebody typed gets into the SQL.
    column = f"v.{COLUMNS[definition.kind]}"
    these = f"v.contact_id IS NULL AND v.definition_id = '{definition.pk}'::uuid"
    table, tenant = "accounts_attributevalue v", f"v.tenant_id = '{definition.tenant_id}'::uuid"
    value = f"SELECT {column} FROM {table} WHERE v.tenant_id = a.tenant_id AND v.account_id = a.id AND {these}"
    return Fact(
        name=f"attribute.{definition.key}",
        label=definition.label,
        kind=KINDS[AttributeKind(definition.kind)],
        sql=f"({value})",
        source="attributes",
        freshness="at once",
        unit=currency if definition.kind == AttributeKind.MONEY else "",
        order=90,
        members=f"SELECT v.tenant_id, v.account_id FROM {table} WHERE {tenant} AND {these}",
        member_sql=column,
    )


KINDS = {
    AttributeKind.TEXT: FactKind.TEXT,
    AttributeKind.CHOICE: FactKind.TEXT,
    AttributeKind.NUMBER: FactKind.NUMBER,
    AttributeKind.MONEY: FactKind.MONEY,
    AttributeKind.DATE: FactKind.DATE,
    AttributeKind.BOOLEAN: FactKind.BOOLEAN,
}


def register() -> None:
    configured_by(AttributeDefinition)
    refreshers.register(FactRefresher("people", lambda account_ids, today: people_link(account_ids), order=5))
    providers.register(FactProvider("attributes", "attribute.", attribute_facts))

    def fact(name: str, label: str, kind: FactKind, sql: str, past: Expression | None = None) -> None:
        facts.register(Fact(name, label, kind, sql, source="account record", freshness="at once", order=10, past=past))

    fact("industry", "industry", FactKind.TEXT, "a.industry")
    fact("country", "country", FactKind.TEXT, "a.country")
    fact("segment", "segment", FactKind.TEXT, "a.segment")
    # A day that does not change: what it is now it was before.
    fact("signed_up_on", "sign-up date", FactKind.DATE, "a.signed_up_on", past=Expression("a.signed_up_on"))
    fact("seats", "seats", FactKind.NUMBER, "a.seats")
    fact("has_parent", "lies below another account", FactKind.BOOLEAN, "a.parent_id IS NOT NULL")
    fact("rollup_accounts", "accounts below", FactKind.NUMBER, "f.rollup_accounts")
    fact("rollup_mrr_minor", "MRR with accounts below", FactKind.MONEY, "f.rollup_mrr_minor")
    fact("rollup_usage_30d", "uses in 30 days with accounts below", FactKind.NUMBER, "f.rollup_usage_30d")
    fact("rollup_open_tickets", "open tickets with accounts below", FactKind.NUMBER, "f.rollup_open_tickets")
