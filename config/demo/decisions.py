"""What next best action decided in the demo: most of it waits for a word, one has been approved, one vetoed."""

from __future__ import annotations

from hub.people.audit import Actor
from hub.people.models import Membership, Role
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.decisions import working
from journeys.decisions.models import Choice, ChoiceStatus, VetoReason
from journeys.decisions.reviewing import choices_approve, choices_veto


def decisions_make(tenant: Tenant, members: list[Membership]) -> None:
    """Decide about every account as the worker would, and let the CSM say a word to two of the choices."""
    working.drain(tenant.pk)
    csm = next(member.user for member in members if member.role == Role.CSM)
    actor = Actor("user", str(csm.pk), str(csm))
    with tenant_context(tenant):
        asked = Choice.objects.filter(status=ChoiceStatus.ASKED, account__owner=csm).order_by("score_minor", "pk")
        ids = list(asked.values_list("pk", flat=True))
        # Some are left to review, however small the demo is.
        ids = ids[:2] if len(ids) > 3 else []
        choices_approve(ids=ids[:1], actor=actor, user=csm)
        choices_veto(ids=ids[1:], reason=VetoReason.KNOWN, note="We spoke on Monday.", actor=actor, user=csm)
