"""What came of choices: read once a day until their time is over, at those that got something and those held out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.utils import timezone

from hub.tenancy.models import Tenant
from journeys.decisions.acts.base import play_acts
from journeys.decisions.models import Choice, ChoiceStatus, PlayVersion
from journeys.decisions.terms import terms_of
from journeys.world import World

CHECK: Final = timedelta(days=1)


def settle_outcomes(tenant: Tenant, account_ids: Sequence[UUID]) -> None:
    """Read the outcomes that are due at these accounts. Queries grow with the number of plays, not of choices."""
    now = timezone.now()
    due = list(Choice.objects.filter(account_id__in=list(account_ids), checks_at__lte=now).order_by("pk"))
    by_version: dict[tuple[UUID, int], list[Choice]] = defaultdict(list)
    for choice in due:
        by_version[choice.play_id, choice.play_version].append(choice)
    world = World(tenant, sorted({choice.account_id for choice in due}), now)
    for (play_id, number), choices in by_version.items():
        raw = PlayVersion.objects.values_list("terms", flat=True).get(play_id=play_id, number=number)
        terms = terms_of(raw)
        act = play_acts.get(terms.action)
        done = [choice for choice in choices if choice.status == ChoiceStatus.DONE]
        came = act.outcomes(world, terms, done)
        reached = act.measured(world, terms, choices)
        for choice in choices:
            _read(choice, came, reached, now)
    fields = ["success", "met", "checks_at", "settled_at"]
    Choice.objects.bulk_update(due, fields, batch_size=200)


def _read(choice: Choice, came: Mapping[UUID, bool], reached: Mapping[UUID, bool], now: datetime) -> None:
    """Write down what is certain: what was reached stays reached, what was not is not before the time is over."""
    over = choice.settles_at is None or now >= choice.settles_at
    if choice.status == ChoiceStatus.DONE:
        choice.success = choice.success or _certain(came.get(choice.pk), over=over)
    choice.met = choice.met or _certain(reached.get(choice.pk), over=over)
    first: Any = choice.success if choice.status == ChoiceStatus.DONE else choice.met
    if over or (first and choice.met is not None):
        choice.checks_at, choice.settled_at = None, now
    else:
        choice.checks_at = min(now + CHECK, choice.settles_at or now)


def _certain(value: bool | None, *, over: bool) -> bool | None:
    return value if value or over else None
