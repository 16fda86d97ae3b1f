from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, F

from hub.registry.facts import known_facts
from hub.rules.explain import stored_sentence
from signals.health.models import HealthBand, HealthScore, Scorecard, ScorecardVersion


@dataclass(frozen=True, slots=True)
class CardLine:
    """A scorecard of the list: for whom it is in words, its version, and how many accounts have it by band."""

    card: Scorecard
    applies: str
    version: ScorecardVersion | None
    accounts: int
    bands: list[tuple[str, str, int]]


def card_lines() -> list[CardLine]:
    """Scorecards in the order in which they are asked, those put away last. Three queries."""
    known = known_facts()
    versions = {v.scorecard_id: v for v in ScorecardVersion.objects.filter(number=F("scorecard__version"))}
    counted: dict[tuple[object, str], int] = {}
    rows = HealthScore.objects.filter(version__isnull=False).values_list("version__scorecard_id", "shown_band")
    for card_id, band, n in rows.annotate(n=Count("pk")).order_by():
        counted[card_id, band] = n
    found = []
    for card in Scorecard.objects.order_by("-is_active", "position", "key"):
        bands = [(value, str(label), counted.get((card.pk, value), 0)) for value, label in HealthBand.choices]
        accounts = sum(n for (card_id, _), n in counted.items() if card_id == card.pk)
        found.append(CardLine(card, stored_sentence(card.rule, known), versions.get(card.pk), accounts, bands))
    return found


def current_version(card: Scorecard) -> ScorecardVersion:
    """The version of a scorecard that counts."""
    found: ScorecardVersion = ScorecardVersion.objects.select_related("scorecard").get(
        scorecard=card, number=card.version
    )
    return found


def versions_of(card: Scorecard) -> list[ScorecardVersion]:
    """Every version, newest first."""
    return list(
        ScorecardVersion.objects.select_related("published_by", "backtest").filter(scorecard=card).order_by("-number")
    )
