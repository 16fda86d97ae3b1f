"""Bills and renewals."""

from __future__ import annotations

from hub.revenue.services.billing import PAYMENT_DISPUTED, PAYMENT_FAILED
from signals.catalogue.base import CRITICAL, INFO, OPPORTUNITY, WARNING, Shipped, computed, every, fact, told

# Days before the renewal at which its windows open, and how loudly.
WINDOWS = ((270, INFO), (180, INFO), (120, INFO), (90, WARNING), (60, WARNING), (30, CRITICAL))


def _window(days: int, severity: str) -> Shipped:
    return computed(
        f"renewal-{days}",
        f"Renewal within {days} days",
        "renewal",
        severity,
        fact("renews_on", "within_days_before", days),
        sentence=f"Renews on {{renews_on}}, within {days} days",
    )


TRIGGERS = (
    told("payment-failed", "Payment failed", "billing", WARNING, PAYMENT_FAILED, "A payment failed: {reason}"),
    told("payment-disputed", "Payment disputed", "billing", CRITICAL, PAYMENT_DISPUTED, "A payment is disputed"),
    computed(
        "invoice-late",
        "Invoice overdue",
        "billing",
        WARNING,
        fact("days_overdue", "gte", 7),
        sentence="An invoice is {days_overdue} days overdue",
    ),
    computed(
        "pays-in-time",
        "Always pays in time",
        "billing",
        OPPORTUNITY,
        every(
            fact("invoices_paid_in_time", "gte", 6, days=365),
            fact("invoices_paid_late", "eq", 0, days=365),
            fact("overdue_invoices", "is_not_set"),
        ),
        sentence="{invoices_paid_in_time} invoices paid in time in a year, none late",
    ),
    computed(
        "contract-began",
        "First month under contract",
        "renewal",
        INFO,
        every(fact("months_as_customer", "eq", 0), fact("mrr_minor", "gt", 0)),
        sentence="The first contract began less than a month ago",
    ),
    *(_window(days, severity) for days, severity in WINDOWS),
)
