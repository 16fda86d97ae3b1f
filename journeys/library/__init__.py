"""The ready journeys that ship with Tandem, a module each."""

from __future__ import annotations

from journeys.library import activation, save, upsell
from journeys.library.base import ReadyJourney

SHIPPED: tuple[ReadyJourney, ...] = (activation.JOURNEY, upsell.JOURNEY, save.JOURNEY)
