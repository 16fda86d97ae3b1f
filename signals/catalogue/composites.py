"""Several things at once: ready to expand, and a renewal at risk."""

from __future__ import annotations

from signals.catalogue.base import CRITICAL, OPPORTUNITY, PAYS, computed, every, fact, fired, no, some, stands

# Support and survey answers not negative for 90 days.
CONTENT = (
    fact("detractors", "eq", 0, days=90),
    fact("escalations", "eq", 0, days=90),
    no(fact("csat_90d", "lt", 3)),
    no(stands("tickets-critical")),
)
IN_TIME = fact("renews_on", "within_days_before", 180)
HEALTHY = (PAYS, *CONTENT, no(stands("usage-decline")))

TRIGGERS = (
    computed(
        "expansion-ready",
        "Expansion-ready",
        "expansion",
        OPPORTUNITY,
        every(
            *HEALTHY,
            IN_TIME,
            some(stands("seats-near-limit"), stands("quota-near-limit"), stands("team-growth"), stands("use-case-new")),
        ),
        cooldown_days=90,
    ),
    computed(
        "expansion-seats",
        "Room for more seats",
        "expansion",
        OPPORTUNITY,
        every(*HEALTHY, some(stands("seats-near-limit"), stands("team-growth"))),
        cooldown_days=90,
    ),
    computed(
        "expansion-tier",
        "Room for a higher tier",
        "expansion",
        OPPORTUNITY,
        every(*HEALTHY, stands("quota-near-limit")),
        cooldown_days=90,
    ),
    computed(
        "expansion-cross-sell",
        "Room for another product",
        "expansion",
        OPPORTUNITY,
        every(*HEALTHY, stands("use-case-new"), fired("qbr-expansion", 180)),
        cooldown_days=90,
    ),
    computed(
        "renewal-at-risk",
        "Renewal at risk",
        "renewal",
        CRITICAL,
        every(
            PAYS,
            fact("renews_on", "within_days_before", 120),
            some(
                stands("usage-decline"),
                stands("users-falling"),
                stands("champion-missing"),
                stands("invoice-late"),
                stands("tickets-critical"),
                fact("detractors", "gte", 1, days=90),
                fired("champion-departed", 90),
                fired("qbr-risk", 90),
            ),
        ),
        cooldown_days=60,
    ),
)
