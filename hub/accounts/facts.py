"""The account's own facts, and the upkeep of the one fact row per account that rules read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
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
    facts,
    providers,
    refreshers,
)
from hub.tenancy.context import current_tenant_id
from hub.tenancy.models import Tenant
from hub.tenancy.remembering import configured, configured_by, current_tenant
from hub.tenancy.statements import ask

MISSING = """
SELECT x.id FROM unnest(%s::uuid[]) WITH ORDINALITY AS x (id, place)
WHERE NOT EXISTS (SELECT 1 FROM accounts_accountfacts f WHERE f.tenant_id = %s AND f.account_id = x.id)
ORDER BY x.place
"""
STAMP = """
UPDATE accounts_accountfacts SET as_of = %s::date, computed_at = %s::timestamptz
WHERE tenant_id = %s AND account_id = ANY(%s)
"""


def facts_refresh(account_ids: Sequence[UUID], *, today: date, now: datetime | None = None) -> None:
    """Recompute every app's columns of the fact rows of these accounts, set-based, making rows that are missing."""
    ids = sorted(set(account_ids))
    if not ids:
        return
    _rows_ensure(ids)
    now = now or timezone.now()
    rows_until = day_of_rows(today, now)
    for refresher in refreshers:
        refresher.refresh(ids, rows_until if refresher.utc else today)
    ask(STAMP, [today, now, current_tenant_id(), ids])


def _rows_ensure(ids: Sequence[UUID]) -> None:
    """Make the fact rows that are missing."""
    # In order: two writers that make the same rows would else wait for one another.
    missing = [AccountFacts(account_id=pk) for (pk,) in ask(MISSING, [list(ids), current_tenant_id()])]
    AccountFacts.objects.bulk_create(missing, ignore_conflicts=True)


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


def rollup_refresh(account_ids: Sequence[UUID], today: date) -> None:
    """Add up the figures of accounts with those below, and ask for those above to be counted anew."""
    tenant = current_tenant()
    rule = rollup_rule(tenant)
    values: dict[str, Any] = {"tenant": tenant.pk, "ids": list(account_ids), "deepest": DEEPEST}
    ask(ROLLUP, values | {name: name in rule for name in ROLLUPS})
    rollup_ask(account_ids)


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
    refreshers.register(FactRefresher("rollup", rollup_refresh, order=900))
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
