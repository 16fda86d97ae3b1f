"""How long the days of health are kept: daily for 26 weeks, then one a week for three years.

Of a week the last change stays, and of all that is older than three years the last one: what counted on a later day can
still be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection

from hub.tenancy.context import current_tenant_id

DAILY: Final = timedelta(weeks=26)
WEEKLY: Final = timedelta(days=3 * 365 + 1)
PRUNE: Final = """
DELETE FROM signals_healthday d WHERE d.tenant_id = %(tenant)s AND d.account_id = ANY(%(ids)s) AND d.day < %(daily)s
    AND EXISTS (
        SELECT 1 FROM signals_healthday n
        WHERE n.tenant_id = d.tenant_id AND n.account_id = d.account_id AND n.day > d.day
            AND (n.day < date_trunc('week', d.day)::date + 7 OR n.day < %(weekly)s)
    )
"""


def health_prune(account_ids: Sequence[UUID], today: date) -> int:
    """Delete what need not be kept of these accounts; returns how many days went."""
    values: dict[str, Any] = {
        "tenant": current_tenant_id(), "ids": list(account_ids), "daily": today - DAILY, "weekly": today - WEEKLY,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(PRUNE, values)
        return int(cursor.rowcount)
