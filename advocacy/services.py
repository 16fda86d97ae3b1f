from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from advocacy.models import Candidate, CandidateStatus
from hub.accounts.services import timeline_record
from hub.people.audit import Actor, audit
from hub.people.models import User
from hub.tenancy.context import current_tenant_id
from hub.tenancy.statements import ask

PROMOTER_SCORE: Final = 9
NPS_MAX_AGE: Final = timedelta(days=180)

# The latest NPS answer of each active contact at accounts with a milestone reached; the last one says what for. Beside
# that, those who were put forward before are told whether they qualify now.
QUALIFYING = """
WITH qualifying AS (
    SELECT c.id, c.account_id, n.score, n.answered_at, m.title, m.completed_at
    FROM accounts_contact c
    JOIN LATERAL (
        SELECT score, answered_at FROM feedback_surveyresponse s
        WHERE s.tenant_id = c.tenant_id AND s.account_id = c.account_id AND s.contact_id = c.id AND s.kind = 'nps'
        ORDER BY answered_at DESC, id DESC LIMIT 1
    ) n ON n.score >= %(promoter)s AND n.answered_at >= %(since)s
    JOIN LATERAL (
        SELECT title, completed_at FROM plans_milestone p
        WHERE p.tenant_id = c.tenant_id AND p.account_id = c.account_id AND p.completed_at IS NOT NULL
        ORDER BY completed_at DESC, id DESC LIMIT 1
    ) m ON true
    WHERE c.tenant_id = %(tenant)s AND c.account_id = ANY(%(ids)s) AND c.status = 'active'
), known AS (
    UPDATE advocacy_candidate SET qualifies = NOT qualifies
    WHERE tenant_id = %(tenant)s AND account_id = ANY(%(ids)s)
        AND qualifies <> (contact_id IN (SELECT id FROM qualifying))
)
SELECT id, account_id, score, answered_at, title, completed_at FROM qualifying ORDER BY id
"""


def candidates_refresh(account_ids: Sequence[UUID]) -> int:
    """Put forward the contacts of these accounts who qualify, and mark those who no longer do; returns the new ones."""
    rows = ask(
        QUALIFYING,
        {
            "tenant": current_tenant_id(),
            "ids": list(account_ids),
            "promoter": PROMOTER_SCORE,
            "since": timezone.now() - NPS_MAX_AGE,
        },
    )
    return _put_forward(rows) if rows else 0


def _put_forward(rows: Sequence[tuple[Any, ...]]) -> int:
    fresh = [
        Candidate(
            account_id=account_id,
            contact_id=contact_id,
            reason=(
                f"Answered NPS {score} on {answered_at:%-d %B %Y}, and the account reached the milestone "
                f"“{title}” on {completed_at:%-d %B %Y}."
            ),
            evidence={
                "nps": score,
                "answered_at": answered_at.isoformat(),
                "milestone": title,
                "completed_at": completed_at.isoformat(),
            },
        )
        for contact_id, account_id, score, answered_at, title, completed_at in rows
    ]
    Candidate.objects.bulk_create(fresh, ignore_conflicts=True)
    stored = Candidate.objects.filter(pk__in=[candidate.pk for candidate in fresh])
    for candidate in stored:
        timeline_record(
            account_id=candidate.account_id,
            kind="advocacy",
            key=f"candidate:{candidate.pk}",
            title="Put forward as an advocate",
            body=candidate.reason,
            contact_id=candidate.contact_id,
            occurred_at=candidate.found_at,
            source="advocacy roster",
        )
    return len(stored)


@transaction.atomic
def candidate_decide(*, candidate_id: UUID, status: str, user: User, actor: Actor, note: str = "") -> bool:
    """Invite a candidate or put them off ("declined" needs a reason); False when somebody decided before."""
    if status not in (CandidateStatus.INVITED, CandidateStatus.DECLINED):
        raise ValueError(f"a candidate is invited or declined, not {status!r}")
    if status == CandidateStatus.DECLINED and not note.strip():
        raise ValueError("say why not now")
    changed = Candidate.objects.filter(pk=candidate_id, status=CandidateStatus.CANDIDATE).update(
        status=status, decided_at=timezone.now(), decided_by=user, decision_note=note.strip()[:200]
    )
    if changed:
        audit(actor, f"candidate.{status}", Candidate.objects.get(pk=candidate_id))
    return bool(changed)
