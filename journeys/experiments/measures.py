"""What an experiment can be read by: for each account a value after it was assigned, set-based.

A share is 0 or 1 for each account, an amount is any number (with the value of the same time before, where that helps),
a ratio is a value over a base. Opens are no measure. Only accounts whose whole window is over are asked about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

from django.db import connection

from hub.outbox.models import Click
from hub.outbox.origins import REPLIED
from hub.registry.base import Registry
from hub.revenue.selectors import mrr_at
from hub.tenancy.context import current_tenant_id
from journeys.experiments.kinds import Kind


@dataclass(frozen=True, slots=True)
class Member:
    """An account of an experiment: when it was assigned, and the enrollment in which it was."""

    account_id: UUID
    enrollment_id: UUID
    arm: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Cohort:
    """Accounts whose window is over. ``argument`` is what the measure is about; days are UTC days."""

    members: Sequence[Member]
    window: timedelta
    journey_id: UUID
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an account; ``base`` is what a ratio is over, ``before`` the value of the same time before."""

    value: float
    base: float = 1.0
    before: float | None = None


Outcomes: TypeAlias = dict[UUID, Outcome]


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure by its key. ``argument``: what it asks to be told, "" for nothing; ``money``: minor units.

    ``read`` leaves out accounts that it says nothing about, such as those without MRR for retention.
    """

    key: str
    title: str
    words: str
    kind: Kind
    read: Callable[[Cohort], Outcomes]
    argument: str = ""
    optional: bool = False
    money: bool = False
    order: int = 100


measures: Registry[Measure] = Registry("measure of experiments")

_MEMBERS: Final = (
    "unnest(%(accounts)s::uuid[], %(enrollments)s::uuid[], %(starts)s::timestamptz[])"
    " AS x (account_id, enrollment_id, began)"
)
_WITHIN: Final = "BETWEEN x.began AND x.began + %(window)s::interval"


def _ask(select: str, cohort: Cohort, **more: Any) -> Iterator[tuple[Any, ...]]:
    values = {
        "tenant": current_tenant_id(),
        "accounts": [member.account_id for member in cohort.members],
        "enrollments": [member.enrollment_id for member in cohort.members],
        "starts": [member.at for member in cohort.members],
        "window": cohort.window,
        "argument": cohort.argument,
        "journey": cohort.journey_id,
        **more,
    }
    with connection.cursor() as cursor:
        cursor.execute(select.format(members=_MEMBERS, within=_WITHIN), values)
        yield from cursor.fetchall()


def _exists(condition: str, **more: Any) -> Callable[[Cohort], Outcomes]:
    """A share: whether there is such a row for the account."""

    def read(cohort: Cohort) -> Outcomes:
        rows = _ask(f"SELECT x.account_id, EXISTS (SELECT 1 {condition}) FROM {{members}}", cohort, **more)
        return {account_id: Outcome(float(found)) for account_id, found in rows}

    return read


_REACHED: Final = (
    "FROM outbox_message m WHERE m.tenant_id = %(tenant)s AND m.cause_id = x.enrollment_id AND m.status = 'sent'"
    " AND m.sent_at {within}"
)
_CLICKED: Final = (
    "FROM outbox_message m JOIN outbox_click c ON c.tenant_id = m.tenant_id AND c.message_id = m.id"
    " WHERE m.tenant_id = %(tenant)s AND m.cause_id = x.enrollment_id AND c.bot_score < %(machine)s AND c.at {within}"
)
# The accounts_change rows of an account are few; the message they name is one of the enrollment's.
_REPLIED: Final = (
    "FROM accounts_change r JOIN outbox_message m ON m.tenant_id = r.tenant_id AND m.id::text = r.data ->> 'message'"
    " WHERE r.tenant_id = %(tenant)s AND r.account_id = x.account_id AND r.kind = %(replied)s"
    " AND m.cause_id = x.enrollment_id AND r.occurred_at {within}"
)
_GOAL: Final = (
    "FROM journeys_enrollment e WHERE e.tenant_id = %(tenant)s AND e.account_id = x.account_id"
    " AND e.journey_id = %(journey)s AND e.reason = 'goal_met' AND e.ended_at {within}"
)
_MILESTONE: Final = (
    "FROM plans_milestone p WHERE p.tenant_id = %(tenant)s AND p.account_id = x.account_id"
    " AND (%(argument)s = '' OR p.key = %(argument)s) AND p.completed_at {within}"
)
_USED: Final = (
    "u.tenant_id = %(tenant)s AND u.account_id = x.account_id AND (%(argument)s = '' OR u.name = %(argument)s)"
)
# A day of use counts as after it when it began after the account was assigned.
_AFTER: Final = (
    "u.day > (x.began AT TIME ZONE 'UTC')::date"
    " AND u.day <= ((x.began + %(window)s::interval) AT TIME ZONE 'UTC')::date"
)
_BEFORE: Final = (
    "u.day < (x.began AT TIME ZONE 'UTC')::date"
    " AND u.day >= ((x.began - %(window)s::interval) AT TIME ZONE 'UTC')::date"
)


def _usage(cohort: Cohort) -> Outcomes:
    total = "(SELECT coalesce(sum(u.count), 0)::bigint FROM usage_usagedaily u WHERE {used} AND {when})"
    after, before = (total.format(used=_USED, when=when) for when in (_AFTER, _BEFORE))
    rows = _ask(f"SELECT x.account_id, {after}, {before} FROM {{members}}", cohort)
    return {account_id: Outcome(float(now), before=float(then)) for account_id, now, then in rows}


@dataclass(frozen=True, slots=True)
class _Money:
    """MRR in minor units at the end of the day of assignment, at the end of the window, and as long before."""

    then: int
    now: int
    past: int


def _money(cohort: Cohort) -> dict[UUID, _Money]:
    days = {member.account_id: member.at.date() for member in cohort.members}
    turns = (timedelta(), cohort.window, -cohort.window)
    found = mrr_at([(account_id, day + turn) for account_id, day in days.items() for turn in turns])
    return {
        account_id: _Money(*(found.get((account_id, day + turn), 0) for turn in turns))
        for account_id, day in days.items()
    }


def _paying(cohort: Cohort) -> Iterator[tuple[UUID, _Money]]:
    return ((account_id, money) for account_id, money in _money(cohort).items() if money.then > 0)


def _kept(cohort: Cohort) -> Outcomes:
    return {account_id: Outcome(float(money.now > 0)) for account_id, money in _paying(cohort)}


def _gross(cohort: Cohort) -> Outcomes:
    return {pk: Outcome(float(min(money.now, money.then)), float(money.then)) for pk, money in _paying(cohort)}


def _net(cohort: Cohort) -> Outcomes:
    return {pk: Outcome(float(money.now), float(money.then)) for pk, money in _paying(cohort)}


def _expanded(cohort: Cohort) -> Outcomes:
    return {
        pk: Outcome(float(max(money.now - money.then, 0)), before=float(max(money.then - money.past, 0)))
        for pk, money in _paying(cohort)
    }


for _measure in (
    Measure("reached", "Reached", "got a message of the journey", Kind.SHARE, _exists(_REACHED), order=5),
    Measure(
        "click", "Clicked", "a person, not a link scanner, followed a link", Kind.SHARE,
        _exists(_CLICKED, machine=Click.MACHINE), order=10,
    ),
    Measure(
        "reply", "Reply", "a person answered a mail of the journey", Kind.SHARE, _exists(_REPLIED, replied=REPLIED),
        order=15,
    ),
    Measure("goal", "Goal", "reached the goal of the journey", Kind.SHARE, _exists(_GOAL), order=20),
    Measure(
        "milestone", "Milestone", "completed a milestone", Kind.SHARE, _exists(_MILESTONE),
        argument="Key of the milestone; empty: any", optional=True, order=30,
    ),
    Measure(
        "adoption", "Adoption", "used the feature", Kind.SHARE,
        _exists(f"FROM usage_usagedaily u WHERE {_USED} AND u.count > 0 AND {_AFTER}"),
        argument="Name of the event or feature", order=40,
    ),
    Measure(
        "usage", "Use", "events in the window, less what the time before explains (CUPED)", Kind.AMOUNT, _usage,
        argument="Name of the event or feature; empty: all", optional=True, order=45,
    ),
    Measure("retention", "Logo retention", "still pays at the end of the window, of those who paid", Kind.SHARE, _kept,
            order=50),
    Measure("grr", "Gross revenue retention", "MRR kept ÷ MRR at the start", Kind.RATIO, _gross, order=60),
    Measure("nrr", "Net revenue retention", "MRR at the end ÷ MRR at the start", Kind.RATIO, _net, order=65),
    Measure("expansion", "Expansion", "MRR gained for each account that paid", Kind.AMOUNT, _expanded, money=True,
            order=70),
):  # fmt: skip
    measures.register(_measure)
