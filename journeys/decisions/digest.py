"""The daily mail to those who review: what waits, worth most first; once per person and day, if something does.

It goes the way of all mail to staff. Who does not want it says so on the page of decisions.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from hub.accounts.facts import today_of
from hub.people.audit import Actor, audit
from hub.people.mail import staff_mail_queue
from hub.people.models import Membership, User
from hub.people.permissions import CSM, PERMISSIONS
from hub.registry.schedules import Schedule, schedules
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.decisions.models import Choice, ChoiceStatus, ReviewDigest
from journeys.decisions.selectors import waiting_for_review

EVERY: Final = timedelta(minutes=30)
# Sent with the first look after this hour of the tenant's day.
MORNING: Final = time(8)
SHOWN: Final = 8


def register() -> None:
    schedules.register(Schedule("review-digest", EVERY, look))


def look(slot: datetime) -> None:
    """Mail the reviewers of every tenant whose morning it is."""
    for tenant in Tenant.objects.filter(is_active=True).iterator():
        local = timezone.localtime(timezone.now(), tenant.zone)
        if local.time() >= MORNING:
            with tenant_context(tenant):
                digests_send(tenant, today_of(tenant))


@transaction.atomic
def digests_send(tenant: Tenant, day: date) -> int:
    """Mail everybody who reviews, has something to review and has had no mail today; returns how many were written."""
    if not Choice.objects.filter(status=ChoiceStatus.ASKED).exists():
        return 0
    told = set(ReviewDigest.objects.filter(day=day).values_list("user_id", flat=True))
    told |= set(ReviewDigest.objects.filter(day__isnull=True).values_list("user_id", flat=True))
    reviewers = Membership.objects.select_related("user").filter(
        tenant=tenant, is_active=True, user__is_active=True, role__in=PERMISSIONS["decisions.review"]
    )
    return sum(_send(tenant, m, day) for m in reviewers.order_by("user_id") if m.user_id not in told)


def _send(tenant: Tenant, membership: Membership, day: date) -> bool:
    """Write one mail; a CSM is told of their own accounts."""
    shown, number = waiting_for_review(membership.user_id if membership.role == CSM else None, limit=SHOWN)
    if not number:
        return False
    _, made = ReviewDigest.objects.get_or_create(user_id=membership.user_id, day=day, defaults={"waiting": number})
    if made:
        staff_mail_queue(_mail(tenant, membership.user, shown, number))
    return bool(made)


def _mail(tenant: Tenant, user: User, shown: list[Choice], number: int) -> EmailMultiAlternatives:
    url = settings.PUBLIC_URL + reverse("decisions:list", kwargs={"tenant": tenant.slug})
    things = f"{number} decision{'' if number == 1 else 's'}"
    lines = [f"- {_line(choice.account.name)}: {_line(choice.play.name)} ({_line(choice.why)})" for choice in shown]
    more = [f"… and {number - len(shown)} more"] if number > len(shown) else []
    body = "\n".join(
        [f"{things} of {_line(tenant.name)} to review, worth most first:", "", *lines, *more, "", url, "",
         "Nothing of this is done before somebody approves it. On the page you can say that you want no such mail."]
    )  # fmt: skip
    return EmailMultiAlternatives(f"{things} to review", body, None, [user.email])


def _line(text: str) -> str:
    return " ".join(text.split())


def digest_wanted(user_id: UUID) -> bool:
    """Whether a person wants the mail; everybody does until they say otherwise."""
    return not ReviewDigest.objects.filter(user_id=user_id, day__isnull=True).exists()


@transaction.atomic
def digest_wish(*, user: User, wanted: bool, actor: Actor) -> None:
    """Keep whether a person wants the mail."""
    if wanted:
        ReviewDigest.objects.filter(user=user, day__isnull=True).delete()
    else:
        ReviewDigest.objects.get_or_create(user=user, day=None)
    audit(actor, "decisions.digest", None, wanted=wanted)
