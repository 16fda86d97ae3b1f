"""Contacts asked one question, nobody more often than every 90 days, and their answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from hub.accounts.models import Contact
from hub.accounts.services import states_lock
from hub.feedback.models import SurveyResponse
from hub.feedback.services import SCALES, survey_response_upsert
from hub.people.audit import Actor, audit
from hub.tenancy.models import Tenant
from journeys.surveys.models import SurveyInvite

REST: Final = timedelta(days=90)
OPEN_FOR: Final = timedelta(days=60)
SALT: Final = "journeys.survey"
SOURCE: Final = "tandem"


def askable(people: Sequence[Contact]) -> list[Contact]:
    """Those who neither were asked nor answered a survey within 90 days. Two queries."""
    ids, since = [person.pk for person in people], timezone.now() - REST
    asked = SurveyInvite.objects.filter(contact_id__in=ids, asked_at__gt=since)
    said = SurveyResponse.objects.filter(contact_id__in=ids, answered_at__gt=since)
    rest = {*asked.values_list("contact_id", flat=True), *said.values_list("contact_id", flat=True)}
    return [person for person in people if person.pk not in rest]


def invite(*, person: Contact, kind: str, question: str, cause: str) -> SurveyInvite:
    """Ask one contact; the same cause again is the same invitation. In the caller's transaction."""
    made, _ = SurveyInvite.objects.get_or_create(
        cause=cause[:200],
        defaults={"account_id": person.account_id, "contact": person, "kind": kind, "question": question[:300]},
    )
    found: SurveyInvite = made
    return found


def survey_url(tenant: Tenant, invited: SurveyInvite) -> str:
    """The page of the question; whoever holds the address may answer it, once."""
    token = signing.dumps(str(invited.pk), salt=SALT)
    return settings.PUBLIC_URL + reverse("journeys_hub:survey", args=[tenant.slug, token])


def invite_of(token: str) -> SurveyInvite | None:
    """The invitation that a token is for; None for a token that is not ours, or too old."""
    try:
        pk = UUID(signing.loads(token, salt=SALT, max_age=OPEN_FOR))
    except (signing.BadSignature, ValueError, TypeError):
        return None
    found: SurveyInvite | None = SurveyInvite.objects.select_related("account", "contact").filter(pk=pk).first()
    return found


@transaction.atomic
def survey_answer(*, invited: SurveyInvite, score: int, comment: str, actor: Actor) -> bool:
    """Write the answer down; False when it was given before. Raises ValueError for a score off its scale."""
    low, high = SCALES[invited.kind]
    if not low <= score <= high:
        raise ValueError(f"choose a number from {low} to {high}")
    states_lock([invited.account_id])
    now = timezone.now()
    if not SurveyInvite.objects.filter(pk=invited.pk, answered_at__isnull=True).update(answered_at=now):
        return False
    survey_response_upsert(
        source=SOURCE,
        external_id=str(invited.pk),
        account=invited.account,
        fields={
            "contact": invited.contact,
            "kind": invited.kind,
            "score": score,
            "comment": comment.replace("\0", "").strip()[:5_000],
            "question": invited.question,
            "channel": "journey",
            "answered_at": now,
        },
    )
    audit(actor, "survey.answer", invited)
    return True
