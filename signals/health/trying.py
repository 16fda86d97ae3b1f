"""A scorecard that is not published yet, tried on an account beside the one that counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from hub.accounts.facts import today_of
from hub.accounts.models import Account
from hub.rules.compile import Clock
from hub.tenancy.models import Tenant
from signals.health.cards import Readable, checked, readable
from signals.health.page import TONES, Shown, shown
from signals.health.reading import values_of
from signals.health.scoring import Change, change_of, score_of


@dataclass(frozen=True, slots=True)
class Side:
    """A score as one card has it."""

    score: int | None
    band: str
    tone: str
    lines: Sequence[Shown]


@dataclass(frozen=True, slots=True)
class Trial:
    """An account's score under today's card and under the new one."""

    account: Account
    now: Side | None
    then: Side
    change: Change | None


def tried(
    account: Account, tenant: Tenant, *, now: Readable | None, measures: Sequence[Mapping[str, Any]],
    bands: tuple[int, int],
) -> Trial:  # fmt: skip
    """Both scores from the values of this moment; nothing is written. Raises CardError."""
    moment = timezone.now()
    clock = Clock(moment, today_of(tenant, moment))
    then = readable(checked(measures, *bands), *bands)
    values = values_of([card for card in (now, then) if card], [account.pk], clock).get(account.pk, {})
    before = _side(now, values) if now else None
    change = change_of(now.card, values, then.card, values) if now else None
    return Trial(account, before, _side(then, values), change)


def _side(card: Readable, values: Any) -> Side:
    score = score_of(card.card, values)
    worst = score.worst.measure.key if score.worst else ""
    lines = [shown(line, card.facts.get(line.measure.reading), worst) for line in score.lines]
    return Side(score.score, (score.band or "").capitalize(), TONES.get(score.band or "", "muted"), lines)
