"""Message steps in other languages, and templates of the tenant as what they begin with."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from hub.outbox.models import MailTemplate, Message
from hub.outbox.services.content import template_save
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.drafts.selectors import current_draft
from journeys.models import Journey
from journeys.node_forms import read, show
from journeys.services import graph_problems
from journeys.steps.messages import VARIANTS
from journeys.wordings import check_wordings
from tests.journeys import graphs
from tests.journeys.test_node_forms import sent
from tests.world import ACTOR, make_contact, make_member

GERMAN = {"de": {"subject": "Hallo {{ contact.first_name }}", "body": "<p>Guten Tag</p>"}}
texts = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=20).filter(
    lambda text: text == text.strip()
)


@given(
    st.dictionaries(st.sampled_from(["de", "fr", "pt-BR"]), st.fixed_dictionaries({"subject": texts, "body": texts}))
)
def test_wordings_come_back_from_their_form_as_they_were(variants: dict[str, Any]) -> None:
    found = read([VARIANTS], sent(show(VARIANTS, {"variants": variants}, {})))
    assert found.problems == {}
    assert (found.values["variants"] or {}) == variants


@pytest.mark.parametrize(
    "variants",
    [{"german": GERMAN["de"]}, {"de": {"subject": "x"}}, {"de": {"subject": " ", "body": "x"}}, ["de"], {"de": "x"}],
)
def test_a_wording_without_language_subject_or_text_is_refused(variants: Any) -> None:
    assert list(check_wordings({"variants": variants}))


def test_words_of_every_language_are_checked_before_publishing(acme: Tenant) -> None:
    wrong = {"de": {"subject": "Hallo", "body": "<p>{{ contact.vorname }}</p>"}}
    with tenant_context(acme):
        problems = graph_problems(graphs.graph(graphs.email(variants=wrong)))
    assert [problem.pointer for problem in problems] == ["/variants/de/body"]


def test_each_contact_reads_their_own_language(acme: Tenant) -> None:
    account = graphs.world(acme)
    with tenant_context(acme):
        make_contact(account, "anke@x.example", name="Anke", roles=["champion"], attributes={"locale": "de-AT"})
    graphs.publish(acme, graphs.graph(graphs.email(subject="Hello", variants=GERMAN)))
    graphs.go(acme, account)
    with tenant_context(acme):
        assert dict(Message.objects.values_list("contact__name", "subject")) == {"Kim": "Hello", "Anke": "Hallo Anke"}


@pytest.fixture
def template(acme: Tenant) -> MailTemplate:
    with tenant_context(acme):
        wordings = {"": {"subject": "News", "body": "<p>Text</p>"}, **GERMAN}
        return template_save(name="News", topic="", wordings=wordings, actor=ACTOR)


def form(template: MailTemplate, seen: str) -> dict[str, Any]:
    said = {"to.role": "champion", "to.fallback": "skip", "class": "service", "subject": "Mine", "body": "<p>Mine</p>"}
    return {f"f.{name}": value for name, value in {**said, "template": str(template.pk)}.items()} | {"seen": seen}


def test_a_template_chosen_in_the_form_gives_the_step_its_wordings_once(acme: Tenant, template: MailTemplate) -> None:
    graphs.world(acme)
    journey: Journey = graphs.publish(acme, graphs.graph(graphs.email()))
    client = Client()
    client.force_login(make_member(acme, "marketer").user)
    address = f"/t/acme/journeys/{journey.pk}/build/step/mail/"
    assert "News" in client.get(address).text
    for seen, subject in (("0", "News"), ("2", "Mine")):
        assert client.post(address, form(template, seen)).status_code == 302
        with tenant_context(acme):
            node = current_draft(journey).graph["nodes"][0]
        assert node["subject"] == subject
        assert ("variants" in node) is (subject == "News")


def test_the_preview_shows_the_language_of_the_contact(acme: Tenant) -> None:
    account = graphs.world(acme)
    with tenant_context(acme):
        make_contact(account, attributes={"language": "de"})
    journey = graphs.publish(acme, graphs.graph(graphs.email(subject="Hello", variants=GERMAN)))
    client = Client()
    client.force_login(make_member(acme, "marketer").user)
    page = client.get(f"/t/acme/journeys/{journey.pk}/preview/mail/?account={account.pk}").text
    assert "Hallo Kim" in page
