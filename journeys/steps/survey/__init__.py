"""One question, NPS or CSAT, by mail and in the hub; nobody is asked more often than every 90 days."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hub.accounts.models import Contact
from hub.outbox.gates import MessageClass, Purpose
from hub.outbox.models import Message
from hub.outbox.rendering import TemplateError, render_text
from hub.outbox.services import Draft, message_render
from hub.registry.facts import Fact
from journeys.node_forms import CLASS, NOWHERE, TO, TOPIC, FieldKind, NodeField, NodeForm, node_forms
from journeys.node_kinds import (
    MESSAGE_CLASSES,
    Config,
    Flaws,
    NodeKind,
    check_choice,
    check_recipients,
    check_text,
    node_kinds,
    recipients,
)
from journeys.recipients import choose
from journeys.steps.base import Answer, Go, Stand, Step, steps
from journeys.steps.messages import contact_of
from journeys.surveys.models import SurveyKind
from journeys.surveys.services import askable, invite, survey_url

SUBJECT: Final = "One question from {{ company.name }}"
BODY: Final = '<p>{{ survey.question }}</p><h2><a href="{{ survey.url }}">Answer it</a></h2>'


def check(config: Config, facts: Mapping[str, Fact]) -> Flaws:
    yield from check_recipients(config)
    yield from check_choice(config, "survey", SurveyKind.values)
    yield from check_choice(config, "class", MESSAGE_CLASSES)
    yield from check_text(config, "question", "topic")


def run(stand: Stand) -> Answer:
    config, to = stand.node.config, stand.node.config["to"]
    people = stand.world.contacts.get(stand.enrollment.account_id, [])
    chosen = choose(people, to["roles"], to["fallback"], contact_of(stand.signal))
    if not chosen.people:
        return Go(outcome="skipped", reason="no_contact_for_role")
    asked = askable(chosen.people)
    if not asked:
        return Go(outcome="skipped", reason="surveyed_lately")
    try:
        messages = [_message(stand, person, config) for person in asked]
    except TemplateError as error:
        return Go(outcome="failed", reason=f"template: {error}"[:200])
    stand.effects.messages += messages
    return Go(evidence={"role": chosen.role, "messages": [str(message.pk) for message in messages]})


def _message(stand: Stand, person: Contact, config: Config) -> Message:
    values = stand.world.values(stand.enrollment.account_id, person, stand.signal)
    question = " ".join(render_text(config["question"], values, part="question").split())
    key = f"{stand.key}:{person.pk}"
    invited = invite(person=person, kind=config["survey"], question=question, cause=key)
    told = {"question": invited.question, "url": survey_url(stand.world.tenant, invited)}
    draft = Draft(
        key=f"{key}:email",
        contact=person,
        channel="email",
        message_class=MessageClass(config["class"]),
        purpose=Purpose(stand.journey.purpose),
        subject=SUBJECT,
        body=BODY,
        values={**values, "survey": told},
        topic=config.get("topic", ""),
        action_url=told["url"],
        cause=stand.cause,
    )
    return message_render(draft, now=stand.world.now)


node_kinds.register(
    NodeKind(
        key="survey",
        title="Survey",
        check=check,
        words=lambda c, f: f"ask {recipients(c)} “{c.get('question', '')}” ({str(c.get('survey', '')).upper()})",
        required=frozenset({"to", "survey", "question", "class"}),
        fields=frozenset({"to", "survey", "question", "class", "topic"}),
        templates=("question",),
        order=25,
    )
)
node_forms.register(
    NodeForm(
        "survey",
        (
            TO,
            NodeField("survey", "Kind", FieldKind.CHOICE, choices=tuple(SurveyKind.choices)),
            NodeField("question", "Question", liquid=True),
            CLASS,
            TOPIC,
        ),
        {
            "to": {"roles": ["champion"], "fallback": "any_contact"},
            "survey": "nps",
            "question": "How likely are you to recommend {{ company.name }} to others?",
            "class": "relationship",
            "next": NOWHERE,
        },
        acts=True,
        order=25,
        what="One question, NPS or CSAT, to a contact.",
    )
)
steps.register(Step("survey", run, acts=True, holds_out=True))
