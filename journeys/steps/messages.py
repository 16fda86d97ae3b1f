"""What the message steps share: fan out to contacts by role, render, queue, fall back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from hub.accounts.models import Contact
from hub.outbox.gates import MessageClass, Purpose
from hub.outbox.rendering import TemplateError
from hub.outbox.services import Draft, message_render
from hub.outbox.wording import locale_of
from hub.work.services import task_open
from journeys.experiments.dealing import armed
from journeys.node_forms import CLASS, NOWHERE, TO, TOPIC, FieldKind, NodeField, NodeForm
from journeys.node_kinds import Config
from journeys.recipients import choose
from journeys.steps.base import Answer, Go, Stand
from journeys.waits import due_at, parse_wait
from journeys.wordings import variants_of
from signals.models import Signal

TEMPLATE: Final = NodeField(
    "template",
    "Template",
    FieldKind.TEMPLATE,
    "Chosen anew, its wordings take the place of those below; the step keeps them, whatever becomes of the template.",
    optional=True,
)
BODY: Final = NodeField("body", "Text", FieldKind.LONG, "HTML; words in double braces are filled in.", liquid=True)
VARIANTS: Final = NodeField(
    "variants",
    "In other languages",
    FieldKind.WORDINGS,
    "Sent to contacts who read this language: de-AT, else de, else the text above. Emptied, one is taken away.",
    optional=True,
)
BUTTON: Final = NodeField("action_url", "Address of the main link", optional=True, liquid=True)
EXPIRES: Final = NodeField("expires", "Not later than", FieldKind.WAIT, "Held longer than this, it is not sent.", True)


def message_form(key: str, subject: NodeField, *, order: int, what: str) -> NodeForm:
    """The form of a message step whose subject is in a field of its own."""
    blank = {"to": {"roles": ["champion"], "fallback": "any_contact"}, "class": "service", "next": NOWHERE}
    fields = (TO, TOPIC, CLASS, TEMPLATE, subject, BODY, VARIANTS, BUTTON, EXPIRES)
    return NodeForm(key, fields, blank | {subject.name: "", "body": ""}, acts=True, order=order, what=what)


def send(stand: Stand, *, channel: str, subject: str) -> Answer:
    """Queue the node's message for each recipient; ``subject`` names the field that holds its subject."""
    to = stand.node.config["to"]
    people = stand.world.contacts.get(stand.enrollment.account_id, [])
    chosen = choose(people, to["roles"], to["fallback"], contact_of(stand.signal))
    if not chosen.people:
        return _nobody(stand, chosen.fallback)
    config, told = armed(stand)
    try:
        drafts = [draft_for(stand, person, channel, subject, config) for person in chosen.people]
        messages = [message_render(draft, now=stand.world.now) for draft in drafts]
    except TemplateError as error:
        return Go(outcome="failed", reason=f"template: {error}"[:200])
    stand.effects.messages += messages
    return Go(evidence={"role": chosen.role, "messages": [str(message.pk) for message in messages], **told})


def contact_of(signal: Signal | None) -> UUID | None:
    """The contact whose act a signal is."""
    told = (signal.evidence.get("data") or {}).get("contact_id") if signal else None
    return UUID(told) if told else None


def draft_for(stand: Stand, person: Contact, channel: str, subject: str, config: Config) -> Draft:
    """The message of a step, or of its arm, to one person; ``subject`` names the field that holds its subject."""
    world, delay = stand.world, config.get("delay_hours")
    return Draft(
        key=f"{stand.key}:{person.pk}:{channel}",
        contact=person,
        channel=channel,
        message_class=MessageClass(config["class"]),
        purpose=Purpose(stand.journey.purpose),
        subject=config[subject],
        body=config["body"],
        values=_values(stand, person, [config[subject], config["body"], *map(str, variants_of(config).values())]),
        topic=config.get("topic", ""),
        locale=locale_of(person, world.tenant),
        variants=variants_of(config),
        action_url=config.get("action_url", ""),
        due_at=world.now + timedelta(hours=delay) if delay else None,
        expires_at=_expiry(stand),
        cause=stand.cause,
    )


def _values(stand: Stand, person: Contact, sources: Sequence[str]) -> dict[str, Any]:
    """What the words may show; stories are looked for where they are told, and nowhere else."""
    values = stand.world.values(stand.enrollment.account_id, person, stand.signal)
    if any("story" in source for source in sources):
        values["story"] = stand.world.story(stand.enrollment.account_id)
    return values


def _expiry(stand: Stand) -> datetime | None:
    raw = stand.node.config.get("expires")
    if raw is None:
        return None
    return due_at(parse_wait(raw), stand.world.now, stand.world.zone(stand.enrollment.account_id), stand.world.calendar)


def _nobody(stand: Stand, fallback: str) -> Answer:
    # Who is held out gives nobody work either.
    if fallback == "task" and not stand.enrollment.held_out:
        task = task_open(
            account_id=stand.enrollment.account_id,
            title=f"Find a contact: nobody at {stand.account.name} could get “{_title(stand)}”",
            origin_key=f"{stand.key}:no-contact",
            origin="journey",
            origin_label=stand.journey.name,
            due_at=stand.world.now + timedelta(days=2),
        )
        return Go(outcome="skipped", reason="no_contact_for_role", evidence={"task": str(task.pk)})
    return Go(outcome="skipped", reason="no_contact_for_role")


def _title(stand: Stand) -> str:
    return str(stand.node.config.get("subject") or stand.node.config.get("title") or stand.node.id)
