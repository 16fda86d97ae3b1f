"""The triggers that ship with Tandem and their documented defaults, a module for each part of a customer's life."""

from __future__ import annotations

from signals.catalogue import composites, delivery, health, lifecycle, money, onboarding, people, sentiment, usage
from signals.catalogue.base import Shipped
from signals.catalogue.delivery import QBR_LINE_TAGGED, SIGNAL_REPORTED
from signals.catalogue.usage import DECLINE

SHIPPED: tuple[Shipped, ...] = (
    *onboarding.TRIGGERS,
    *lifecycle.TRIGGERS,
    *delivery.TRIGGERS,
    *usage.TRIGGERS,
    *sentiment.TRIGGERS,
    *people.TRIGGERS,
    *money.TRIGGERS,
    *health.TRIGGERS,
    *composites.TRIGGERS,
)
BY_KEY = {shipped.key: shipped for shipped in SHIPPED}

__all__ = ["BY_KEY", "DECLINE", "QBR_LINE_TAGGED", "SHIPPED", "SIGNAL_REPORTED", "Shipped"]
