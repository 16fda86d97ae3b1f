"""Who is there for the customer, and who is not any more."""

from __future__ import annotations

from hub.accounts.services.people import CONTACT_LEFT
from hub.outbox.origins import REPLIED
from signals.catalogue.base import CRITICAL, INFO, PAYS, WARNING, computed, every, fact, told

TRIGGERS = (
    # Of a person: what a machine answers is no reply.
    told("mail-replied", "Mail answered", "people", INFO, REPLIED, "Mail answered: “{subject}”"),
    told(
        "champion-departed",
        "Champion departed",
        "people",
        CRITICAL,
        CONTACT_LEFT,
        "The champion left the company",
        match={"roles": "champion"},
    ),
    told(
        "sponsor-departed",
        "Executive sponsor departed",
        "people",
        CRITICAL,
        CONTACT_LEFT,
        "The executive sponsor left the company",
        match={"roles": "executive_sponsor"},
    ),
    computed(
        "champion-missing",
        "No champion",
        "people",
        WARNING,
        every(PAYS, fact("months_as_customer", "gte", 2), fact("people", "eq", 0, role="champion")),
        sentence="No contact is a champion",
    ),
    computed(
        "single-threaded",
        "Single-threaded",
        "people",
        WARNING,
        every(PAYS, fact("people", "eq", 1)),
        sentence="There is only one active contact",
    ),
    computed(
        "executive-disengaged",
        "Executive sponsor disengaged",
        "people",
        WARNING,
        every(PAYS, fact("days_unseen", "gt", 60, role="executive_sponsor")),
        cooldown_days=60,
        sentence="The executive sponsor has not been seen for {days_unseen} days",
    ),
    computed(
        "engagement-waning",
        "Engagement waning",
        "people",
        WARNING,
        every(PAYS, fact("days_unseen", "gt", 45)),
        cooldown_days=45,
        sentence="Nobody has been seen for {days_unseen} days",
    ),
)
