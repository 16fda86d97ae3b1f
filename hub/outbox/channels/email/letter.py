"""The e-mail of a message: frame, plain text, deterministic Message-ID, unsubscribe headers."""

from __future__ import annotations

from email.utils import formataddr, parseaddr
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.core.validators import validate_email
from django.template.loader import render_to_string

from hub.outbox.channels.base import Outgoing
from hub.outbox.frame import foot_of, framed

# What makes more of an address than one: a list, a comment, a header.
NEVER: Final = '\x7f",;<>()'


def message_id(outgoing: Outgoing) -> str:
    """The same at every attempt, so that a delivery event, or a reader of the mailbox, can say that it arrived."""
    return f"<{outgoing.id}@{urlsplit(settings.PUBLIC_URL).hostname or 'localhost'}>"


def letter(outgoing: Outgoing, connection: Any = None) -> EmailMultiAlternatives:
    """The e-mail, ready for Django's mail connection; raises ValueError for an address that no mail can have."""
    _, sender = parseaddr(settings.DEFAULT_FROM_EMAIL)
    mail = EmailMultiAlternatives(
        subject=_one_line(outgoing.subject),
        body=render_to_string("outbox/email.txt", {"message": outgoing}),
        from_email=formataddr((_one_line(outgoing.sender), sender)),
        to=[formataddr((_one_line(outgoing.name), _address(outgoing.address)))],
        reply_to=[outgoing.kit.reply_to] if outgoing.kit.reply_to else None,
        headers={"Message-ID": message_id(outgoing), "X-Tandem-Key": outgoing.key, **_unsubscribe(outgoing)},
        connection=connection,
    )
    mail.attach_alternative(_html(outgoing), "text/html")
    return mail


def _html(outgoing: Outgoing) -> str:
    way_out = outgoing.unsubscribe_url or outgoing.unsubscribe_mail
    foot = foot_of(outgoing.kit, unsubscribe=way_out, preferences=outgoing.preferences_url)
    return framed(outgoing.kit, subject=outgoing.subject, html=outgoing.html, foot=foot)


def _address(given: str) -> str:
    """One address, and nothing but that: a list, a comment or a line break in it would reach others."""
    if len(given) > 254 or any(letter <= " " or letter in NEVER for letter in given):
        raise ValueError("the address is not one that mail can have")
    try:
        validate_email(given)
    except ValidationError:
        raise ValueError("the address is not one that mail can have") from None
    return given


def _one_line(name: str) -> str:
    # Names come from files and events; a line break in one must not cost its bearer their mail, or begin a header.
    return " ".join(name.split())


def _unsubscribe(outgoing: Outgoing) -> dict[str, str]:
    """RFC 2369 and 8058: one-click takes https, so an http installation offers the mailto form alone."""
    ways = [f"<{way}>" for way in (outgoing.unsubscribe_url, outgoing.unsubscribe_mail) if way]
    headers = {"List-Unsubscribe": ", ".join(ways)} if ways else {}
    if outgoing.unsubscribe_url:
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers
