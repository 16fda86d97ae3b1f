"""What a rule would do, before anybody saves it: whom it matches now, and how often it would have fired."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection
from django.utils import timezone

from hub.accounts.facts import today_of
from hub.accounts.models import Account, AccountFacts
from hub.rules.compile import Clock, keeps_past
from hub.rules.language import Node, comparisons
from hub.rules.matching import Matches, matches, true_of
from hub.rules.patience import OutOfPatienceError, patience
from hub.tenancy.context import current_tenant_id
from hub.tenancy.models import Tenant

HISTORY_DAYS: Final = 90
# More accounts than these are sampled, so many at a time while the patience lasts.
MOST_ASKED: Final = 2_000
ASKED_AT_ONCE: Final = 100
PATIENCE: Final = 2.0
# A rule that becomes true of a larger part, and of at least so many, asks before it is saved.
WIDE_PART: Final = 0.10
WIDE_LEAST: Final = 10


@dataclass(frozen=True, slots=True)
class Past:
    """How often a rule would have fired in the last ``days`` days.

    ``fired`` was counted among ``asked`` of ``accounts`` accounts. ``without_past`` names what keeps no past: then
    nothing was counted. ``in_time`` is False when not one batch of accounts was through before patience ended.
    """

    days: int
    accounts: int
    asked: int = 0
    fired: int = 0
    without_past: tuple[str, ...] = ()
    in_time: bool = True

    @property
    def is_sample(self) -> bool:
        return self.asked < self.accounts

    @property
    def estimate(self) -> int:
        """Times for all accounts; of a sample in proportion, to two digits."""
        if not self.is_sample or not self.asked:
            return self.fired
        scaled = self.fired * self.accounts / self.asked
        return int(round(scaled, 2 - len(str(int(scaled)))))


@dataclass(frozen=True, slots=True)
class Tried:
    """A rule as it would be: ``now`` is None when it took too long, ``past`` None for rules that do not fire by
    themselves."""

    now: Matches | None
    past: Past | None


def rule_try(node: Node, tenant: Tenant, *, cooldown_days: int = 0, fires: bool = True) -> Tried:
    """Ask a rule of all accounts now and, where it ``fires`` by itself, of the days gone by. Reads only; each part is
    given up after some seconds."""
    return Tried(matches_now(node, tenant), rule_past(node, tenant, cooldown_days=cooldown_days) if fires else None)


def matches_now(node: Node, tenant: Tenant, *, but_not: Node | None = None) -> Matches | None:
    """Whom a rule matches now (and another does not); None when that takes too long."""
    now = timezone.now()
    try:
        with patience(PATIENCE):
            return matches(node, Clock(now, today_of(tenant, now)), but_not=but_not)
    except OutOfPatienceError:
        return None


def firings(held: Sequence[bool], cooldown_days: int, first: int = 0) -> int:
    """How often a trigger fires that holds or not on days in a row, beginning with the day ``first``, whose state is
    taken as it is found: on each step from false to true that is not within the cool-down of the one before."""
    fired, last = 0, None
    for day in range(first + 1, len(held)):
        if held[day] and not held[day - 1] and (last is None or day - last >= cooldown_days):
            fired, last = fired + 1, day
    return fired


def rule_past(node: Node, tenant: Tenant, *, cooldown_days: int, days: int = HISTORY_DAYS) -> Past:
    """Count the firings of the last days: the rule is asked at the end of each, of all accounts or of a sample.

    An account that signed up within them is looked at from that day on.
    """
    total = AccountFacts.objects.count()
    if not keeps_past(node):
        gone = sorted({leaf.fact.label for leaf in comparisons(node) if leaf.fact.past is None})
        return Past(days, total, without_past=tuple(gone))
    now, until = timezone.now(), time.monotonic() + PATIENCE
    today, asked, fired = today_of(tenant, now), 0, 0
    chosen = _chosen(total)
    try:
        for start in range(0, len(chosen), ASKED_AT_ONCE):
            ids = chosen[start : start + ASKED_AT_ONCE]
            held = _held(node, ids, now, today, days, until)
            begin = _begun(ids, today, days)
            fired += sum(firings(held[pk], cooldown_days, begin[pk]) for pk in ids)
            asked += len(ids)
    except OutOfPatienceError:
        return Past(days, total, asked, fired, in_time=asked > 0)
    return Past(days, total, asked, fired)


def _chosen(total: int) -> list[UUID]:
    """All accounts, or of many a sample that is the same every time and has nothing to do with their age."""
    order = "ORDER BY md5(account_id::text) LIMIT %s" if total > MOST_ASKED else "LIMIT %s"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT account_id FROM accounts_accountfacts WHERE tenant_id = %s {order}",
            [current_tenant_id(), MOST_ASKED],
        )
        return [pk for (pk,) in cursor.fetchall()]


def _held(
    node: Node, ids: Sequence[UUID], now: datetime, today: date, days: int, until: float
) -> dict[UUID, list[bool]]:
    """Whether the rule held of each account on each day, the earliest first; raises OutOfPatienceError."""
    held = {pk: [False] * (days + 1) for pk in ids}
    for place in range(days + 1):
        left = until - time.monotonic()
        if left <= 0:
            raise OutOfPatienceError
        back = timedelta(days=days - place)
        with patience(left):
            for pk in true_of(node, ids, Clock(now - back, today - back, past=True)):
                held[pk][place] = True
    return held


def _begun(ids: Sequence[UUID], today: date, days: int) -> dict[UUID, int]:
    known = dict(Account.objects.filter(pk__in=ids).values_list("pk", "signed_up_on"))
    earliest = today - timedelta(days=days)
    return {pk: max(0, (known[pk] - earliest).days) if known.get(pk) else 0 for pk in ids}


# --- Blast radius -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Blast:
    """Accounts of which a rule becomes true by an edit, among all; ``newly`` is None when counting took too long."""

    newly: Matches | None
    accounts: int

    @property
    def is_wide(self) -> bool:
        """Whether somebody should look at them first; not knowing is wide."""
        if self.newly is None:
            return True
        return self.newly.count >= WIDE_LEAST and self.newly.count > WIDE_PART * self.accounts


def blast(node: Node, before: Node | None, tenant: Tenant) -> Blast:
    """Whom a new rule matches that the one before did not; without one before, everybody whom it matches."""
    return Blast(matches_now(node, tenant, but_not=before), AccountFacts.objects.count())
