from __future__ import annotations

from django.db import transaction

from hub.people.audit import Actor, audit
from hub.people.models import Membership, User
from hub.tenancy.context import current_tenant_id
from hub.work.models import CalendarFeed


@transaction.atomic
def feed_make(*, user: User, actor: Actor) -> CalendarFeed:
    """A new address for a person's calendar; the one before answers no longer."""
    # Two clicks at once: the second waits, and its address is the one that counts.
    Membership.objects.select_for_update().filter(tenant_id=current_tenant_id(), user=user).first()
    CalendarFeed.objects.filter(user=user).delete()
    feed: CalendarFeed = CalendarFeed.objects.create(user=user)
    audit(actor, "calendar.make", feed)
    return feed


@transaction.atomic
def feed_revoke(*, user: User, actor: Actor) -> bool:
    """Take the address back; False where there was none."""
    feed = CalendarFeed.objects.filter(user=user).first()
    if feed is None:
        return False
    audit(actor, "calendar.revoke", feed)
    feed.delete()
    return True
