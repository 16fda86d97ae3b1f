"""Sign-in mail of staff: queued by the request, sent by a worker, so that no answer waits for, or tells of, a mail."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import transaction
from django.utils import timezone

from hub.people.models import Membership, StaffMail

log = logging.getLogger(__name__)

# What a mail speaks of is over after this long, and the mail with it.
USEFUL_FOR = timedelta(minutes=15)
LEASE = timedelta(seconds=60)
BACK_OFF = timedelta(seconds=15)
CLAIM = 10
FILES = "django.core.mail.backends.filebased.EmailBackend"


def connection(*, kept: bool) -> Any:
    """The line to the mail server; `kept`: into files, because this mail must not leave the house."""
    return get_connection(FILES, file_path=settings.EMAIL_FILE_PATH) if kept else get_connection()


@transaction.atomic
def staff_mail_queue(mail: EmailMultiAlternatives) -> None:
    """Write a rendered mail down and wake a worker; the same work whoever it goes to."""
    now = timezone.now()
    StaffMail.objects.create(
        email=mail.to[0], subject=str(mail.subject), body=str(mail.body), created_at=now, due_at=now
    )
    transaction.on_commit(_wake, robust=True)


def _wake() -> None:
    from hub.people.tasks import staff_mail

    staff_mail.apply_async(queue="access", expires=60)


def staff_mail_due(now: datetime) -> bool:
    return StaffMail.objects.filter(due_at__lte=now).exists()


def staff_mail_send() -> int:
    """Send what is due; returns how many mails left. What the server does not take comes due again."""
    sent = 0
    while claimed := _claim():
        for row in claimed:
            sent += _send(row)
    return sent


@transaction.atomic
def _claim() -> list[StaffMail]:
    now = timezone.now()
    StaffMail.objects.filter(created_at__lte=now - USEFUL_FOR).delete()
    rows = list(
        StaffMail.objects.select_for_update(skip_locked=True).filter(due_at__lte=now).order_by("due_at")[:CLAIM]
    )
    StaffMail.objects.filter(pk__in=[row.pk for row in rows]).update(due_at=now + LEASE)
    return rows


def _send(row: StaffMail) -> bool:
    line = connection(kept=_stays(row.email))
    try:
        EmailMultiAlternatives(row.subject, row.body, None, [row.email], connection=line).send()
    except Exception:  # whatever the mail server or its client says
        log.warning("a sign-in mail could not be sent; it is tried again", exc_info=True)
        StaffMail.objects.filter(pk=row.pk).update(due_at=timezone.now() + BACK_OFF)
        return False
    # The row held a code or a link: it ends with the mail.
    StaffMail.objects.filter(pk=row.pk).delete()
    return True


def _stays(email: str) -> bool:
    """Whether the person works only for tenants that send nothing out."""
    members = Membership.objects.filter(user__email=email.lower(), is_active=True)
    kept = [tenant.get("delivery") == "viewer" for tenant in members.values_list("tenant__settings", flat=True)]
    return bool(kept) and all(kept)
