"""How many contacts a group of messages is about to write to at once, and whether that is too many."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from hub.accounts.models import Contact, ContactStatus
from hub.outbox.models import FELT, WAITING, Message
from hub.outbox.policy import SendingRules
from hub.tenancy.context import current_tenant_id

AT_ONCE = timedelta(hours=24)
# A count is believed this long while a stream of messages passes; near the limit it is always made anew.
FRESH, TOTAL_FRESH = 1.0, 60.0


@dataclass
class _Counted:
    at: float
    count: int
    added: int = 0


_groups: dict[tuple[UUID, UUID], _Counted] = {}
_totals: dict[UUID, _Counted] = {}


@dataclass(frozen=True, slots=True)
class Reach:
    """Contacts that a group writes to within a day, of so many at the tenant; more than `limit` is too many."""

    contacts: int
    total: int
    limit: int

    @property
    def is_too_far(self) -> bool:
        return self.contacts > self.limit


def reach_of(group_id: UUID, rules: SendingRules, now: datetime, *, more: int) -> Reach:
    """The reach of a group of which `more` messages are in hand."""
    if rules.blast_percent >= 100:
        return Reach(0, 0, 0)
    total = _total()
    limit = max(rules.blast_least, math.ceil(total * rules.blast_percent / 100))
    key = (current_tenant_id(), group_id)
    known = _groups.get(key)
    if known is None or time.monotonic() - known.at > FRESH or known.count + known.added + more > limit:
        known = _groups[key] = _Counted(time.monotonic(), _contacts(group_id, now))
    known.added += more
    return Reach(known.count, total, limit)


def _contacts(group_id: UUID, now: datetime) -> int:
    rows = Message.objects.filter(group_id=group_id, created_at__gt=now - AT_ONCE, status__in=[*WAITING, *FELT])
    found: int = rows.order_by().values("contact_id").distinct().count()
    return found


def _total() -> int:
    tenant_id = current_tenant_id()
    known = _totals.get(tenant_id)
    if known is None or time.monotonic() - known.at > TOTAL_FRESH:
        count = Contact.objects.filter(status=ContactStatus.ACTIVE).count()
        known = _totals[tenant_id] = _Counted(time.monotonic(), count)
    return known.count
