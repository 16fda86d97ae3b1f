"""Carrying out what was chosen: asked once more whether it still stands, then done through the action registry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.utils import timezone

from hub.registry.actions import ActionRequest, ActionResult, actions, perform
from hub.tenancy.live import announce
from hub.tenancy.models import Tenant
from journeys.decisions.acts.base import play_acts
from journeys.decisions.deciding import SUPPRESSED, Verdict, decide
from journeys.decisions.models import Choice, ChoiceStatus, PlayVersion
from journeys.decisions.situations import Situations
from journeys.decisions.terms import Terms, terms_of
from journeys.settle import settle

CHECK: Final = timedelta(days=1)


def carry_out(tenant: Tenant, account_ids: Sequence[UUID]) -> None:
    """Do what is due at accounts whose locks the caller holds; what no longer stands is not done, and says why."""
    settle(tenant, account_ids)
    now = timezone.now()
    due = Choice.objects.select_related("play").filter(
        account_id__in=list(account_ids), status=ChoiceStatus.SCHEDULED, due_at__lte=now
    )
    choices = list(due.order_by("account_id", "id"))
    standing = _standing(tenant, choices, now)
    for choice in choices:
        refusal = standing.get(choice.pk)
        if refusal is not None:
            _close(choice, ChoiceStatus.REFUSED, {"reason": refusal[0][:200], "result": refusal[1][:300]})
        else:
            _carry(tenant, choice, now)
    if choices:
        announce("journeys")


def _carry(tenant: Tenant, choice: Choice, now: datetime) -> None:
    terms = terms_at(choice)
    result = _performed(tenant, choice, terms)
    if not result.done:
        _close(choice, ChoiceStatus.REFUSED, {"reason": result.reason[:200], "result": result.text[:300]})
        return
    settles = now + timedelta(days=terms.window_days)
    times = {"done_at": now, "settles_at": settles, "checks_at": min(now + CHECK, settles)}
    _close(choice, ChoiceStatus.DONE, {"result": result.text[:300], **times})


def _performed(tenant: Tenant, choice: Choice, terms: Terms) -> ActionResult:
    if terms.action not in actions or terms.action not in play_acts:
        return ActionResult(False, "no_action", "no app offers to do this")
    params = play_acts.get(terms.action).params(choice, terms)
    return perform(terms.action, ActionRequest(tenant.pk, choice.account_id, choice.action_cause, params))


def _close(choice: Choice, status: str, changes: dict[str, Any]) -> None:
    Choice.objects.filter(pk=choice.pk, status=ChoiceStatus.SCHEDULED).update(status=status, due_at=None, **changes)


def terms_at(choice: Choice) -> Terms:
    """The terms that it was chosen on; the play may have others by now."""
    number = choice.play_version
    return terms_of(PlayVersion.objects.values_list("terms", flat=True).get(play_id=choice.play_id, number=number))


def _standing(tenant: Tenant, choices: Sequence[Choice], now: datetime) -> dict[UUID, tuple[str, str]]:
    """What speaks against choices by now: reason code and words, by choice; those that still stand are left out."""
    situations = Situations(tenant, sorted({choice.account_id for choice in choices}), now)
    given = situations.given()
    found: dict[UUID, tuple[str, str]] = {}
    for choice in choices:
        assert choice.play is not None
        known = given.get(choice.account_id)
        key = choice.play.key
        if known is None or all(play.key != key for play in known.plays):
            found[choice.pk] = ("signal_cleared", "what it answered is no longer so")
            continue
        # Neither itself nor its own day may keep it back.
        plays = tuple(replace(play, last="", full=False) for play in known.plays if play.key == key)
        verdicts = decide(replace(known, waiting="", plays=plays), situations.terms, situations.rules)
        if refusal := _refusal(verdicts[0]):
            found[choice.pk] = refusal
    return found


def _refusal(verdict: Verdict) -> tuple[str, str] | None:
    return (verdict.reason, verdict.text) if verdict.verdict == SUPPRESSED else None
