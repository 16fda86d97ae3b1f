"""Deciding about a batch of accounts, and storing what was decided with everything that it was decided from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from hub.outbox.gates import Purpose
from hub.tenancy.ids import uuid7
from hub.tenancy.live import announce
from hub.tenancy.models import Tenant
from hub.tenancy.wake import wake
from journeys.decisions.deciding import CHOSEN, HELD_OUT, Verdict
from journeys.decisions.given import Given
from journeys.decisions.models import TO_REVIEW, Choice, ChoiceStatus
from journeys.decisions.queue import QUEUE, REVIEW_FOR, undo_window
from journeys.decisions.situations import Situations
from journeys.decisions.terms import Autonomy

CHECK: Final = timedelta(days=1)
# While it is open, a choice keeps itself back for no other reasons than these.
STILL_GOOD: Final = frozenset({"", "waits_for_review", "cooldown", "capped:account", "queue_full", "outscored"})


@transaction.atomic
def choose(tenant: Tenant, account_ids: Sequence[UUID], causes: Mapping[UUID, str]) -> list[Choice]:
    """Decide about accounts whose locks the caller holds; returns what was stored.

    An open choice that nothing speaks for any more lapses first, and its account is decided about anew.
    """
    now = timezone.now()
    situations = Situations(tenant, sorted(account_ids), now)
    decided = situations.decided()
    lapsed = _lapse(situations, decided)
    if lapsed:
        situations = Situations(tenant, sorted(account_ids), now)
        decided = situations.decided()
    before = _digests(account_ids)
    made = [_choice(situations, given, verdicts, causes.get(UUID(given.account), "day")) for given, verdicts in decided]
    kept = [choice for choice in made if choice.play_id or choice.digest != before.get(choice.account_id)]
    kept = _first_of_their_cause(kept)
    _supersede([choice for choice in kept if choice.is_open])
    Choice.objects.bulk_create(kept, ignore_conflicts=True, batch_size=200)
    stored = set(Choice.objects.filter(pk__in=[choice.pk for choice in kept]).values_list("pk", flat=True))
    new = [choice for choice in kept if choice.pk in stored]
    _wake(new)
    return new


def _first_of_their_cause(choices: Sequence[Choice]) -> list[Choice]:
    """Without those whose cause was decided on that day before: nothing may give way to what is not stored."""
    if not choices:
        return []
    asked = {"account_id__in": [c.account_id for c in choices], "day__in": {c.day for c in choices}}
    rows = Choice.objects.filter(**asked, cause__in={c.cause for c in choices})
    taken = set(rows.values_list("account_id", "day", "cause"))
    return [choice for choice in choices if (choice.account_id, choice.day, choice.cause) not in taken]


def _wake(new: Sequence[Choice]) -> None:
    if any(choice.play_id for choice in new):
        announce("journeys")
    times = [at for c in new for at in (c.due_at, c.checks_at, c.expires_at) if at is not None]
    if times:
        wake(QUEUE, due_at=min(times))


def _lapse(situations: Situations, decided: Sequence[tuple[Given, list[Verdict]]]) -> int:
    """Close what is open for review and has lost its ground; returns how many."""
    said = {UUID(given.account): {v.play: v.reason for v in verdicts} for given, verdicts in decided}
    waiting = Choice.objects.filter(account_id__in=list(situations.account_ids), status__in=TO_REVIEW)
    number = 0
    for choice in waiting.select_related("play"):
        assert choice.play is not None
        reason = said.get(choice.account_id, {}).get(choice.play.key, "signal_cleared")
        if reason not in STILL_GOOD:
            number += Choice.objects.filter(pk=choice.pk, status__in=TO_REVIEW).update(
                status=ChoiceStatus.LAPSED, reason=reason[:200], expires_at=None
            )
    return number


def _supersede(new: Sequence[Choice]) -> None:
    """What is more urgent takes the place of what waits for review; the decision has seen to the order."""
    waiting = Choice.objects.filter(account_id__in=[choice.account_id for choice in new], status__in=TO_REVIEW)
    waiting.update(status=ChoiceStatus.LAPSED, reason="superseded", expires_at=None)


def _digests(account_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The digest of each account's latest decision."""
    latest = Choice.objects.filter(account_id__in=list(account_ids)).order_by("account_id", "-at", "-id")
    return dict(latest.distinct("account_id").values_list("account_id", "digest"))


def _choice(situations: Situations, given: Given, verdicts: Sequence[Verdict], cause: str) -> Choice:
    choice = Choice(
        pk=uuid7(),
        account_id=UUID(given.account),
        day=given.day,
        cause=cause[:64],
        at=situations.now,
        given=given.as_json(),
        verdicts=[verdict.as_json() for verdict in verdicts],
        digest=digest_of(verdicts),
    )
    first = next((v for v in verdicts if v.verdict in (CHOSEN, HELD_OUT)), None)
    if first is None:
        best = min(verdicts, key=lambda v: (Purpose(v.purpose).rank, v.play))
        choice.reason, choice.why = best.reason[:200], best.text[:300]
        return choice
    _chosen(situations, choice, first)
    return choice


def _chosen(situations: Situations, choice: Choice, first: Verdict) -> None:
    play = next(each for each in situations.plays if each.key == first.play)
    terms = situations.terms[first.play, first.version]
    choice.play, choice.play_version, choice.purpose = play, play.version, first.purpose
    choice.signal_id = UUID(first.because[0]) if first.because else None
    choice.chance, choice.worth_minor, choice.score_minor = first.chance, first.worth_minor, first.score_minor
    choice.why = why_words(first)[:300]
    for name, value in _standing(situations, first, terms.autonomy, terms.window_days).items():
        setattr(choice, name, value)


def _standing(situations: Situations, first: Verdict, autonomy: Autonomy, window: int) -> dict[str, Any]:
    """How a choice begins: held out and watched, shown, waiting for a word, or about to be done."""
    now = situations.now
    if first.verdict == HELD_OUT:
        settles = now + timedelta(days=window)
        status, times = ChoiceStatus.HELD_OUT, {"checks_at": min(now + CHECK, settles), "settles_at": settles}
        return {"status": status, "reason": "holdout", **times}
    if autonomy == Autonomy.ACT:
        return {"status": ChoiceStatus.SCHEDULED, "due_at": now + undo_window(situations.tenant.settings)}
    status = ChoiceStatus.SUGGESTED if autonomy == Autonomy.SUGGEST else ChoiceStatus.ASKED
    return {"status": status, "expires_at": now + REVIEW_FOR}


def why_words(verdict: Verdict) -> str:
    """Why a play comes first, in a line: its chance and its worth."""
    drawn, usual = round(verdict.chance * 100), round(verdict.usual * 100)
    return f"chance {drawn}% (usually {usual}%) × {verdict.worth}"


def digest_of(verdicts: Sequence[Verdict]) -> str:
    """What a decision comes to, without chances and values: equal as long as nothing that counts has changed."""
    told = [(v.play, v.version, v.verdict, v.reason.partition(":")[0], v.because, v.stage) for v in verdicts]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
