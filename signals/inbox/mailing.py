"""The mail to whom signals were assigned by somebody else: one for all that were within a minute.

It goes the way of all mail to staff. Who does not want it says so in the inbox, where *For me* is chosen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from hub.people.audit import Actor, audit
from hub.people.mail import staff_mail_queue
from hub.people.models import Membership, User
from hub.tenancy.models import Tenant
from hub.tenancy.remembering import current_tenant
from hub.tenancy.wake import wake
from signals.inbox.models import AssignmentNotice, AssignmentRefusal
from signals.models import Signal, SignalStatus

# Who assigns ten signals one by one writes one mail.
GATHERED: Final = timedelta(minutes=1)
SHOWN: Final = 8
BATCH: Final = 1_000


def assignments_tell(
    signal_ids: Sequence[UUID], *, assignee: UUID | None, by: User | None, label: str, queue: str
) -> None:
    """Have a person told, within a minute or so, that these signals are theirs; what they took themselves is no news.

    In the transaction of the assignment. A signal that is given to another person meanwhile is told to that one.
    """
    AssignmentNotice.objects.filter(signal_id__in=signal_ids).delete()
    if assignee is None or (by is not None and by.pk == assignee) or not assignment_mail_wanted(assignee):
        return
    due = timezone.now() + GATHERED
    AssignmentNotice.objects.bulk_create(
        [AssignmentNotice(signal_id=pk, user_id=assignee, by=label[:200], due_at=due) for pk in signal_ids],
        batch_size=500,
    )
    wake(queue, due_at=due)


@transaction.atomic
def notices_send(now: datetime | None = None) -> int:
    """Write the mails that are due, one for each person; returns how many signals they were about.

    With what is due goes what would be due soon. Whose signal was dealt with, or taken away, is not told of it.
    """
    due = AssignmentNotice.objects.filter(due_at__lte=now or timezone.now())
    users = list(due.order_by().values_list("user_id", flat=True).distinct()[:BATCH])
    if not users:
        return 0
    waiting = AssignmentNotice.objects.filter(user_id__in=users).order_by("pk")
    notices = list(waiting.select_for_update(skip_locked=True, of=("self",))[:BATCH])
    AssignmentNotice.objects.filter(pk__in=[notice.pk for notice in notices]).delete()
    _mail_all(notices)
    return len(notices)


def _mail_all(notices: Sequence[AssignmentNotice]) -> None:
    by = {notice.signal_id: notice.by for notice in notices}
    told: dict[UUID, list[Signal]] = defaultdict(list)
    wanted = {(notice.signal_id, notice.user_id) for notice in notices}
    rows = Signal.objects.select_related("account").filter(pk__in=by, status=SignalStatus.OPEN)
    for signal in rows.order_by("-recorded_at", "-id"):
        if (signal.pk, signal.assignee_id) in wanted and signal.assignee_id is not None:
            told[signal.assignee_id].append(signal)
    tenant = current_tenant()
    members = Membership.objects.select_related("user").filter(
        tenant=tenant, is_active=True, user__is_active=True, user_id__in=told
    )
    for member in members.order_by("user_id"):
        staff_mail_queue(_mail(tenant, member.user, told[member.user_id], by))


def _mail(tenant: Tenant, user: User, signals: Sequence[Signal], by: dict[UUID, str]) -> EmailMultiAlternatives:
    number = len(signals)
    things = f"{number} signal{'' if number == 1 else 's'}"
    url = settings.PUBLIC_URL + reverse("signals:list", kwargs={"tenant": tenant.slug}) + "?assignee=me&whose=all"
    lines = [f"- {_line(s.account.name)}: {_line(s.sentence)} (by {_line(by[s.pk])})" for s in signals[:SHOWN]]
    more = [f"… and {number - SHOWN} more"] if number > SHOWN else []
    body = "\n".join(
        [f"{things} of {_line(tenant.name)} for you to look at:", "", *lines, *more, "", url, "",
         "On that page you can say that you want no such mail."]
    )  # fmt: skip
    return EmailMultiAlternatives(f"{things} assigned to you", body, None, [user.email])


def _line(text: str) -> str:
    return " ".join(text.split())[:300]


# --- Who wants it -------------------------------------------------------------------------------------------------


def assignment_mail_wanted(user_id: UUID) -> bool:
    """Whether a person wants the mail; everybody does until they say otherwise."""
    return not AssignmentRefusal.objects.filter(user_id=user_id).exists()


@transaction.atomic
def assignment_mail_wish(*, user: User, wanted: bool, actor: Actor) -> None:
    """Keep whether a person wants the mail; who does not is not told of what waits either."""
    if wanted:
        AssignmentRefusal.objects.filter(user=user).delete()
    else:
        AssignmentRefusal.objects.get_or_create(user=user)
        AssignmentNotice.objects.filter(user=user).delete()
    audit(actor, "signals.mail", None, wanted=wanted)
