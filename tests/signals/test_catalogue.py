"""Every shipped trigger that watches a condition: silent before its cause, one signal after, none for others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from hub.accounts.models import Account, CommunityActivity, Contact, ContactRole
from hub.feedback.models import ReadText, SurveyResponse, Ticket
from hub.plans.models import Milestone, OnboardingPlan
from hub.registry.facts import known_facts
from hub.revenue.models import ContractLine, Entitlement, Invoice, Product, Tier
from hub.rules.explain import sentence
from hub.rules.language import parse
from hub.tenancy.context import tenant_context
from hub.tenancy.ids import uuid7
from hub.tenancy.models import Tenant
from hub.usage.models import ActiveUserDaily, UsageDaily
from signals.catalogue import BY_KEY, SHIPPED, composites
from signals.engine import evaluate_accounts
from signals.models import Signal, Trigger
from tests.world import make_account, make_contact

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 17, 12, tzinfo=UTC)
TODAY = date(2026, 6, 17)
_number = iter(range(10**6))


def day(ago: int) -> date:
    return TODAY - timedelta(days=ago)


def at(ago: int) -> datetime:
    return NOW - timedelta(days=ago, hours=1)


def pays(account: Account, **fields: Any) -> Any:
    kept = {"mrr_minor": 100_00, "starts_on": day(200), "source": "t", "external_id": f"l{next(_number)}"} | fields
    ContractLine.objects.create(account=account, **kept)


def used(account: Account, first: int, last: int, *, name: str = "Report", users: int = 1, count: int = 1) -> Any:
    """So many users used an event on each of the days from `first` to `last` days ago."""
    for ago in range(last, first + 1):
        UsageDaily.objects.create(account=account, day=day(ago), name=name, count=count * users)
        for user in range(users):
            ActiveUserDaily.objects.get_or_create(account=account, day=day(ago), user_key=f"u{user}")


def ticket(account: Account, ago: int = 1, **fields: Any) -> Any:
    Ticket.objects.create(account=account, source="t", external_id=f"t{next(_number)}", opened_at=at(ago), **fields)


def answer(account: Account, kind: str, score: int) -> Any:
    SurveyResponse.objects.create(
        account=account, source="t", external_id=f"s{next(_number)}", kind=kind, score=score, answered_at=at(1)
    )


def invoice(account: Account, **fields: Any) -> Any:
    whole = {"total_minor": 100, "currency": "EUR", "issued_on": day(60), "due_on": day(30)} | fields
    Invoice.objects.create(account=account, source="t", external_id=f"i{next(_number)}", **whole)


def plan(account: Account, **milestone: Any) -> Any:
    whole = OnboardingPlan.objects.create(account=account, started_on=day(40))
    Milestone.objects.create(account=account, plan=whole, title="First report", position=1, required=True, **milestone)


def signed_up(account: Account, ago: int) -> Any:
    Account.objects.filter(pk=account.pk).update(signed_up_on=day(ago))


def activity(account: Account, kind: str) -> Any:
    CommunityActivity.objects.create(
        account=account, source="t", external_id=f"c{next(_number)}", kind=kind, occurred_at=at(1)
    )


def tier(account: Account, measure: str, kind: str, limit: int, period: str = "") -> Any:
    product = Product.objects.create(name=f"P{next(_number)}")
    made = Tier.objects.create(product=product, name="Pro", rank=1)
    Entitlement.objects.create(tier=made, measure=measure, kind=kind, limit=limit, period=period)
    pays(account, product=product.name, tier="Pro")


def seen(account: Account, ago: int, *roles: str) -> Contact:
    contact = make_contact(account, f"p{next(_number)}@x.example", roles=list(roles))
    contact.created_at, contact.last_seen_at = at(100), at(ago)
    contact.save()
    return contact


def nothing(account: Account) -> None:
    """There is nothing before the cause."""


def said(account: Account, theme: str) -> None:
    ReadText.objects.create(account=account, kind="ticket", object_id=uuid7(), at=at(1), read_at=at(1), themes=[theme])


Make = Callable[[Account], Any]
# Trigger → what is so before, and the cause.
CAUSES: dict[str, tuple[Make, Make]] = {
    "milestone-overdue": (nothing, lambda a: plan(a, due_on=day(1))),
    "onboarding-stalled": (
        lambda a: (signed_up(a, 20), plan(a, due_on=day(-9)), used(a, 3, 3)),
        lambda a: UsageDaily.objects.filter(account=a).delete(),
    ),
    "onboarding-fast": (
        lambda a: (signed_up(a, 10), plan(a, due_on=day(-9))),
        lambda a: OnboardingPlan.objects.filter(account=a).update(activated_at=at(1)),
    ),
    "adoption-narrow-day-45": (
        lambda a: (signed_up(a, 50), [used(a, 2, 2, name=f"E{n}") for n in range(5)]),
        lambda a: UsageDaily.objects.filter(account=a, name="E0").delete(),
    ),
    "tickets-critical": (
        lambda a: [ticket(a, priority="urgent") for _ in range(2)],
        lambda a: ticket(a, priority="urgent"),
    ),
    "ticket-escalated": (lambda a: ticket(a), lambda a: ticket(a, escalated=True)),
    "tickets-early": (
        lambda a: (pays(a, starts_on=day(100)), [ticket(a, 50) for _ in range(9)]),
        lambda a: ticket(a, 50),
    ),
    "feature-requested": (lambda a: ticket(a, kind="question"), lambda a: ticket(a, kind="feature")),
    "competitor-named": (lambda a: said(a, "bug"), lambda a: said(a, "leaving")),
    "seats-near-limit": (
        lambda a: (tier(a, "seats", "level", 10), used(a, 30, 0, users=8)),
        lambda a: used(a, 30, 0, name="Other", users=9),
    ),
    "quota-near-limit": (
        # 0.9 of a year's 3,650 at ten a day would be 3,650: 13 days are not yet two weeks.
        lambda a: tier(a, "Report", "quota", 365, "year"),
        lambda a: used(a, 167, 0, count=1),
    ),
    "users-falling": (
        lambda a: (used(a, 50, 30, users=4), used(a, 20, 0, users=4)),
        lambda a: ActiveUserDaily.objects.filter(account=a, day__gte=day(27), user_key="u3").delete(),
    ),
    "frequency-falling": (
        lambda a: used(a, 55, 0),
        lambda a: UsageDaily.objects.filter(account=a, day__gt=day(20)).delete(),
    ),
    "use-narrow": (
        lambda a: (used(a, 9, 0, count=8), used(a, 9, 0, name="Other", count=3)),
        lambda a: used(a, 19, 10, count=8),
    ),
    "use-case-new": (
        lambda a: (signed_up(a, 100), used(a, 90, 0)),
        lambda a: used(a, 1, 1, name="Forecast"),
    ),
    "team-growth": (
        lambda a: (used(a, 50, 30, users=4), used(a, 20, 1, users=5)),
        lambda a: used(a, 0, 0, name="Other", users=6),
    ),
    "data-export": (lambda a: used(a, 9, 9, name="Data exported"), lambda a: used(a, 2, 2, name="Data exported")),
    "nps-promoter": (lambda a: answer(a, "nps", 8), lambda a: answer(a, "nps", 9)),
    "nps-detractor": (lambda a: answer(a, "nps", 7), lambda a: answer(a, "nps", 6)),
    "csat-low": (lambda a: ticket(a, csat=3), lambda a: ticket(a, csat=1)),
    "csat-high": (lambda a: ticket(a, csat=4), lambda a: [ticket(a, csat=5) for _ in range(2)]),
    "community-active": (
        lambda a: [activity(a, "post") for _ in range(2)],
        lambda a: activity(a, "answer"),
    ),
    "advocacy-shown": (lambda a: activity(a, "post"), lambda a: activity(a, "referral")),
    "champion-missing": (
        lambda a: (pays(a), seen(a, 1, ContactRole.CHAMPION), seen(a, 1)),
        lambda a: Contact.objects.filter(account=a).update(roles=[]),
    ),
    "single-threaded": (
        lambda a: (pays(a), seen(a, 1), seen(a, 1)),
        lambda a: Contact.objects.filter(pk=Contact.objects.filter(account=a).first().pk).update(status="left"),
    ),
    "executive-disengaged": (
        lambda a: (pays(a), seen(a, 60, ContactRole.EXECUTIVE_SPONSOR), seen(a, 1)),
        lambda a: Contact.objects.filter(account=a, last_seen_at__lt=at(9)).update(last_seen_at=at(61)),
    ),
    "engagement-waning": (
        lambda a: (pays(a), seen(a, 45)),
        lambda a: Contact.objects.filter(account=a).update(last_seen_at=at(46)),
    ),
    "invoice-late": (
        lambda a: invoice(a, due_on=day(6)),
        lambda a: Invoice.objects.filter(account=a).update(due_on=day(7)),
    ),
    "pays-in-time": (
        lambda a: [invoice(a, paid_at=at(31), paid_minor=100, status="paid") for _ in range(5)],
        lambda a: invoice(a, paid_at=at(31), paid_minor=100, status="paid"),
    ),
    "contract-began": (nothing, lambda a: pays(a, starts_on=day(0))),
    **{
        f"renewal-{days}": (
            lambda a, days=days: pays(a, renews_on=day(-days - 1)),  # type: ignore[misc]
            lambda a, days=days: ContractLine.objects.filter(account=a).update(renews_on=day(-days)),  # type: ignore[misc]
        )
        for days in (270, 180, 120, 90, 60, 30)
    },
    "expansion-ready": (
        lambda a: (pays(a, renews_on=day(-100)), used(a, 50, 30, users=4), used(a, 20, 1, users=5)),
        lambda a: used(a, 0, 0, name="Other", users=6),
    ),
    "expansion-seats": (
        lambda a: (pays(a), used(a, 50, 30, users=4), used(a, 20, 1, users=5)),
        lambda a: used(a, 0, 0, name="Other", users=6),
    ),
    "expansion-tier": (lambda a: tier(a, "Report", "quota", 365, "year"), lambda a: used(a, 167, 0, count=1)),
    "renewal-at-risk": (
        lambda a: (pays(a, renews_on=day(-100)), seen(a, 1, ContactRole.CHAMPION)),
        lambda a: Contact.objects.filter(account=a).update(roles=[]),
    ),
}
# Their own tests: the decline's definition, the one that needs a signal of months ago, and health (tests/health).
ELSEWHERE = {"usage-decline", "expansion-cross-sell", "health-red", "health-dropped"}


def test_every_computed_trigger_has_its_cause_here() -> None:
    shipped = {one.key for one in SHIPPED if one.kind == Trigger.Kind.COMPUTED}
    assert set(CAUSES) | ELSEWHERE == shipped


@pytest.mark.parametrize("key", CAUSES)
def test_a_trigger_fires_on_its_cause_once_and_clears(acme: Tenant, key: str) -> None:
    before, cause = CAUSES[key]
    with tenant_context(acme):
        account, beside = make_account("Cause"), make_account("Beside")
        for one in (account, beside):
            Account.objects.filter(pk=one.pk).update(signed_up_on=None)
            before(one)

        def fired(now: datetime) -> list[Any]:
            evaluate_accounts(acme, [account.pk, beside.pk], now=now)
            return list(Signal.objects.filter(trigger__key=key).values_list("account__name", flat=True))

        assert fired(NOW) == []
        cause(account)
        assert fired(NOW + timedelta(minutes=1)) == ["Cause"]
        assert fired(NOW + timedelta(minutes=2)) == ["Cause"]
        signal = Signal.objects.get(trigger__key=key)
        shipped = BY_KEY[key]
        # The words it ships with, unless it is one of several things at once.
        assert signal.sentence.startswith(f"{shipped.name}: ") is not bool(shipped.sentence)
        assert not {"None", "{"} & set(signal.sentence.split())
        assert bool(shipped.sentence) is (shipped not in composites.TRIGGERS)


def test_all_the_rules_can_be_read_and_said(acme: Tenant) -> None:
    with tenant_context(acme):
        for shipped in SHIPPED:
            assert sentence(parse(shipped.rule, known_facts()))
