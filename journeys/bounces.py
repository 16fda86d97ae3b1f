"""A message that came back for good: to the next contact of the step's roles, else a task for the account's owner."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from hub.accounts.models import Contact
from hub.outbox.models import Message
from hub.outbox.rendering import TemplateError
from hub.outbox.services import message_render, messages_store
from hub.tenancy.remembering import current_tenant
from hub.work.services import task_open
from journeys.experiments.arms import with_arm
from journeys.models import Enrollment, StepRun
from journeys.recipients import choose
from journeys.steps.base import Effects, Stand
from journeys.steps.messages import contact_of, draft_for
from journeys.world import World

SUBJECTS = {"email": "subject"}
"""Channels whose messages can come back, with the field of the node that holds the subject."""
# An enrollment that left for another reason than its end wants no more messages.
WANTED = frozenset({"", "completed"})


def bounced(message_id: UUID) -> None:
    """Write to the next contact that the step names; when there is none, ask the account's owner who it is now.

    Whoever had the message of this step already, and came back or not, is not asked again, so this ends.
    """
    message = Message.objects.select_related("contact").get(pk=message_id)
    if not _to_the_next(message):
        _ask(message)


def _to_the_next(message: Message) -> bool:
    stand = _stand_of(message)
    if stand is None or message.channel not in SUBJECTS:
        return False
    had = set(Message.objects.filter(step_run_id=message.step_run_id).values_list("contact_id", flat=True))
    people = [person for person in stand.world.contacts.get(message.account_id, []) if person.pk not in had]
    to = stand.node.config["to"]
    chosen = choose(people, to["roles"], to["fallback"], contact_of(stand.signal))
    return bool(chosen.people) and _queued(stand, chosen.people[0], message.channel)


def _queued(stand: Stand, person: Contact, channel: str) -> bool:
    try:
        config = with_arm(stand.node.config, stand.run.evidence.get("arm", -1))
        draft = draft_for(stand, person, channel, SUBJECTS[channel], config)
        messages_store([message_render(draft, now=stand.world.now)])
    except TemplateError:
        return False
    return True


def _stand_of(message: Message) -> Stand | None:
    """The step that asked for a message, as it was; None when it is not a journey's any more."""
    run = StepRun.objects.filter(pk=message.step_run_id).first() if message.step_run_id else None
    enrollment = Enrollment.objects.filter(pk=message.cause_id).first()
    if run is None or enrollment is None or enrollment.reason not in WANTED:
        return None
    world = World(current_tenant(), [message.account_id], timezone.now())
    graph = world.graph(run.journey_id, run.version)
    # Only here, and never stored: what the step makes carries the name of its own visit.
    enrollment.visit = run.visit
    return Stand(world, enrollment, graph, graph.nodes[run.node_id], Effects(), run, world.now)


def _ask(message: Message) -> None:
    """A dead address at the other end of a journey is work for the account's owner: who is it now?"""
    task_open(
        account_id=message.account_id,
        title=f"{message.contact} cannot be reached: find out who took over",
        origin_key=f"bounce:{message.contact_id}",
        origin="journey",
        origin_label=message.cause_label,
        playbook=f"“{message.subject}” came back. Ask the account who is in charge now and update the contacts.",
        due_at=timezone.now() + timedelta(days=2),
    )
