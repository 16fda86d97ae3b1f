from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from advocacy.models import Candidate
from advocacy.services import candidates_refresh
from hub.accounts.models import Account, Contact
from hub.accounts.services import facts_touch
from hub.feedback.models import SurveyResponse
from hub.plans.services import milestone_complete, plan_create
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.engine import evaluate_batch
from tests.world import ACTOR, PASSWORD, make_account, make_contact, make_member


def answer(contact: Contact, score: int, days_ago: int = 1) -> None:
    SurveyResponse.objects.create(
        account_id=contact.account_id,
        contact=contact,
        source="test",
        external_id=f"{contact.pk}-{score}-{days_ago}",
        kind="nps",
        score=score,
        answered_at=timezone.now() - timedelta(days=days_ago),
    )


@pytest.fixture
def contact(acme: Tenant) -> Contact:
    with tenant_context(acme):
        account = make_account()
        plan = plan_create(account=account, started_on=timezone.localdate(), actor=ACTOR)
        milestone_complete(milestone_id=plan.milestones.get(key="kick-off").pk, via="hub", actor=ACTOR)
        return make_contact(account)


def test_a_promoter_at_an_account_with_a_milestone_is_put_forward_with_the_reason(
    acme: Tenant, contact: Contact
) -> None:
    with tenant_context(acme):
        answer(contact, 9)
        facts_touch([contact.account_id])
        while evaluate_batch(acme):
            pass
        candidate = Candidate.objects.get()
        assert candidate.contact == contact
        assert "NPS 9" in candidate.reason
        assert "Hold the kick-off" in candidate.reason
        assert candidates_refresh([contact.account_id]) == 0


@pytest.mark.parametrize(("score", "days_ago"), [(8, 1), (10, 181)])
def test_a_passive_or_an_old_answer_does_not_qualify(acme: Tenant, contact: Contact, score: int, days_ago: int) -> None:
    with tenant_context(acme):
        answer(contact, score, days_ago)
        assert candidates_refresh([contact.account_id]) == 0


def test_without_a_milestone_nobody_qualifies(acme: Tenant) -> None:
    with tenant_context(acme):
        lone = make_contact(make_account("Lone"))
        answer(lone, 10)
        assert candidates_refresh([lone.account_id]) == 0


def test_a_lower_later_answer_takes_the_reason_away_but_keeps_the_record(acme: Tenant, contact: Contact) -> None:
    with tenant_context(acme):
        answer(contact, 10, days_ago=20)
        candidates_refresh([contact.account_id])
        answer(contact, 3)
        candidates_refresh([contact.account_id])
        assert not Candidate.objects.get().qualifies


def test_somebody_who_left_is_not_put_forward(acme: Tenant, contact: Contact) -> None:
    with tenant_context(acme):
        answer(contact, 10)
        Contact.objects.update(status="left")
        assert candidates_refresh([contact.account_id]) == 0


def test_a_marketer_decides_once_and_a_csm_may_only_look(acme: Tenant, contact: Contact) -> None:
    with tenant_context(acme):
        answer(contact, 10)
        candidates_refresh([contact.account_id])
        candidate = Candidate.objects.get()
    path = f"/t/acme/advocacy/{candidate.pk}/decide/"
    for role, expected in (("csm", 403), ("marketer", 302)):
        member = make_member(acme, role)
        client = Client()
        client.login(email=member.user.email, password=PASSWORD)
        assert "NPS 10" in client.get("/t/acme/advocacy/").content.decode()
        assert client.post(path, {"status": "declined"}).status_code == expected
    with tenant_context(acme):
        candidate.refresh_from_db()
        assert candidate.status == "candidate", "declining needs a reason"
    client.post(path, {"status": "invited"})
    client.post(path, {"status": "declined", "note": "later"})
    with tenant_context(acme):
        candidate.refresh_from_db()
        assert candidate.status == "invited"


def test_the_roster_costs_the_same_at_1_and_at_20_rows(acme: Tenant) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    member = make_member(acme, "marketer")
    client = Client()
    client.login(email=member.user.email, password=PASSWORD)
    counts = []
    for total in (1, 20):
        with tenant_context(acme):
            for number in range(total):
                _promoter(f"P{total}-{number}")
            candidates_refresh(list(Account.objects.values_list("pk", flat=True)))
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/t/acme/advocacy/").status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]


def _promoter(name: str) -> None:
    account = make_account(name)
    plan = plan_create(account=account, started_on=timezone.localdate(), actor=ACTOR)
    milestone_complete(milestone_id=plan.milestones.get(key="kick-off").pk, via="hub", actor=ACTOR)
    answer(make_contact(account), 10)
