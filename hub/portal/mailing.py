"""The worker's part of signing in: who asked is looked up, secrets are made and mailed, only hashes stay.

The mail does not go through the outbox: staff could read the secrets there. A worker that dies between sending and
deleting its row sends a second mail with fresh secrets; the first one's end with that.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Min
from django.template.loader import render_to_string
from django.utils import timezone

from hub.people.mail import connection
from hub.portal.models import SignInRequest
from hub.portal.selectors import contacts_of
from hub.portal.services import LINK_LIFE, Invitation, sign_in_prepare
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant

log = logging.getLogger(__name__)

CLAIM = 10
LEASE = timedelta(seconds=60)
BACK_OFF = timedelta(seconds=15)


def backlog() -> datetime | None:
    """When the earliest request is due; None when nobody waits."""
    earliest: datetime | None = SignInRequest.objects.aggregate(at=Min("due_at"))["at"]
    return earliest


def drain(tenant_id: UUID) -> datetime | None:
    """Answer the requests that are due; returns when more will be."""
    tenant = Tenant.objects.get(pk=tenant_id)
    while claimed := _claim(tenant):
        for request in claimed:
            _answer(tenant, request)
    with tenant_context(tenant):
        return backlog()


def _claim(tenant: Tenant) -> list[SignInRequest]:
    now = timezone.now()
    with tenant_context(tenant):
        # Whoever waited this long has asked again or gone.
        SignInRequest.objects.filter(asked_at__lte=now - LINK_LIFE).delete()
        due = SignInRequest.objects.select_for_update(skip_locked=True).filter(due_at__lte=now).order_by("due_at")
        claimed = list(due[:CLAIM])
        SignInRequest.objects.filter(pk__in=[row.pk for row in claimed]).update(due_at=now + LEASE)
    return claimed


def _answer(tenant: Tenant, request: SignInRequest) -> None:
    with tenant_context(tenant):
        invitation = sign_in_prepare(email=request.email) if contacts_of(request.email).exists() else None
    try:
        if invitation is not None:
            _mail(tenant, request.email, invitation)
    except Exception:  # whatever the mail server or its client says
        log.warning("%s: a sign-in mail could not be sent; it is tried again", tenant.slug, exc_info=True)
        with tenant_context(tenant):
            SignInRequest.objects.filter(pk=request.pk).update(due_at=timezone.now() + BACK_OFF)
        return
    with tenant_context(tenant):
        SignInRequest.objects.filter(pk=request.pk).delete()


def _mail(tenant: Tenant, email: str, invitation: Invitation) -> None:
    context = {
        "tenant": tenant,
        "url": f"{settings.PUBLIC_URL}/hub/{tenant.slug}/enter/{invitation.token}/",
        "code": f"{invitation.code[:4]}-{invitation.code[4:]}",
        "minutes": int(LINK_LIFE.total_seconds() // 60),
    }
    body = render_to_string("hub/mail/sign_in.txt", context)
    line = connection(kept=tenant.settings.get("delivery") == "viewer")
    EmailMessage(f"Sign in to {' '.join(tenant.name.split())}", body, None, [email], connection=line).send()
