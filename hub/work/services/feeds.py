from __future__ import annotations

from django.db import transaction

from hub.people.audit import Actor, audit
from hub.people.models import User
from hub.work.models import CalendarFeed


@transaction.atomic
def feed_make(*, user: User, actor: Actor) -> CalendarFeed:
    """A new address for a person's calendar; the one before answers no longer."""
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
