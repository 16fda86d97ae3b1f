"""Writes of revenue, one module per noun; every name that other apps use is offered here."""

from hub.revenue.currency import CurrencyError
from hub.revenue.services.billing import INVOICE, PAYMENT, invoice_upsert, payment_upsert
from hub.revenue.services.catalogue import (
    Allowance,
    CatalogueError,
    entitlement_put,
    entitlement_remove,
    entitlements_set,
    fx_rate_put,
    fx_rate_remove,
    ranks_set,
)
from hub.revenue.services.claims import CHURN_CLAIM, MOVEMENT_CLAIM, churn_claim_upsert, movement_claim_upsert
from hub.revenue.services.lines import (
    CONTRACT_LINE,
    LINE_FIELDS,
    contract_line_retract,
    contract_line_upsert,
    home_currency,
    home_values,
    rate_on,
)
from hub.revenue.services.months import months_before, months_refresh
from hub.revenue.services.opportunities import OPPORTUNITY, opportunity_retract, opportunity_upsert

__all__ = [
    "CHURN_CLAIM",
    "CONTRACT_LINE",
    "INVOICE",
    "LINE_FIELDS",
    "MOVEMENT_CLAIM",
    "OPPORTUNITY",
    "PAYMENT",
    "Allowance",
    "CatalogueError",
    "CurrencyError",
    "churn_claim_upsert",
    "contract_line_retract",
    "contract_line_upsert",
    "entitlement_put",
    "entitlement_remove",
    "entitlements_set",
    "fx_rate_put",
    "fx_rate_remove",
    "home_currency",
    "home_values",
    "invoice_upsert",
    "months_before",
    "months_refresh",
    "movement_claim_upsert",
    "opportunity_retract",
    "opportunity_upsert",
    "payment_upsert",
    "ranks_set",
    "rate_on",
]
