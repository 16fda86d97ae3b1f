"""The one lifecycle stage of an account, by rules in order: churned, renewal, onboarding, adoption, value.

Expansion and advocacy are not stages but flags beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from hub.tenancy.context import current_tenant_id

RENEWAL_DAYS = 90
# Fewer features than this in 30 days: the account still adopts.
BREADTH_TARGET = 5

STAGES = """
UPDATE accounts_account a SET stage = x.stage
FROM (
    SELECT f.account_id, CASE
        WHEN f.mrr_minor = 0 AND l.ended THEN 'churned'
        WHEN f.renews_on >= %(today)s AND f.renews_on <= %(renewal)s THEN 'renewal'
        WHEN f.milestones_required > 0 AND f.activated_on IS NULL THEN 'onboarding'
        WHEN f.features_30d < %(breadth)s THEN 'adoption'
        ELSE 'value'
    END AS stage
    FROM accounts_accountfacts f
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE ends_on <= %(today)s) > 0 AS ended FROM revenue_contractline
        WHERE tenant_id = f.tenant_id AND account_id = f.account_id AND NOT is_trial
    ) l
    WHERE f.tenant_id = %(tenant)s AND f.account_id = ANY(%(ids)s)
) x
WHERE a.tenant_id = %(tenant)s AND a.id = x.account_id AND a.stage <> x.stage
RETURNING a.id
"""


def stages_refresh(account_ids: Sequence[UUID], today: date) -> list[UUID]:
    """Set the stages of these accounts from their fact rows; returns those that changed."""
    values: dict[str, Any] = {
        "tenant": current_tenant_id(),
        "ids": list(account_ids),
        "today": today,
        "renewal": today + timedelta(days=RENEWAL_DAYS),
        "breadth": BREADTH_TARGET,
    }
    with connection.cursor() as cursor:
        cursor.execute(STAGES, values)
        return [account_id for (account_id,) in cursor.fetchall()]
