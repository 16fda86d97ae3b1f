"""What customers say: surveys and community."""

from __future__ import annotations

from signals.catalogue.base import INFO, OPPORTUNITY, WARNING, computed, fact

TRIGGERS = (
    computed(
        "nps-promoter",
        "NPS promoter",
        "sentiment",
        OPPORTUNITY,
        fact("promoters", "gte", 1, days=30),
        sentence="NPS promoters in 30 days: {promoters}",
    ),
    computed(
        "nps-detractor",
        "NPS detractor",
        "sentiment",
        WARNING,
        fact("detractors", "gte", 1, days=30),
        sentence="NPS detractors in 30 days: {detractors}",
    ),
    computed(
        "csat-low",
        "CSAT low",
        "sentiment",
        WARNING,
        fact("csat_90d", "lt", 3),
        sentence="Mean CSAT of 90 days is {csat_90d:.1f}",
    ),
    computed(
        "csat-high",
        "CSAT high",
        "sentiment",
        OPPORTUNITY,
        fact("csat_90d", "gte", 4.5),
        sentence="Mean CSAT of 90 days is {csat_90d:.1f}",
    ),
    computed(
        "competitor-named",
        "Competitor or leaving named",
        "sentiment",
        WARNING,
        fact("theme_mentions", "gte", 1, theme="leaving", days=30),
        cooldown_days=30,
        sentence="Texts of 30 days that name a competitor or leaving: {theme_mentions}",
    ),
    computed(
        "community-active",
        "Active in the community",
        "advocacy",
        INFO,
        fact("community_activities", "gte", 3, days=90),
        cooldown_days=30,
        sentence="{community_activities} community activities in 90 days",
    ),
    computed(
        "advocacy-shown",
        "Reviewed or referred",
        "advocacy",
        OPPORTUNITY,
        {
            "any": [
                fact("community_activities", "gte", 1, activity="review", days=30),
                fact("community_activities", "gte", 1, activity="referral", days=30),
            ]
        },
        sentence="A review or a referral in 30 days",
    ),
)
