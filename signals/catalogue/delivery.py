"""What people and other systems tell: lines of QBRs, tickets, and reports from outside."""

from __future__ import annotations

from signals.catalogue.base import CRITICAL, INFO, OPPORTUNITY, WARNING, Shipped, computed, every, fact, told
from signals.models import Trigger

QBR_LINE_TAGGED = "qbr.line_tagged"
SIGNAL_REPORTED = "signal.reported"


def _tagged(tag: str, severity: str, words: str) -> Shipped:
    return told(
        f"qbr-{tag}",
        f"QBR line tagged {tag}",
        "qbr",
        severity,
        QBR_LINE_TAGGED,
        words + " in the QBR: “{text}”",
        kind=Trigger.Kind.PERSON,
        match={"tag": tag},
    )


TRIGGERS = (
    _tagged("expansion", OPPORTUNITY, "Expansion noted"),
    _tagged("risk", WARNING, "Risk noted"),
    _tagged("stakeholder", INFO, "New stakeholder named"),
    _tagged("value", OPPORTUNITY, "Proven value noted"),
    told("reported", "Reported by another system", "external", INFO, SIGNAL_REPORTED, "{source}: {text}"),
    computed(
        "tickets-critical",
        "Three urgent tickets in 30 days",
        "support",
        CRITICAL,
        fact("tickets", "gte", 3, priority="urgent", days=30),
        cooldown_days=30,
        sentence="{tickets} urgent tickets in 30 days",
    ),
    computed(
        "ticket-escalated",
        "Ticket escalated",
        "support",
        WARNING,
        fact("escalations", "gte", 1, days=7),
        sentence="Escalated tickets in 7 days: {escalations}",
    ),
    computed(
        "tickets-early",
        "Many tickets before month six",
        "support",
        WARNING,
        every(fact("months_as_customer", "lt", 6), fact("tickets", "gte", 10, days=180)),
        sentence="{tickets} tickets before month six",
    ),
    computed(
        "feature-requested",
        "Feature requested",
        "support",
        INFO,
        fact("tickets", "gte", 1, kind="feature", days=30),
        sentence="Feature requests in 30 days: {tickets}",
    ),
)
