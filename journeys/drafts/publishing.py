"""From a draft to the next version: what it means, a second person where it reaches many, and one winner of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from hub.people.audit import Actor, audit
from hub.people.models import User
from hub.registry.facts import known_facts
from hub.tenancy.models import Tenant
from journeys.drafts.diff import Difference, differences
from journeys.drafts.models import JourneyDraft, PublishRequest
from journeys.drafts.selectors import Current, current_draft, live_graph
from journeys.drafts.services import StaleDraft
from journeys.drafts.validation import Finding, Validation, validate_draft
from journeys.models import Journey, JourneyStatus, JourneyVersion
from journeys.services import Impact, PublishConflict, journey_publish, publish_impact

NEVER = 0


class NotPublishable(ValueError):
    """What is wrong with the draft, all of it."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = findings
        super().__init__("; ".join(finding.text for finding in findings))


class NeedsSecond(Exception):
    """It reaches more than the tenant lets one person send; `request` waits for somebody else."""

    def __init__(self, request: PublishRequest) -> None:
        self.request = request
        super().__init__(f"reaches {request.recipients} recipients: a second person has to approve")


class NotYours(Exception):
    """Nobody approves what they have asked for themselves."""


@dataclass(frozen=True)
class Prospect:
    """What publishing the draft now would mean. ``impact`` is None while something is wrong with it."""

    draft: Current
    live: int
    validation: Validation
    differences: Sequence[Difference]
    impact: Impact | None


def prospect(journey: Journey, tenant: Tenant, redirects: Mapping[str, str] | None = None) -> Prospect:
    """Validation, differences in sentences, and what becomes of the accounts inside."""
    draft = current_draft(journey)
    validation = validate_draft(journey, draft.graph, tenant)
    told = differences(live_graph(journey), draft.graph, known_facts())
    graph_is_whole = not any(finding.pointer for finding in validation.wrong)
    impact = publish_impact(journey=journey, graph=draft.graph, redirects=redirects) if graph_is_whole else None
    return Prospect(draft, journey.live, validation, told, impact)


def approve_above(tenant: Tenant) -> int:
    """Recipients in 30 days above which a second person has to approve (``Tenant.settings["journeys"]``); 0: never."""
    found = (tenant.settings.get("journeys") or {}).get("approve_above", NEVER)
    return found if type(found) is int and found > 0 else NEVER


@transaction.atomic
def approve_above_set(*, tenant: Tenant, recipients: int, actor: Actor) -> None:
    """Change above how many recipients a second person has to approve; 0 for never."""
    row = Tenant.objects.select_for_update().get(pk=tenant.pk)
    before = approve_above(row)
    row.settings = {**row.settings, "journeys": {**(row.settings.get("journeys") or {}), "approve_above": recipients}}
    row.save(update_fields=["settings"])
    tenant.settings = row.settings
    audit(actor, "journeys.approve_above", None, approve_above=[before, recipients])


@transaction.atomic
def draft_publish(
    *,
    journey: Journey,
    seen: int,
    live: int,
    tenant: Tenant,
    actor: Actor,
    user: User | None = None,
    note: str = "",
    withdraw: bool = False,
    redirects: Mapping[str, str] | None = None,
) -> JourneyVersion:
    """Publish the draft as it was `seen`, on top of the version that ran then (`live`).

    Raises StaleDraft, PublishConflict, NotPublishable with everything that is wrong, and NeedsSecond, whose request is
    to be kept (`request_keep`) by the caller, since this transaction is rolled back.
    """
    draft = _checked(journey, seen, live, tenant)
    volume = validate_draft(journey, draft.graph, tenant).volume
    limit = approve_above(tenant)
    if limit and volume.recipients > limit:
        raise NeedsSecond(
            PublishRequest(
                journey=journey,
                revision=seen,
                base=live,
                recipients=volume.recipients,
                note=note[:300],
                withdraw=withdraw,
                redirects=dict(redirects or {}),
                asked_by=user,
            )
        )
    return _publish(journey, draft, live, actor, user, note, withdraw, redirects)


def _checked(journey: Journey, seen: int, live: int, tenant: Tenant) -> Current:
    journey.refresh_from_db()
    draft = current_draft(journey)
    if journey.live != live:
        raise PublishConflict(journey.live)
    if draft.revision != seen:
        raise StaleDraft(draft)
    if wrong := validate_draft(journey, draft.graph, tenant).wrong:
        raise NotPublishable(wrong)
    if journey.status == JourneyStatus.ARCHIVED:
        raise NotPublishable([Finding("wrong", "", "", "the journey is archived; take it back first", "archived")])
    return draft


def _publish(
    journey: Journey,
    draft: Current,
    live: int,
    actor: Actor,
    user: User | None,
    note: str,
    withdraw: bool,
    redirects: Mapping[str, str] | None,
) -> JourneyVersion:
    version = journey_publish(
        journey=journey,
        graph=draft.graph,
        actor=actor,
        user=user,
        note=note,
        withdraw=withdraw,
        redirects=redirects,
        expected_live=live,
    )
    JourneyDraft.objects.filter(journey=journey).update(base=version.number)
    _open(journey).update(state=PublishRequest.State.STALE)
    return version


# --- A second person ----------------------------------------------------------------------------------------------


def open_request(journey: Journey) -> PublishRequest | None:
    """What waits for a second person."""
    found: PublishRequest | None = _open(journey).select_related("asked_by").first()
    return found


def _open(journey: Journey) -> Any:
    return PublishRequest.objects.filter(journey=journey, state=PublishRequest.State.OPEN)


@transaction.atomic
def request_keep(*, request: PublishRequest, actor: Actor) -> PublishRequest:
    """Let a publishing wait for a second person; it takes the place of one that waited before."""
    Journey.objects.select_for_update().get(pk=request.journey_id)
    _open(request.journey).update(state=PublishRequest.State.STALE)
    request.save(force_insert=True)
    audit(actor, "journey.publish_ask", request.journey, recipients=request.recipients, revision=request.revision)
    return request


@transaction.atomic
def request_approve(*, request: PublishRequest, tenant: Tenant, actor: Actor, user: User) -> JourneyVersion:
    """Publish what somebody else has asked for; raises NotYours, and what publishing raises."""
    if request.asked_by_id == user.pk:
        raise NotYours
    journey = request.journey
    draft = _checked(journey, request.revision, request.base, tenant)
    taken = _open(journey).filter(pk=request.pk)
    if not taken.update(state=PublishRequest.State.APPROVED, decided_by=user, decided_at=timezone.now()):
        raise StaleDraft(draft)
    return _publish(journey, draft, request.base, actor, user, request.note, request.withdraw, request.redirects)


@transaction.atomic
def request_refuse(*, request: PublishRequest, actor: Actor, user: User) -> bool:
    """Say no; who has asked may take it back the same way."""
    waiting = _open(request.journey).filter(pk=request.pk)
    refused = waiting.update(state=PublishRequest.State.REFUSED, decided_by=user, decided_at=timezone.now())
    if refused:
        audit(actor, "journey.publish_refuse", request.journey, revision=request.revision)
    return bool(refused)
