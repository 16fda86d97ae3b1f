"""How the product is used: more, less, by fewer, for one thing only, up to its limits."""

from __future__ import annotations

from signals.catalogue.base import INFO, OPPORTUNITY, WARNING, computed, every, fact, no
from signals.decline import DeclineRule

DECLINE = DeclineRule()
CAPACITY, SUSTAINED = 80, 14
# Older than this, what is new is not just the beginning.
SETTLED = (fact("signed_up_on", "is_set"), no(fact("signed_up_on", "within_days_after", 60)))

TRIGGERS = (
    computed(
        "usage-decline",
        "Usage decline",
        "usage",
        WARNING,
        every(
            fact("usage_baseline_weeks", "gte", DECLINE.least_baseline_weeks),
            fact("usage_drop_pct", "gt", DECLINE.drop_percent),
        ),
        sentence=(
            "Use is {usage_drop_pct:.0f}% under the mean of the weeks before, two weeks running"
            " ({usage_last_week:,} uses last week)"
        ),
        tells=("usage_last_week",),
        draws="usage_last_week",
        cooldown_days=30,
    ),
    computed(
        "seats-near-limit",
        "Seats over 80% used for two weeks",
        "usage",
        OPPORTUNITY,
        {"sustained": fact("seats_used", "gt", CAPACITY, days=7), "days": SUSTAINED},
        cooldown_days=60,
        sentence="{seats_used:.0f}% of the seats in use, over 80% for two weeks",
    ),
    computed(
        "quota-near-limit",
        "Quota projected over 80% for two weeks",
        "usage",
        OPPORTUNITY,
        {"sustained": fact("quota_used", "gt", CAPACITY), "days": SUSTAINED},
        cooldown_days=60,
        sentence="On the way to {quota_used:.0f}% of a quota, over 80% for two weeks",
    ),
    computed(
        "users-falling",
        "Active users falling",
        "usage",
        WARNING,
        every(fact("users_change", "lte", -25, days=28), no(fact("users", "eq", 0, days=28))),
        cooldown_days=30,
        sentence="Active users {users_change:+.0f}% in four weeks, now {users}",
    ),
    computed(
        "frequency-falling",
        "Days with use falling",
        "usage",
        WARNING,
        every(fact("use_days_change", "lte", -30, days=28), fact("use_days", "gte", 1, days=28)),
        cooldown_days=30,
        sentence="Days with use {use_days_change:+.0f}% in four weeks, now {use_days}",
    ),
    computed(
        "use-narrow",
        "Use narrow",
        "usage",
        WARNING,
        every(fact("top_event_share", "gt", 80, days=30), fact("uses", "gte", 50, days=30)),
        cooldown_days=60,
        sentence="One event is {top_event_share:.0f}% of all use in 30 days",
    ),
    computed(
        "use-case-new",
        "New use case",
        "usage",
        OPPORTUNITY,
        every(*SETTLED, fact("new_events", "gte", 1, days=14)),
        cooldown_days=14,
        sentence="Events used for the first time in two weeks: {new_events}",
    ),
    computed(
        "team-growth",
        "Team growing",
        "usage",
        OPPORTUNITY,
        every(fact("users_change", "gte", 30, days=28), fact("users", "gte", 5, days=28)),
        cooldown_days=30,
        sentence="Active users {users_change:+.0f}% in four weeks, now {users}",
    ),
    computed(
        "data-export",
        "Data exported",
        "usage",
        INFO,
        fact("uses", "gte", 1, event="Data exported", days=7),
        cooldown_days=30,
        sentence="Data was exported in the last week",
    ),
)
