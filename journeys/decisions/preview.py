"""Whom a play would be chosen for now: decided as the worker would, for some accounts, and nothing kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from hub.accounts.models import Account
from hub.tenancy.models import Tenant
from journeys.decisions.deciding import CHOSEN, HELD_OUT, decide
from journeys.decisions.models import Play
from journeys.decisions.selectors import choice_reason_words
from journeys.decisions.situations import SIGNALS_FOR, Situations
from journeys.decisions.terms import terms_of
from signals.models import Signal, SignalStatus

MOST: Final = 40


@dataclass(frozen=True, slots=True)
class WouldChoose:
    """Of the accounts looked at (at most `MOST`, newest signals first): whom it would be chosen for, and why not."""

    looked_at: int
    chosen: Sequence[tuple[Account, dict[str, Any]]]
    refused: Sequence[tuple[str, int]]


def would_choose(play: Play, tenant: Tenant) -> WouldChoose:
    """The number of queries does not depend on the number of accounts."""
    ids = _concerned(play)
    situations = Situations(tenant, sorted(ids), timezone.now())
    chosen, reasons = [], Counter[str]()
    for account_id, given in situations.given().items():
        # What is open already is not what it would choose between.
        plays = tuple(replace(each, full=False) for each in given.plays)
        verdicts = decide(replace(given, waiting="", plays=plays), situations.terms, situations.rules)
        mine = next((v for v in verdicts if v.play == play.key), None)
        if mine is None:
            continue
        if mine.verdict in (CHOSEN, HELD_OUT):
            chosen.append((situations.world.accounts[account_id], mine.as_json()))
        else:
            reasons[choice_reason_words(mine.reason.partition(" ")[0].rstrip(":"))] += 1
    chosen.sort(key=lambda each: -each[1]["score_minor"])
    return WouldChoose(len(ids), chosen, reasons.most_common())


def _concerned(play: Play) -> list[UUID]:
    """Accounts with an open signal that the play answers, or in one of its stages."""
    terms = terms_of(play.terms)
    since = timezone.now() - SIGNALS_FOR
    wanted = Q(status=SignalStatus.OPEN, cleared_at__isnull=True, recorded_at__gt=since)
    signals = Signal.objects.filter(wanted, trigger__key__in=terms.triggers).order_by("-recorded_at", "-id")
    found = dict.fromkeys(signals.values_list("account_id", flat=True)[: MOST * 5])
    if terms.stages and len(found) < MOST:
        staged = Account.objects.filter(stage__in=terms.stages).order_by("pk")
        found |= dict.fromkeys(staged.values_list("pk", flat=True)[:MOST])
    return list(found)[:MOST]
