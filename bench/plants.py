"""What is planted for each shipped trigger: a healthy life, its cause, and what comes as near to it as can be.

An account that a cause is planted in lives healthily beside it, so that whatever else its triggers say is either told
in `also` or a false signal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bench.planter import ACTOR, Stage
from hub.accounts.models import Account
from hub.accounts.services import change_record, contact_roles_set
from hub.outbox.origins import REPLIED
from signals.services import signal_report

Act = Callable[[Stage, Account], Any]


def healthy(stage: Stage, account: Account) -> None:
    """A customer of whom no shipped trigger has anything to say."""
    stage.signed_up(account, 400)
    stage.pays(account)
    stage.people(account)
    stage.works(account)


def nothing(stage: Stage, account: Account) -> None:
    """Nothing is planted."""


@dataclass(frozen=True)
class Plant:
    """What is planted for a trigger: the life before, the cause and what is nearly one, and what fires beside it.

    ``near_fires`` are triggers that what is nearly the cause fires rightly.
    """

    trigger: str
    cause: Act
    near: Act
    before: Act = healthy
    also: Sequence[str] = ()
    near_fires: Sequence[str] = ()


def _all(*acts: Act) -> Act:
    return lambda stage, account: [act(stage, account) for act in acts]


def _users(count: int, first: int, last: int) -> Act:
    """So many more users, on every day from `first` to `last` days ago."""

    def act(stage: Stage, account: Account) -> None:
        for ago in range(last, first + 1):
            for user in range(count):
                stage.use(account, ago, user=100 + user)

    return act


def _once(name: str, ago: int, times: int = 1) -> Act:
    return lambda stage, account: stage.use(account, ago, name, times=times)


def _weeks_before(more: int) -> Act:
    """So much more use in each of the eight complete weeks before the last two."""

    def act(stage: Stage, account: Account) -> None:
        monday = stage.today.weekday()
        for week in range(3, 11):
            stage.use(account, monday + 7 * week - 3, "Report", times=more)

    return act


def _tickets(count: int, ago: int = 2, **fields: Any) -> Act:
    def act(stage: Stage, account: Account) -> None:
        for _ in range(count):
            stage.ticket(account, ago, **fields)

    return act


def _times(count: int, act: Act) -> Act:
    return lambda stage, account: [act(stage, account) for _ in range(count)]


def _customer_for(began: int) -> Act:
    return _all(healthy, lambda stage, account: stage.pays(account, began=began))


def _young(signed_up: int, *, use: bool = True, events: int = 5) -> Act:
    """A customer since some days, with a plan that is not done yet."""

    def act(stage: Stage, account: Account) -> None:
        stage.signed_up(account, signed_up)
        stage.pays(account, began=signed_up)
        stage.people(account)
        if use:
            stage.works(account, first=signed_up - 1, events=events)

    return act


def _seen(role: str, ago: int) -> Act:
    def act(stage: Stage, account: Account) -> None:
        for contact in account.contacts.all():
            if not role or role in contact.roles:
                stage.seen(contact, ago)
        stage.renews(account, 299)  # Somebody corrects the renewal, so that the account is looked at.

    return act


def _answered(*, historical: bool = False) -> Act:
    return lambda stage, account: change_record(
        account_id=account.pk, kind=REPLIED, key=stage.key(), occurred_at=stage.now, historical=historical,
        data={"message": "", "subject": "planted"},
    )  # fmt: skip


def _extra_person(*roles: str) -> Act:
    return lambda stage, account: stage.person(account, *roles)


def _without_role(role: str) -> Act:
    def act(stage: Stage, account: Account) -> None:
        for contact in account.contacts.filter(roles__contains=[role]).order_by("pk")[:1]:
            contact_roles_set(contact=contact, roles=[], actor=ACTOR)

    return act


def _renews(days: int) -> Act:
    return lambda stage, account: stage.renews(account, days)


def _reported(ago: int) -> Act:
    return lambda stage, account: signal_report(
        account_id=account.pk, source="planted", external_id=stage.key(), text="seen", data={},
        occurred_at=stage.now - timedelta(hours=ago),
    )  # fmt: skip


def _alone(stage: Stage, account: Account) -> None:
    """Two people besides the champion go, and one of the two is left."""
    stage.signed_up(account, 400)
    stage.pays(account)
    stage.works(account)
    stage.person(account, "champion")
    stage.person(account)


def _settled(stage: Stage, account: Account) -> None:
    """A customer who does not use anything yet."""
    stage.signed_up(account, 400)
    stage.pays(account)
    stage.people(account)


def _not_yet_paying(stage: Stage, account: Account) -> None:
    stage.signed_up(account, 400)
    stage.people(account)
    stage.works(account)


def _uses_on(days: range) -> Act:
    def act(stage: Stage, account: Account) -> None:
        for ago in days:
            stage.use(account, ago)

    return act


def _tagged(tag: str, *, historical: bool = False) -> Act:
    return lambda stage, account: stage.tagged(account, tag, historical=historical)


RENEWALS = (270, 180, 120, 90, 60, 30)
# Activation and the last ninety days before a renewal are stages of their own.
ACTIVATED = RENEWING = ("stage-changed",)
GROWTH = _users(3, 6, 0)
# A quota of a million calls a year, of which all are made thirteen days ago.
QUOTA = _all(healthy, _once("Call", 200), lambda stage, account: stage.allow(account, "Call", "quota", 10**6, "year"))
FULL = _once("Call", 13, 10**6)
PLANTS: tuple[Plant, ...] = (
    # From the first day on.
    Plant("milestone-reached", lambda s, a: s.reach(a), lambda s, a: s.reach(a, historical=True),
          _all(_young(20), lambda s, a: s.plan(a)), also=ACTIVATED, near_fires=ACTIVATED),
    Plant("milestone-overdue", lambda s, a: s.due(a, 1), lambda s, a: s.due(a, 0),
          _all(_young(20), lambda s, a: s.plan(a))),
    Plant("onboarding-stalled", lambda s, a: s.signed_up(a, 15),
          _all(lambda s, a: s.signed_up(a, 15), _once("Report", 3)),
          _all(_young(14, use=False), lambda s, a: s.plan(a))),
    Plant("onboarding-fast", lambda s, a: s.reach(a), _all(lambda s, a: s.signed_up(a, 15), lambda s, a: s.reach(a)),
          _all(_young(10), lambda s, a: s.plan(a)), also=["milestone-reached", *ACTIVATED],
          near_fires=["milestone-reached", *ACTIVATED]),
    Plant("adoption-narrow-day-45", lambda s, a: s.signed_up(a, 45), lambda s, a: s.signed_up(a, 44),
          _young(43, events=4)),
    # Use.
    Plant("usage-decline", _weeks_before(2), _weeks_before(1)),
    Plant("seats-near-limit", _users(2, 13 + 6, 0), _users(2, 12, 0),
          _all(healthy, lambda s, a: s.allow(a, "seats", "level", 11)), also=["expansion-seats"]),
    Plant("quota-near-limit", FULL, _once("Call", 12, 10**6), QUOTA,
          also=["expansion-tier", "use-narrow"], near_fires=["use-narrow"]),
    Plant("users-falling", _users(4, 50, 50), _users(3, 50, 50)),
    Plant("frequency-falling", _uses_on(range(29, 41, 2)),
          _uses_on(range(29, 39, 2)),
          _all(_settled, lambda s, a: s.works(a, every=2))),
    Plant("use-narrow", _once("Report", 3, 91), _once("Report", 3, 90)),
    Plant("use-case-new", _once("Forecast", 2), _once("Forecast", 14)),
    Plant("team-growth", GROWTH, _users(2, 6, 0), also=["expansion-seats"]),
    Plant("data-export", _once("Data exported", 2), _once("Data exported", 7),
          _all(healthy, _once("Data exported", 60))),
    # What is told and felt.
    *(Plant(f"qbr-{tag}", _tagged(tag), _tagged(tag, historical=True))
      for tag in ("expansion", "risk", "stakeholder", "value")),
    Plant("reported", _reported(1), _reported(26)),
    Plant("tickets-critical", _tickets(1, priority="urgent"), _tickets(1, priority="high"),
          _all(healthy, _tickets(2, priority="urgent"))),
    Plant("ticket-escalated", _tickets(1, escalated=True), _tickets(1, escalated=True, ago=8)),
    Plant("tickets-early", _tickets(1, ago=20), nothing, _all(_customer_for(100), _tickets(9, ago=20))),
    Plant("tickets-early", nothing, _tickets(1, ago=20), _all(_customer_for(200), _tickets(9, ago=20))),
    Plant("feature-requested", _tickets(1, kind="feature"), _tickets(1, kind="feature", ago=31)),
    Plant("nps-promoter", lambda s, a: s.answer(a, 9), lambda s, a: s.answer(a, 8)),
    Plant("competitor-named", lambda s, a: s.said(a, "leaving"), lambda s, a: s.said(a, "bug")),
    Plant("nps-detractor", lambda s, a: s.answer(a, 6), lambda s, a: s.answer(a, 7)),
    Plant("csat-low", _all(_tickets(1, csat=3), _tickets(1, csat=2)), _tickets(2, csat=3)),
    Plant("csat-high", _all(_tickets(1, csat=5), _tickets(1, csat=4)), _all(_tickets(1, csat=5), _tickets(2, csat=4))),
    Plant("community-active", lambda s, a: s.activity(a, "answer"), nothing,
          _all(healthy, _times(2, lambda s, a: s.activity(a, "post")))),
    Plant("advocacy-shown", lambda s, a: s.activity(a, "referral"), lambda s, a: s.activity(a, "post")),
    # Who is there.
    Plant("mail-replied", _answered(), _answered(historical=True)),
    Plant("champion-departed", lambda s, a: s.leave(a, "champion"), lambda s, a: s.leave(a), also=["champion-missing"]),
    Plant("sponsor-departed", lambda s, a: s.leave(a, "executive_sponsor"), lambda s, a: s.leave(a)),
    Plant("champion-missing", _without_role("champion"), _without_role("executive_sponsor")),
    Plant("champion-missing", nothing, _without_role("champion"), _all(healthy, _extra_person("champion"))),
    Plant("single-threaded", lambda s, a: s.leave(a), _all(_extra_person(), lambda s, a: s.leave(a)), _alone),
    Plant("executive-disengaged", _seen("executive_sponsor", 61), _seen("executive_sponsor", 60)),
    Plant("engagement-waning", _seen("", 46), _seen("", 45)),
    # Money.
    Plant("payment-failed", lambda s, a: s.payment(a, "failed"), lambda s, a: s.payment(a, "succeeded")),
    Plant("payment-disputed", lambda s, a: s.payment(a, "disputed"), lambda s, a: s.payment(a, "succeeded")),
    Plant("invoice-late", lambda s, a: s.invoice(a, due=7), lambda s, a: s.invoice(a, due=6)),
    Plant("pays-in-time", lambda s, a: s.invoice(a, paid=31), lambda s, a: s.invoice(a, paid=29),
          _all(healthy, _times(5, lambda s, a: s.invoice(a, paid=31)))),
    Plant("contract-began", lambda s, a: s.pays(a, began=0), lambda s, a: s.pays(a, began=-1),
          _not_yet_paying),
    *(Plant(f"renewal-{days}", _renews(days), _renews(days + 1), _all(healthy, _renews(days + 2)),
            also=RENEWING if days == 90 else ())
      for days in RENEWALS),
    Plant("stage-changed", _renews(90), _renews(91), _all(healthy, _renews(92)), also=["renewal-90"]),
    # Several things at once.
    Plant("expansion-ready", GROWTH, _users(2, 6, 0), _all(healthy, _renews(100)),
          also=["team-growth", "expansion-seats"]),
    Plant("expansion-ready", nothing, GROWTH, _all(healthy, _renews(181)),
          near_fires=["team-growth", "expansion-seats"]),
    Plant("expansion-seats", GROWTH, nothing, also=["team-growth"]),
    Plant("expansion-seats", nothing, GROWTH, _all(healthy, lambda s, a: s.answer(a, 6)), near_fires=["team-growth"]),
    Plant("expansion-tier", FULL, nothing, QUOTA, also=["quota-near-limit", "use-narrow"]),
    Plant("expansion-tier", nothing, FULL, _all(QUOTA, lambda s, a: s.answer(a, 6)),
          near_fires=["quota-near-limit", "use-narrow"]),
    Plant("expansion-cross-sell", _once("Forecast", 2), _once("Forecast", 14),
          _all(healthy, lambda s, a: s.tagged(a, "expansion")), also=["use-case-new"]),
    Plant("renewal-at-risk", _weeks_before(2), _weeks_before(1), _all(healthy, _renews(100)), also=["usage-decline"]),
    Plant("renewal-at-risk", nothing, _weeks_before(2), _all(healthy, _renews(121)), near_fires=["usage-decline"]),
)  # fmt: skip
# Scored from many measures at once, whose exact value nobody plants: tests/health holds them against their definition.
UNPLANTED = frozenset({"health-red", "health-dropped"})
