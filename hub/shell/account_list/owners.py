"""The order by owner: owners by name, the accounts of each by theirs. One walk of an index for each owner."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.db import connection

from hub.shell.account_list.columns import OWNER_SQL

# What a cursor holds of a row: its owner, and the name by which it stands among the owner's.
KEY: Final = "a.owner_id::text || ' ' || a.list_name"

# The owners who own anything, step by step along the index: reading every account for them would cost what it costs.
OWNERS: Final = """
WITH RECURSIVE found (id) AS (
    (SELECT owner_id FROM accounts_account
        WHERE tenant_id = %(tenant)s AND owner_id IS NOT NULL ORDER BY owner_id LIMIT 1)
    UNION ALL
    SELECT (SELECT owner_id FROM accounts_account
        WHERE tenant_id = %(tenant)s AND owner_id > found.id ORDER BY owner_id LIMIT 1)
    FROM found WHERE found.id IS NOT NULL
)
SELECT u.id FROM people_user u
WHERE u.id IN (SELECT id FROM found WHERE id IS NOT NULL UNION ALL SELECT %(too)s::uuid)
ORDER BY lower({name}), u.id
""".replace("{name}", OWNER_SQL)

# The first accounts of each owner, and of those the first; `place` is the owner's among the owners.
EACH: Final = """
(SELECT k.id, o.place FROM unnest(%s::uuid[]) WITH ORDINALITY AS o (owner_id, place)
    CROSS JOIN LATERAL (
        SELECT a.id, a.list_name FROM {tables} WHERE {where} AND a.owner_id = o.owner_id
        ORDER BY a.list_name {direction}, a.id {direction} LIMIT {limit}
    ) k ORDER BY o.place {direction}, k.list_name {direction}, k.id {direction} LIMIT {limit}
) chosen JOIN accounts_account a ON a.id = chosen.id"""


def read_key(text: Any) -> tuple[UUID, str]:
    """Owner and name of a cursor's key. Raises ValueError and AttributeError for anything else."""
    owner, _, name = text.partition(" ")
    return UUID(owner), name


def owners_in_order(tenant: UUID, too: UUID | None) -> list[UUID]:
    """Everybody who owns an account, by name; `too` has a place among them even without any. One query."""
    with connection.cursor() as cursor:
        cursor.execute(OWNERS, {"tenant": tenant, "too": too})
        return [owner for (owner,) in cursor.fetchall()]
