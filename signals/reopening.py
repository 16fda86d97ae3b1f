"""Opening the tenant's day again, so that every account is looked at once more although nothing happened to it."""

from __future__ import annotations

from typing import Final

from hub.accounts.facts import today_of
from hub.tenancy.remembering import current_tenant
from hub.tenancy.wake import wake
from signals.models import DayClose

QUEUE: Final = "day"


def day_reopen() -> None:
    """Have every account evaluated soon, in the background.

    A rule that changed is looked at for the first time by the next evaluation of an account, and fires nothing then:
    were that the evaluation of the very event that makes it true, its signal would be lost.
    """
    today = today_of(current_tenant())
    DayClose.objects.filter(day=today).update(after=None, done_at=None)
    wake(QUEUE)
