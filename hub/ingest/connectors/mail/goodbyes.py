"""Mail that unsubscribes: what a mail program writes to the address in List-Unsubscribe (RFC 2369).

Where PUBLIC_URL is http this is the one way that a mail's header offers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from anymail.signals import AnymailInboundEvent
from django.core import signing

from hub.outbox.models import Message
from hub.outbox.services import unsubscribe, unsubscribe_read
from hub.tenancy.context import current_tenant_id

SUBJECT: Final = re.compile(r"\s*unsubscribe\s+([A-Za-z0-9_.-]{20,200})\s*\Z", re.I)
SOURCE: Final = "unsubscribe mail"


def goodbye_of(event: Any) -> UUID | None:
    """The message that an incoming mail unsubscribes from; None for others, and for forged tokens."""
    if not isinstance(event, AnymailInboundEvent):
        return None
    asked = SUBJECT.match(str(event.message.get("Subject", "")))
    if asked is None:
        return None
    try:
        tenant_id, message_id = unsubscribe_read(asked[1])
    except (signing.BadSignature, ValueError):
        return None
    return message_id if tenant_id == current_tenant_id() else None


def goodbyes_apply(events: Sequence[Any]) -> list[dict[str, str]]:
    """Unsubscribe whoever asks; the rows as `became` holds them. In the caller's transaction."""
    ids = {message_id for event in events if (message_id := goodbye_of(event)) is not None}
    rows = []
    for message in Message.objects.filter(pk__in=ids).order_by("account_id", "id"):
        unsubscribe(message_id=message.pk, source=SOURCE)
        contact, account = str(message.contact_id), str(message.account_id)
        rows.append({"noun": "contact", "id": contact, "account": account, "outcome": "updated"})
    return rows
