"""The e-mail of a message: frame, plain text, deterministic Message-ID, unsubscribe headers."""

from __future__ import annotations

from email.utils import formataddr, parseaddr
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from hub.outbox.channels.base import Outgoing
from hub.outbox.frame import foot_of, framed


def message_id(outgoing: Outgoing) -> str:
    """The same at every attempt, so that a delivery event, or a reader of the mailbox, can say that it arrived."""
    return f"<{outgoing.id}@{urlsplit(settings.PUBLIC_URL).hostname or 'localhost'}>"


def letter(outgoing: Outgoing, connection: Any = None) -> EmailMultiAlternatives:
    """The e-mail, ready for Django's mail connection."""
    _, sender = parseaddr(settings.DEFAULT_FROM_EMAIL)
    mail = EmailMultiAlternatives(
        subject=outgoing.subject,
        body=render_to_string("outbox/email.txt", {"message": outgoing}),
        from_email=formataddr((_one_line(outgoing.sender), sender)),
        to=[formataddr((_one_line(outgoing.name), outgoing.address))],
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
