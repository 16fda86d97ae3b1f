"""What shall stand over there, found for all customers in one statement; only what differs from before is due."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from babel.numbers import get_currency_precision
from django.db import connection

from hub.ingest.models import WriteBack
from hub.registry.facts import Fact, FactKind, known_facts
from hub.tenancy.context import current_tenant_id
from hub.tenancy.remembering import current_tenant

# Customers that become due in one statement; the rest are found by the next.
AT_ONCE: Final = 5_000

CURRENT = """
SELECT x.account_id, x.value AS external_id, jsonb_strip_nulls(jsonb_build_object({pairs})) AS wanted
FROM accounts_accountexternalid x
JOIN accounts_account a ON a.tenant_id = x.tenant_id AND a.id = x.account_id
LEFT JOIN accounts_accountstate s ON s.tenant_id = a.tenant_id AND s.account_id = a.id
LEFT JOIN accounts_accountfacts f ON f.tenant_id = a.tenant_id AND f.account_id = a.id
WHERE x.tenant_id = %s AND x.source = %s
"""
# An account without a value, of which nothing was written, is left alone.
DUE = """
INSERT INTO ingest_writtenrow (
    tenant_id, id, writing_id, account_id, external_id, wanted, written, due_at, attempts, reason
)
SELECT %s, gen_random_uuid(), %s, d.account_id, d.external_id, d.wanted, '{{}}', %s, 0, ''
FROM ({current}) d
LEFT JOIN ingest_writtenrow r ON r.tenant_id = %s AND r.writing_id = %s AND r.external_id = d.external_id
WHERE CASE WHEN r.id IS NULL THEN d.wanted <> '{{}}' ELSE r.wanted <> d.wanted OR r.account_id <> d.account_id END
ORDER BY d.account_id, d.external_id
LIMIT %s
ON CONFLICT (tenant_id, writing_id, external_id) DO UPDATE SET account_id = excluded.account_id,
    wanted = excluded.wanted, due_at = excluded.due_at, attempts = 0, reason = ''
"""


class UnknownFact(ValueError):
    """A fact that is written and that the record does not have any more."""


def _value(fact: Fact, digits: int) -> str:
    """The fact as JSON has it: days and moments as ISO 8601, money in whole units, a set as its parts between ``;``."""
    match fact.kind:
        case FactKind.TEXT:
            return f"to_jsonb(NULLIF(({fact.sql})::text, ''))"
        case FactKind.NUMBER:
            return f"to_jsonb(trim_scale(round(({fact.sql})::numeric, 4)))"
        case FactKind.MONEY:
            return f"to_jsonb(trim_scale(round(({fact.sql})::numeric / {10**digits}, {digits})))"
        case FactKind.BOOLEAN:
            return f"to_jsonb(({fact.sql})::boolean)"
        case FactKind.DATE:
            return f"to_jsonb(({fact.sql})::date)"
        case FactKind.DATETIME:
            return f"to_jsonb(to_char(({fact.sql}) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'))"
        case FactKind.SET:
            return f"to_jsonb(NULLIF(array_to_string({fact.sql}, ';'), ''))"


def _current(fields: Mapping[str, str], source: str) -> tuple[str, list[Any]]:
    """The statement of what shall stand over there, by customer. Raises UnknownFact."""
    known, tenant = known_facts(), current_tenant()
    digits = get_currency_precision(tenant.currency)
    try:
        values = [_value(known[name], digits) for name in fields]
    except KeyError as error:
        raise UnknownFact(f"the record has no {error.args[0]} any more: choose anew what is written") from None
    # Nothing that somebody typed is in the text: fields over there are parameters, facts are ours.
    pairs = ", ".join(f"%s::text, {value}" for value in values)
    return CURRENT.format(pairs=pairs), [*fields.values(), tenant.pk, source]


def current_values(fields: Mapping[str, str], source: str, account_id: UUID) -> dict[str, dict[str, Any]]:
    """What shall stand over there of one account, by its ids over there. Raises UnknownFact."""
    statement, params = _current(fields, source)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT external_id, wanted FROM ({statement} AND x.account_id = %s) d", [*params, account_id])
        return {external_id: json.loads(wanted) for external_id, wanted in cursor.fetchall()}


def due_find(writing: WriteBack, now: datetime, *, limit: int = AT_ONCE) -> int:
    """Mark the customers whose values differ from what was wanted before; returns how many, at most `limit`."""
    statement, params = _current(writing.fields, writing.endpoint.record_source)
    tenant = current_tenant_id()
    with connection.cursor() as cursor:
        # All customers are compared. Before the table of what was written has statistics, the planner would look
        # through it once for each of them: minutes for 100,000, where a third of a second is enough.
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(DUE.format(current=statement), [tenant, writing.pk, now, *params, tenant, writing.pk, limit])
        found = int(cursor.rowcount)
        cursor.execute("SET LOCAL enable_nestloop = on")
        return found
