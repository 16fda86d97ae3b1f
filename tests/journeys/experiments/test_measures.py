"""What each measure says of an account: after it was assigned, within its window, and of nobody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from hub.accounts.models import Account, Change
from hub.outbox.models import Click, Message
from hub.outbox.origins import REPLIED
from hub.plans.models import Milestone, OnboardingPlan
from hub.revenue.models import ContractLine
from hub.tenancy.context import tenant_context
from hub.tenancy.ids import uuid7
from hub.tenancy.models import Tenant
from hub.usage.models import UsageDaily
from journeys.experiments.measures import Cohort, Member, Outcome, measures
from journeys.models import Enrollment, Journey
from tests.journeys import graphs
from tests.world import make_account, make_contact

BEGAN = timezone.now() - timedelta(days=40)
WINDOW = timedelta(days=14)
INSIDE, AFTER = BEGAN + timedelta(days=5), BEGAN + timedelta(days=20)
Cause = Callable[[Account, Enrollment, datetime], Any]


def _mail(account: Account, enrollment: Enrollment, at: datetime) -> Message:
    message: Message = Message.objects.create(
        account=account, contact=account.contacts.get(), key=f"m:{at}:{account.pk}", channel="email",
        message_class="programme", purpose="adoption", subject="s", body_html="b", body_text="b", status="sent",
        sent_at=at, cause="journey", cause_id=enrollment.pk,
    )  # fmt: skip
    return message


def _click(account: Account, enrollment: Enrollment, at: datetime) -> None:
    message = _mail(account, enrollment, BEGAN)
    Click.objects.create(account=account, message=message, link=0, at=at)
    Click.objects.create(account=account, message=message, link=0, at=INSIDE, bot_score=90) if at == AFTER else None


def _reply(account: Account, enrollment: Enrollment, at: datetime) -> None:
    message = _mail(account, enrollment, BEGAN)
    told = {"message": str(message.pk), "subject": "s"}
    Change.objects.create(account=account, kind=REPLIED, key=str(uuid7()), occurred_at=at, data=told, handled_at=at)
    # An answer to something else is no reply to this journey.
    other = {"message": str(uuid7()), "subject": "s"}
    Change.objects.create(
        account=account, kind=REPLIED, key=str(uuid7()), occurred_at=INSIDE, data=other, handled_at=at
    )


def _goal(account: Account, enrollment: Enrollment, at: datetime) -> None:
    Enrollment.objects.filter(pk=enrollment.pk).update(status="finished", reason="goal_met", ended_at=at, due_at=None)


def _milestone(account: Account, enrollment: Enrollment, at: datetime) -> None:
    plan = OnboardingPlan.objects.create(account=account, name="p", started_on=BEGAN.date())
    Milestone.objects.create(account=account, plan=plan, key="first", title="t", completed_at=at)


def _use(account: Account, enrollment: Enrollment, at: datetime) -> None:
    UsageDaily.objects.create(account=account, day=at.date(), name="Report made", count=3)


CAUSES: dict[str, tuple[Cause, str]] = {
    "reached": (_mail, ""),
    "click": (_click, ""),
    "reply": (_reply, ""),
    "goal": (_goal, ""),
    "milestone": (_milestone, "first"),
    "adoption": (_use, "Report made"),
}


@pytest.fixture
def journey(acme: Tenant) -> Journey:
    return graphs.publish(acme, graphs.graph(graphs.email()))


def entered(journey: Journey, name: str) -> tuple[Account, Enrollment]:
    account = make_account(name)
    make_contact(account)
    return account, Enrollment.objects.create(account=account, journey=journey, version=1, node_id="mail")


def outcomes(journey: Journey, key: str, argument: str, *rows: tuple[Account, Enrollment]) -> dict[str, Outcome]:
    members = [Member(account.pk, enrollment.pk, 0, BEGAN) for account, enrollment in rows]
    found = measures.get(key).read(Cohort(members, WINDOW, journey.pk, argument))
    return {account.name: found[account.pk] for account, _ in rows if account.pk in found}


@pytest.mark.parametrize("key", CAUSES)
def test_what_happens_within_the_window_counts_and_what_happens_later_does_not(
    acme: Tenant, journey: Journey, key: str
) -> None:
    cause, argument = CAUSES[key]
    with tenant_context(acme):
        rows = [entered(journey, name) for name in ("inside", "after", "never")]
        cause(*rows[0], INSIDE)
        cause(*rows[1], AFTER)
        found = outcomes(journey, key, argument, *rows)
    assert {name: outcome.value for name, outcome in found.items()} == {"inside": 1.0, "after": 0.0, "never": 0.0}


def test_every_share_has_its_cause_here() -> None:
    assert {m.key for m in measures if m.kind == "share"} == {*CAUSES, "retention"}


def test_use_is_counted_before_and_after(acme: Tenant, journey: Journey) -> None:
    with tenant_context(acme):
        row = entered(journey, "a")
        for at in (INSIDE, INSIDE + timedelta(days=1), BEGAN - timedelta(days=2), AFTER):
            _use(*row, at)
        assert outcomes(journey, "usage", "", row) == {"a": Outcome(6.0, before=3.0)}


def _line(account: Account, mrr: int, start: datetime, end: datetime | None = None) -> None:
    ContractLine.objects.create(
        account=account, source="t", external_id=str(uuid7()), product="p", mrr_minor=mrr, currency="USD",
        starts_on=start.date(), ends_on=end.date() if end else None,
    )  # fmt: skip


def test_money_is_read_at_the_end_of_the_window_of_those_who_paid(acme: Tenant, journey: Journey) -> None:
    long_ago = BEGAN - timedelta(days=300)
    with tenant_context(acme):
        rows = {name: entered(journey, name) for name in ("stays", "leaves", "shrinks", "grows", "came later", "never")}
        _line(rows["stays"][0], 100, long_ago)
        _line(rows["leaves"][0], 100, long_ago, INSIDE)
        _line(rows["shrinks"][0], 60, long_ago)
        _line(rows["shrinks"][0], 40, long_ago, INSIDE)
        _line(rows["grows"][0], 100, BEGAN - timedelta(days=7))
        _line(rows["grows"][0], 50, INSIDE)
        _line(rows["came later"][0], 100, INSIDE)
        kept, gross, net, grown = (
            outcomes(journey, key, "", *rows.values()) for key in ("retention", "grr", "nrr", "expansion")
        )
    paid = ["stays", "leaves", "shrinks", "grows"]
    assert [list(found) for found in (kept, gross, net, grown)] == [paid] * 4
    assert [kept[name].value for name in paid] == [1, 0, 1, 1]
    assert [(gross[name].value, gross[name].base) for name in paid] == [(100, 100), (0, 100), (60, 100), (100, 100)]
    assert [net[name].value for name in paid] == [100, 0, 60, 150]
    assert [(grown[name].value, grown[name].before) for name in paid] == [(0, 0), (0, 0), (0, 0), (50, 100)]
