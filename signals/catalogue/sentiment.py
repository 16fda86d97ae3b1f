"""What customers say: surveys and community."""

from __future__ import annotations

from signals.catalogue.base import INFO, OPPORTUNITY, WARNING, computed, fact

TRIGGERS = (
    computed("nps-promoter", "NPS promoter", "sentiment", OPPORTUNITY, fact("promoters", "gte", 1, days=30)),
    computed("nps-detractor", "NPS detractor", "sentiment", WARNING, fact("detractors", "gte", 1, days=30)),
    computed("csat-low", "CSAT low", "sentiment", WARNING, fact("csat_90d", "lt", 3)),
    computed("csat-high", "CSAT high", "sentiment", OPPORTUNITY, fact("csat_90d", "gte", 4.5)),
    computed(
        "community-active", "Active in the community", "advocacy", INFO,
        fact("community_activities", "gte", 3, days=90), cooldown_days=30,
    ),
    computed(
        "advocacy-shown", "Reviewed or referred", "advocacy", OPPORTUNITY,
        {
            "any": [
                fact("community_activities", "gte", 1, activity="review", days=30),
                fact("community_activities", "gte", 1, activity="referral", days=30),
            ]
        },
    ),
)  # fmt: skip
