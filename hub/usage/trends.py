"""Weekly use of many accounts at once, for lists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from hub.tenancy.context import current_tenant_id

WEEKLY = """
SELECT account_id, (%(monday)s - day - 1) / 7 AS weeks_back, sum(count)
FROM usage_usagedaily
WHERE tenant_id = %(tenant)s AND account_id = ANY(%(ids)s) AND day >= %(first)s AND day < %(monday)s
GROUP BY 1, 2
"""


def weekly_trends(account_ids: Sequence[UUID], *, today: date, weeks: int = 12) -> dict[UUID, list[int]]:
    """Uses of each account in the last complete weeks (Monday to Sunday), oldest first, zeros included. One query.

    An account without any use in them is left out.
    """
    monday = today - timedelta(days=today.weekday())
    values: dict[str, Any] = {
        "tenant": current_tenant_id(),
        "ids": list(account_ids),
        "monday": monday,
        "first": monday - timedelta(weeks=weeks),
    }
    trends: dict[UUID, list[int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(WEEKLY, values)
        for account_id, weeks_back, total in cursor.fetchall():
            trends.setdefault(account_id, [0] * weeks)[weeks - 1 - weeks_back] = int(total)
    return trends
