"""The ready journeys that ship with Tandem: a module each, or a few that belong together."""

from __future__ import annotations

from journeys.library import (
    activation,
    adoption,
    capacity,
    onboarding,
    people,
    renewal,
    save,
    trust,
    upsell,
    voices,
)
from journeys.library.base import STAGES, ReadyJourney

SHIPPED: tuple[ReadyJourney, ...] = (activation.JOURNEY, upsell.JOURNEY, save.JOURNEY)
"""What a new tenant begins with, published and running."""
LIBRARY: tuple[ReadyJourney, ...] = (
    activation.JOURNEY,
    onboarding.STALLED,
    onboarding.FAST,
    adoption.FEATURES,
    people.MISSING,
    save.JOURNEY,
    adoption.USE_CASE,
    people.DEPARTED,
    trust.ESCALATION,
    voices.FOLLOW_UP,
    renewal.VALUE,
    renewal.NINETY,
    trust.COMPETITIVE,
    upsell.JOURNEY,
    capacity.SEATS,
    capacity.QUOTA,
    adoption.TEAM,
    voices.PROMOTER,
    voices.ASK,
    renewal.WIN_BACK,
)
"""Everything that can be begun with, in the order of a customer's life."""
BY_KEY = {ready.key: ready for ready in LIBRARY}

__all__ = ["BY_KEY", "LIBRARY", "SHIPPED", "STAGES", "ReadyJourney"]
