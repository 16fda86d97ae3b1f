"""Use against what the contract allows: seats in use, and where a quota will stand when its period ends.

The limit is that of the lines that are live on the day of asking, as the tenant's entitlements say; without an
entitlement for seats, the seats of the account. An unlimited measure has no value, and neither has one without a limit.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from hub.registry.facts import TODAY, Expression, FactKind
from hub.registry.measures import Arguments, Measure, days, measures, span

# The entitlements of the live lines, added up by measure; one without a limit lifts that of the others.
LIMITS: Final = """
SELECT e.measure, e.period, CASE WHEN bool_or(e."limit" IS NULL) THEN NULL
    ELSE sum(e."limit" * CASE WHEN e.per_seat THEN coalesce(l.seats, 0) ELSE 1 END) END AS most
FROM revenue_contractline l
JOIN revenue_product p ON p.tenant_id = l.tenant_id AND p.name = l.product
JOIN revenue_tier t ON t.tenant_id = l.tenant_id AND t.product_id = p.id AND t.name = l.tier
JOIN revenue_entitlement e ON e.tenant_id = l.tenant_id AND e.tier_id = t.id
WHERE l.tenant_id = a.tenant_id AND l.account_id = a.id AND l.starts_on <= %s::date
    AND (l.ends_on IS NULL OR l.ends_on > %s::date)
GROUP BY e.measure, e.kind, e.period
"""
SEATS: Final = f"""
(100.0 * (
    SELECT count(DISTINCT u.user_key) FROM usage_activeuserdaily u
    WHERE u.tenant_id = a.tenant_id AND u.account_id = a.id AND u.day >= %s::date - %s::int AND u.day <= %s::date
) / nullif((SELECT CASE WHEN count(*) > 0 THEN min(m.most) ELSE a.seats END
    FROM ({LIMITS}) AS m WHERE m.measure = 'seats'), 0))
"""
# What was used of the period so far, carried on at the same pace to its end.
QUOTA: Final = f"""
(SELECT max(100.0 * m.used * (m.ends - m.began) / nullif(m.most * (%s::date - m.began + 1), 0)) FROM (
    SELECT m.most, q.began, q.ends, (
        SELECT coalesce(sum(u.count), 0) FROM usage_usagedaily u
        WHERE u.tenant_id = a.tenant_id AND u.account_id = a.id AND u.name = m.measure
            AND u.day >= q.began AND u.day <= %s::date
    ) AS used
    FROM ({LIMITS}) AS m CROSS JOIN LATERAL (
        SELECT date_trunc(m.period, %s::date)::date AS began,
            (date_trunc(m.period, %s::date) + ('1 ' || CASE m.period WHEN 'quarter' THEN 'month' ELSE m.period END)
                ::interval * CASE m.period WHEN 'quarter' THEN 3 ELSE 1 END)::date AS ends
    ) AS q WHERE m.period <> ''
) AS m)
"""


def _seats(given: Arguments) -> Expression:
    # In their order in the text: the window, then the limits.
    return Expression(" ".join(SEATS.split()), (TODAY, given["days"] - 1, TODAY, TODAY, TODAY))


def _quota(given: Arguments) -> Expression:
    return Expression(" ".join(QUOTA.split()), (TODAY,) * 6)


def register() -> None:
    make = partial(Measure, kind=FactKind.NUMBER, source="usage and contract", order=25, unit="%")
    measures.register(make(
        "seats_used", "share of seats in use", arguments=(days(7),), expression=_seats,
        words=lambda given: f"share of seats in use in {span(given)}",
    ))  # fmt: skip
    measures.register(make(
        "quota_used", "projected use of the fullest quota", arguments=(), expression=_quota,
        words=lambda given: "projected use of the fullest quota at the end of its period",
    ))  # fmt: skip
