from hub.revenue.models.billing import BillingStanding, Invoice, InvoiceStatus, Payment, PaymentStatus
from hub.revenue.models.catalogue import Entitlement, EntitlementKind, EntitlementPeriod, FxRate, Product, Tier
from hub.revenue.models.ledger import (
    AccountMonth,
    ChurnClaim,
    MonthClose,
    Movement,
    MovementClaim,
    MovementKind,
    RevenueRecount,
)
from hub.revenue.models.line import ContractLine
from hub.revenue.models.opportunity import ExpansionType, Opportunity, OpportunityKind, OpportunityOutcome
from hub.revenue.models.retention import MonthsChanged, RetentionMonth

__all__ = [
    "AccountMonth",
    "BillingStanding",
    "ChurnClaim",
    "ContractLine",
    "Entitlement",
    "EntitlementKind",
    "EntitlementPeriod",
    "ExpansionType",
    "FxRate",
    "Invoice",
    "InvoiceStatus",
    "MonthClose",
    "MonthsChanged",
    "Movement",
    "MovementClaim",
    "MovementKind",
    "Opportunity",
    "OpportunityKind",
    "OpportunityOutcome",
    "Payment",
    "PaymentStatus",
    "Product",
    "RetentionMonth",
    "RevenueRecount",
    "Tier",
]
