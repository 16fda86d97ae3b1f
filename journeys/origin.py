"""What the outbox may ask journeys about the messages that they wanted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from hub.outbox.gates import Purpose
from hub.outbox.models import Message
from hub.outbox.origins import CauseState, Origin, origins
from hub.tenancy.context import current_tenant_id
from hub.tenancy.models import Tenant
from hub.work.services import task_open
from journeys.entries import OVERRIDING
from journeys.models import Enrollment, EnrollmentStatus, JourneyStatus
from journeys.settle import settle

# An enrollment that came to its natural end still wants the messages that it sent on the way.
CONTENT = frozenset({"", "completed"})


def settle_accounts(account_ids: Sequence[UUID]) -> None:
    settle(Tenant.objects.get(pk=current_tenant_id()), account_ids)


def states(cause_ids: Sequence[UUID]) -> dict[UUID, CauseState]:
    rows = Enrollment.objects.filter(pk__in=list(cause_ids)).values_list("pk", "reason", "status", "journey__status")
    return {
        pk: CauseState(
            paused=journey == JourneyStatus.PAUSED,
            over="" if reason in CONTENT or status == EnrollmentStatus.ACTIVE else reason,
            goal_met=reason == "goal_met",
        )
        for pk, reason, status, journey in rows
    }


def purposes(account_ids: Sequence[UUID]) -> dict[UUID, frozenset[Purpose]]:
    """Journeys that keep others back for as long as an account is inside."""
    found: dict[UUID, set[Purpose]] = defaultdict(set)
    inside = Enrollment.objects.filter(
        account_id__in=list(account_ids), status=EnrollmentStatus.ACTIVE, journey__purpose__in=OVERRIDING
    )
    for account_id, purpose in inside.values_list("account_id", "journey__purpose"):
        found[account_id].add(Purpose(purpose))
    return {account_id: frozenset(names) for account_id, names in found.items()}


def bounced(message_id: UUID) -> None:
    """A dead address at the other end of a journey is work for the account's owner: who is it now?"""
    message = Message.objects.select_related("contact").get(pk=message_id)
    task_open(
        account_id=message.account_id,
        title=f"{message.contact} cannot be reached: find out who took over",
        origin_key=f"bounce:{message.contact_id}",
        origin="journey",
        origin_label=message.cause_label,
        playbook=f"“{message.subject}” came back. Ask the account who is in charge now and update the contacts.",
        due_at=timezone.now() + timedelta(days=2),
    )


def register() -> None:
    origins.register(Origin("journey", settle_accounts, states, purposes, bounced))
