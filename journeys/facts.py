"""Facts that goals of journeys need."""

from __future__ import annotations

from hub.registry.facts import Fact, FactKind, facts

# The latest day on which a new line made the account pay more than the day before, out of a running contract. A line
# that starts where an old one ends counts by the difference, so a renewal at the same price is no expansion.
EXPANDED_ON = """
(SELECT max(n.starts_on) FROM revenue_contractline n
 WHERE n.tenant_id = a.tenant_id AND n.account_id = a.id AND NOT n.is_trial AND n.starts_on <= f.as_of
   AND 0 < (SELECT coalesce(sum(b.mrr_minor), 0) FROM revenue_contractline b
            WHERE b.tenant_id = a.tenant_id AND b.account_id = a.id AND NOT b.is_trial
              AND b.starts_on < n.starts_on AND (b.ends_on IS NULL OR b.ends_on >= n.starts_on))
   AND (SELECT coalesce(sum(l.mrr_minor), 0) FROM revenue_contractline l
        WHERE l.tenant_id = a.tenant_id AND l.account_id = a.id AND NOT l.is_trial
          AND l.starts_on <= n.starts_on AND (l.ends_on IS NULL OR l.ends_on > n.starts_on))
     > (SELECT coalesce(sum(b.mrr_minor), 0) FROM revenue_contractline b
        WHERE b.tenant_id = a.tenant_id AND b.account_id = a.id AND NOT b.is_trial
          AND b.starts_on < n.starts_on AND (b.ends_on IS NULL OR b.ends_on >= n.starts_on)))
"""


def register() -> None:
    facts.register(
        Fact(
            "expanded_on",
            "day of the last expansion",
            FactKind.DATE,
            " ".join(EXPANDED_ON.split()),
            source="contract lines",
            freshness="at once",
            order=30,
        )
    )
