"""Writes of clicks."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from uuid import UUID

from django.core import signing
from django.db import transaction
from django.utils import timezone

from hub.outbox.models import Click, Message
from hub.outbox.tracking import BURST, BURST_LINKS, BURST_SECONDS, score_of, signs_of
from hub.tenancy.context import current_tenant_id

# A link that a machine asks for again and again says nothing new.
MOST_CLICKS = 500


def _signer() -> signing.Signer:
    return signing.Signer(salt="click", sep=".")


def click_token(message_id: UUID, link: int) -> str:
    """What a tracked address carries: tenant, message and place of the link, signed."""
    content = current_tenant_id().bytes + message_id.bytes + bytes([link])
    return _signer().sign(urlsafe_b64encode(content).rstrip(b"=").decode())


def click_read(token: str) -> tuple[UUID, UUID, int]:
    """(tenant id, message id, link) of a token; raises signing.BadSignature."""
    content = urlsafe_b64decode(_signer().unsign(token))
    return UUID(bytes=content[:16]), UUID(bytes=content[16:32]), content[32]


@transaction.atomic
def click_record(*, message: Message, link: int, method: str, agent: str) -> Click | None:
    """Keep a click with its signs of a machine; many links of a message within seconds speak against each of them."""
    now = timezone.now()
    clicks = Click.objects.filter(message=message)
    if clicks.count() >= MOST_CLICKS:
        return None
    after = (now - message.sent_at).total_seconds() if message.sent_at else None
    signs = signs_of(method=method, agent=agent, seconds_after=after)
    click = Click(
        account_id=message.account_id,
        message=message,
        link=link,
        at=now,
        seconds_after=max(0, int(after)) if after is not None else None,
        agent=agent[:200],
        reasons=signs,
        bot_score=score_of(signs),
    )
    click.save()
    near = list(clicks.filter(at__gte=now - timedelta(seconds=BURST_SECONDS)))
    if len({one.link for one in near}) >= BURST_LINKS:
        _burst(near)
        click.refresh_from_db()
    return click


def _burst(clicks: list[Click]) -> None:
    new = [click for click in clicks if BURST not in click.reasons]
    for click in new:
        click.reasons = [*click.reasons, BURST]
        click.bot_score = score_of(click.reasons)
    Click.objects.bulk_update(new, ["reasons", "bot_score"])
