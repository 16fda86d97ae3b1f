"""From the first day to activation."""

from __future__ import annotations

from hub.plans.services import MILESTONE_COMPLETED
from signals.catalogue.base import INFO, OPPORTUNITY, WARNING, computed, every, fact, no, told

# Not activated, by a plan that has something to do.
OPEN = (fact("milestones_required", "gt", 0), fact("activated_on", "is_not_set"))
STALLED_DAYS, FAST_DAYS = 14, 14

TRIGGERS = (
    told(
        "milestone-reached",
        "Onboarding milestone reached",
        "onboarding",
        INFO,
        MILESTONE_COMPLETED,
        "Reached the milestone “{title}”",
    ),
    computed(
        "milestone-overdue",
        "Onboarding milestone overdue",
        "onboarding",
        WARNING,
        every(*OPEN, fact("milestones_overdue", "gte", 1)),
        sentence="{milestones_overdue} of {milestones_required} required milestones overdue",
    ),
    computed(
        "onboarding-stalled",
        "Onboarding stalled",
        "onboarding",
        WARNING,
        every(
            *OPEN,
            fact("signed_up_on", "is_set"),
            no(fact("signed_up_on", "within_days_after", STALLED_DAYS)),
            fact("uses", "eq", 0, days=STALLED_DAYS),
            no(fact("signals", "gte", 1, trigger="milestone-reached", days=STALLED_DAYS)),
        ),
        cooldown_days=30,
        sentence="No milestone and no use for 14 days",
    ),
    computed(
        "onboarding-fast",
        "Fast mover",
        "onboarding",
        OPPORTUNITY,
        every(
            fact("activated_on", "within_days_after", FAST_DAYS), fact("signed_up_on", "within_days_after", FAST_DAYS)
        ),
        sentence=f"Activated on {{activated_on}}, within {FAST_DAYS} days of signing up",
    ),
    computed(
        "adoption-narrow-day-45",
        "Few features adopted by day 45",
        "onboarding",
        WARNING,
        every(
            fact("signed_up_on", "within_days_after", 75),
            no(fact("signed_up_on", "within_days_after", 44)),
            fact("events_used", "lt", 5, days=45),
        ),
        sentence="Different events used in 45 days: {events_used}",
    ),
)
