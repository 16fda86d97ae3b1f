"""What the outbox may ask journeys about the messages that they wanted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from hub.outbox.gates import Purpose
from hub.outbox.origins import CauseState, Origin, origins
from hub.tenancy.prepared import Places, Prepared
from hub.tenancy.remembering import current_tenant
from journeys.bounces import bounced
from journeys.entry_guards import OVERRIDING
from journeys.experiments.holdout import held_out_alone
from journeys.models import Enrollment, EnrollmentStatus, JourneyStatus
from journeys.settle import settle

# An enrollment that came to its natural end still wants the messages that it sent on the way.
CONTENT = frozenset({"", "completed"})


def settle_accounts(account_ids: Sequence[UUID]) -> None:
    settle(current_tenant(), account_ids)


def states(cause_ids: Sequence[UUID]) -> dict[UUID, CauseState]:
    rows = _causes(enrollments=list(cause_ids))
    own = held_out_alone([row[0] for row in rows if row[4]])
    return {
        pk: CauseState(
            paused=journey == JourneyStatus.PAUSED,
            over="" if reason in CONTENT or status == EnrollmentStatus.ACTIVE else reason,
            goal_met=reason == "goal_met",
            held_out=held_out,
            own_holdout=pk in own,
        )
        for pk, reason, status, journey, held_out in rows
    }


def purposes(account_ids: Sequence[UUID]) -> dict[UUID, frozenset[Purpose]]:
    """Journeys that keep others back for as long as an account is inside."""
    found: dict[UUID, set[Purpose]] = defaultdict(set)
    for account_id, purpose in _inside(accounts=list(account_ids)):
        found[account_id].add(Purpose(purpose))
    return {account_id: frozenset(names) for account_id, names in found.items()}


@Prepared[tuple[UUID, str, str, str, bool]]
def _causes(the: Places) -> Any:
    rows = Enrollment.objects.filter(pk__in=the.uuids("enrollments"))
    return rows.values_list("pk", "reason", "status", "journey__status", "held_out")


@Prepared[tuple[UUID, str]]
def _inside(the: Places) -> Any:
    inside = Enrollment.objects.filter(
        account_id__in=the.uuids("accounts"), status=EnrollmentStatus.ACTIVE, journey__purpose__in=OVERRIDING
    )
    return inside.values_list("account_id", "journey__purpose")


def register() -> None:
    origins.register(Origin("journey", settle_accounts, states, purposes, bounced))
