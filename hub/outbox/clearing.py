"""Asking the gates for a whole claim at once, right before its calls.

What passes is *cleared*: it counts in the pressure ledger and is next in line, but can still be taken back. Who
unsubscribes, stops or withdraws closes or recalls it; everything else that the gates look at may be as old as `FRESH`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from hub.accounts.models import AccountState
from hub.outbox.brand import Kit, kit_of
from hub.outbox.channels.base import Channel, Outgoing
from hub.outbox.gates import COUNTED, Held, MessageClass, Withheld, decide
from hub.outbox.models import LEASE, WAITING, Message, MessageStatus
from hub.outbox.origins import origins
from hub.outbox.policy import sending_rules
from hub.outbox.results import close, mine
from hub.outbox.services import unsubscribe_token
from hub.outbox.services.clicks import click_token
from hub.outbox.situations import Surroundings
from hub.outbox.tracking import tracked
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.tenancy.prepared import Places, Prepared
from hub.tenancy.remembering import remembering

# How long the gates' word on a message holds, in seconds; a slow provider has them asked again.
FRESH: Final = 1.0


@dataclass(frozen=True, slots=True)
class Cleared:
    """Messages that may go, in their order, as their channel gets them; `until` is a time of time.monotonic()."""

    messages: tuple[tuple[Message, Outgoing], ...]
    until: float

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() < self.until


def clear(tenant: Tenant, channel: Channel, claimed: Sequence[Message]) -> Cleared:
    """Ask the gates under the accounts' locks; hold or withhold what they stop, clear the rest, all in one commit."""
    now = timezone.now()
    with tenant_context(tenant), remembering():
        account_ids = lock_accounts({row.account_id for row in claimed})
        for origin in origins:
            origin.settle(account_ids)
        rows = _still_mine(claimed)
        surroundings = Surroundings(tenant, sending_rules(tenant.settings), rows, now)
        allowed = []
        for row in rows:
            match decide(surroundings.situation(row), surroundings.rules.policy):
                case Held(reason, held_until):
                    held = {"status": MessageStatus.HELD, "reason": reason, "due_at": held_until, "sent_at": None}
                    mine(row).filter(status__in=WAITING).update(**held)
                case Withheld(reason):
                    status = MessageStatus.EXPIRED if reason == "expired" else MessageStatus.WITHHELD
                    close(row, status, reason, now, sent_at=None)
                case _:
                    surroundings.count(row)
                    allowed.append(row)
        # What somebody took back without the account's lock stays taken back.
        Message.objects.filter(pk__in=[row.pk for row in allowed], status__in=WAITING).update(
            status=MessageStatus.CLEARED, reason="", due_at=now + LEASE, sent_at=now
        )
        kit = kit_of(tenant.name, tenant.brand_color, tenant.settings)
        return Cleared(tuple((row, _outgoing(tenant, channel, kit, row)) for row in allowed), time.monotonic() + FRESH)


def lock_accounts(account_ids: set[UUID]) -> list[UUID]:
    """Take the locks of these accounts in the one order that everybody takes them in."""
    return _locked(accounts=list(account_ids))


@Prepared[UUID]
def _locked(the: Places) -> Any:
    states = AccountState.objects.select_for_update().filter(account_id__in=the.uuids("accounts"))
    return states.order_by("account_id").values_list("account_id", flat=True)


def _still_mine(claimed: Sequence[Message]) -> list[Message]:
    """The claimed rows as they are under the lock; those that somebody took or closed meanwhile are left out."""
    fences = {row.pk: row.fence for row in claimed}
    return [row for row in _waiting(messages=list(fences)) if row.fence == fences[row.pk]]


@Prepared[Message]
def _waiting(the: Places) -> Any:
    mine = Message.objects.filter(pk__in=the.uuids("messages"), status__in=WAITING)
    return mine.select_related("contact", "account").order_by("wanted_at", "id")


def _outgoing(tenant: Tenant, channel: Channel, kit: Kit, row: Message) -> Outgoing:
    marketing = row.message_class == MessageClass.PROGRAMME
    token = unsubscribe_token(row.pk) if marketing else ""
    address = settings.DEFAULT_FROM_EMAIL.rpartition("<")[2].rstrip(">")
    return Outgoing(
        id=row.pk,
        key=str(row.pk),
        address=channel.address_of(row.contact),
        name=row.contact.name,
        sender=kit.sender,
        subject=row.subject,
        html=_counted(tenant, row),
        text=row.body_text,
        unsubscribe_url=f"{settings.PUBLIC_URL}/u/{token}/" if marketing and settings.IS_HTTPS else "",
        unsubscribe_mail=f"mailto:{address}?subject=unsubscribe%20{token}" if marketing else "",
        preferences_url=f"{settings.PUBLIC_URL}/u/{token}/preferences/" if marketing else "",
        kit=kit,
        kept=tenant.settings.get("delivery") == "viewer",
    )


def _counted(tenant: Tenant, row: Message) -> str:
    """The body with links that are counted, where the tenant counts them: in what caps count, and in mail alone."""
    html: str = row.body_html
    counts = (tenant.settings.get("brand") or {}).get("track_clicks", True)
    if not counts or row.channel != "email" or row.message_class not in COUNTED:
        return html
    return tracked(html, lambda link: f"{settings.PUBLIC_URL}/u/c/{click_token(row.pk, link)}/")
