"""One question: asked by a journey, answered by the link of a mail or in the hub, nobody more often than in 90 days."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from hub.accounts.models import Account
from hub.feedback.models import SurveyResponse
from hub.outbox.models import Message
from hub.people.models import AuditEvent
from hub.portal.services import sign_in_prepare
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.models import SurveyInvite
from journeys.services import graph_problems
from journeys.surveys.services import survey_answer
from tests.journeys.graphs import TO, go, graph, node, publish, step, world
from tests.world import ACTOR

QUESTION = "Would you recommend {{ company.name }} to others?"
ASKS = graph(node("survey", to=TO, survey="nps", question=QUESTION, **{"class": "relationship"}))


@pytest.fixture
def account(acme: Tenant) -> Account:
    return world(acme)


def asked(tenant: Tenant, account: Account) -> str:
    """Let a journey ask; the address in the mail, without its host."""
    publish(tenant, ASKS)
    go(tenant, account)
    with tenant_context(tenant):
        html = Message.objects.get().body_html
    found = re.search(r'href="[^"]*?(/hub/acme/survey/[^"]+)"', html)
    assert found is not None
    return found[1]


def test_the_link_of_the_mail_leads_to_the_question_and_the_answer_is_kept(acme: Tenant, account: Account) -> None:
    address, anybody = asked(acme, account), Client()
    page = anybody.get(address).content.decode()
    assert "Would you recommend Acme to others?" in page
    with tenant_context(acme):
        assert not SurveyResponse.objects.exists()
    assert "Thank you" in anybody.post(address, {"score": "9", "comment": "It saves days"}).content.decode()
    with tenant_context(acme):
        answer = SurveyResponse.objects.get()
        assert (answer.kind, answer.score, answer.comment) == ("nps", 9, "It saves days")
        assert answer.contact_id == account.contacts.get().pk
        assert AuditEvent.objects.filter(action="survey.answer").count() == 1


def test_an_answer_is_given_once(acme: Tenant, account: Account) -> None:
    address, anybody = asked(acme, account), Client()
    anybody.post(address, {"score": "9"})
    anybody.post(address, {"score": "0"})
    with tenant_context(acme):
        assert [answer.score for answer in SurveyResponse.objects.all()] == [9]


@pytest.mark.parametrize("score", ["", "11", "-1", "x", "²", "999999999999"])
def test_a_score_off_the_scale_is_refused_and_the_words_are_kept(acme: Tenant, account: Account, score: str) -> None:
    address = asked(acme, account)
    answer = Client().post(address, {"score": score, "comment": "typed already"})
    assert answer.status_code == 422
    assert "typed already" in answer.content.decode()
    with tenant_context(acme):
        assert not SurveyResponse.objects.exists()


def test_a_link_that_is_not_ours_of_another_tenant_or_too_old_is_no_page(
    acme: Tenant, globex: Tenant, account: Account
) -> None:
    address, anybody = asked(acme, account), Client()
    assert anybody.get(address[:-2] + "x/").status_code == 404
    assert anybody.get(address.replace("/hub/acme/", "/hub/globex/")).status_code == 404
    with time_machine.travel(timezone.now() + timedelta(days=61)):
        assert anybody.get(address).status_code == 404


def test_the_question_is_the_next_step_in_the_hub(acme: Tenant, account: Account) -> None:
    address = asked(acme, account)
    with tenant_context(acme):
        token = sign_in_prepare(email="kim@northwind.example").token
    kim = Client()
    kim.post(f"/hub/acme/enter/{token}/")
    # Links to one question differ in the second in which they were signed.
    question = address.rsplit(":", 2)[0]
    assert question in kim.get("/hub/acme/").content.decode()
    kim.post(address, {"score": "7"})
    assert question not in kim.get("/hub/acme/").content.decode()


def test_nobody_is_asked_more_often_than_every_ninety_days(acme: Tenant, account: Account) -> None:
    asked(acme, account)
    go(acme, account, "again")
    assert (step(acme).outcome, step(acme).reason) == ("skipped", "surveyed_lately")
    with tenant_context(acme):
        SurveyInvite.objects.update(asked_at=timezone.now() - timedelta(days=91))
    go(acme, account, "later")
    with tenant_context(acme):
        assert SurveyInvite.objects.count() == 2


def test_an_answer_from_elsewhere_counts_as_asked(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        SurveyResponse.objects.create(
            account=account,
            contact=account.contacts.get(),
            kind="csat",
            score=4,
            source="crm",
            external_id="1",
            answered_at=timezone.now(),
        )
    publish(acme, ASKS)
    go(acme, account)
    assert step(acme).reason == "surveyed_lately"


def test_a_survey_that_cannot_be_is_named(acme: Tenant, account: Account) -> None:
    bad = graph(node("survey", survey="ces", question="{{ nobody }}", **{"class": "relationship"}))
    with tenant_context(acme):
        assert {p.pointer for p in graph_problems(bad)} == {"/to", "/survey"}


def test_a_score_must_be_on_the_scale_of_its_kind(acme: Tenant, account: Account) -> None:
    asked(acme, account)
    with tenant_context(acme):
        invited = SurveyInvite.objects.get()
        invited.kind = "csat"
        with pytest.raises(ValueError, match="from 1 to 5"):
            survey_answer(invited=invited, score=0, comment="", actor=ACTOR)
