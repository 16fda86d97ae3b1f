from __future__ import annotations

from django.db import transaction

from hub.people.audit import Actor
from hub.people.models import User
from journeys.drafts.services import journey_create
from journeys.library.base import ReadyJourney
from journeys.models import Journey


@transaction.atomic
def ready_use(*, ready: ReadyJourney, actor: Actor, user: User | None = None) -> Journey:
    """A draft of a ready journey, with its hypothesis and the playbooks of its tasks; nothing runs yet."""
    return journey_create(
        name=ready.name,
        description=ready.description,
        purpose=ready.purpose.value,
        owner=ready.owner,
        source=f"library:{ready.key}",
        actor=actor,
        user=user,
    )
