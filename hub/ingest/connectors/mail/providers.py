"""Mail providers, read by anymail's parsers. Signatures are anymail's to check; the others bring a secret of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any, Final

from anymail.exceptions import AnymailConfigurationError, AnymailError, AnymailWebhookValidationFailure
from anymail.webhooks.amazon_ses import AmazonSESInboundWebhookView, AmazonSESTrackingWebhookView
from anymail.webhooks.base import AnymailBaseWebhookView
from anymail.webhooks.brevo import BrevoTrackingWebhookView
from anymail.webhooks.mailersend import MailerSendInboundWebhookView, MailerSendTrackingWebhookView
from anymail.webhooks.mailgun import MailgunInboundWebhookView, MailgunTrackingWebhookView
from anymail.webhooks.mailjet import MailjetInboundWebhookView, MailjetTrackingWebhookView
from anymail.webhooks.postmark import PostmarkInboundWebhookView, PostmarkTrackingWebhookView
from anymail.webhooks.sendgrid import SendGridInboundWebhookView, SendGridTrackingWebhookView
from anymail.webhooks.sparkpost import SparkPostInboundWebhookView, SparkPostTrackingWebhookView
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.wsgi import WSGIRequest
from django.utils.datastructures import MultiValueDictKeyError

from hub.ingest.connectors.base import Call, Malformed, NotVerified, clean, moment
from hub.ingest.connectors.mail.amazon import message_check
from hub.ingest.connectors.signatures import check_time

View = type[AnymailBaseWebhookView]


class _Ours:
    """anymail's views ask settings, or a library that is not here, for what our own view has settled already."""

    def __init__(self, **kwargs: Any) -> None:
        self.auto_confirm_enabled = False
        AnymailBaseWebhookView.__init__(self, webhook_secret="settled:already")


class SESTracking(_Ours, AmazonSESTrackingWebhookView):  # type: ignore[misc]  # anymail has no types
    """Bounces, complaints and deliveries of Amazon SES by SNS."""


class SESInbound(_Ours, AmazonSESInboundWebhookView):  # type: ignore[misc]  # the same
    """Mail that Amazon SES received, whole in the notification."""


class SendGridTracking(_Ours, SendGridTrackingWebhookView):  # type: ignore[misc]  # the same
    """Events of SendGrid."""


class SendGridInbound(_Ours, SendGridInboundWebhookView):  # type: ignore[misc]  # the same
    """Mail that SendGrid parsed."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider: its parsers, tried one after the other. `key`: it signs, and this is anymail's name of the key.

    `check(call, now)`: it signs with a key of its own, which is checked beside the secret.
    """

    title: str
    views: tuple[View, ...]
    key: str = ""
    check: Callable[[Call, datetime], None] | None = None


PROVIDERS: Final[dict[str, Provider]] = {
    "ses": Provider("Amazon SES (SNS)", (SESTracking, SESInbound), check=message_check),
    "brevo": Provider("Brevo", (BrevoTrackingWebhookView,)),
    "mailersend": Provider(
        "MailerSend", (MailerSendTrackingWebhookView, MailerSendInboundWebhookView), key="signing_secret"
    ),
    "mailgun": Provider("Mailgun", (MailgunTrackingWebhookView, MailgunInboundWebhookView), key="webhook_signing_key"),
    "mailjet": Provider("Mailjet", (MailjetTrackingWebhookView, MailjetInboundWebhookView)),
    "postmark": Provider("Postmark", (PostmarkTrackingWebhookView, PostmarkInboundWebhookView)),
    "sendgrid": Provider("SendGrid", (SendGridTracking, SendGridInbound)),
    "sparkpost": Provider("SparkPost", (SparkPostTrackingWebhookView, SparkPostInboundWebhookView)),
}
# What a parser may stumble over in a call that is not of its kind.
STUMBLES: Final = (
    AnymailError, SuspiciousOperation, MultiValueDictKeyError, KeyError, ValueError, TypeError, AttributeError,
    IndexError, RecursionError,
)  # fmt: skip


def request_of(call: Call) -> WSGIRequest:
    """The call as a request that anymail's parsers read."""
    names = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in call.headers.items()}
    return WSGIRequest(
        {
            **names,
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "443",
            "CONTENT_TYPE": call.content_type,
            "CONTENT_LENGTH": str(len(call.body)),
            "wsgi.input": BytesIO(call.body),
        }
    )


def signature_check(provider: Provider, call: Call, secret: str, now: datetime) -> None:
    """Raise NotVerified unless the provider's own signature is that of the secret."""
    problem = ""
    for view in provider.views:
        try:
            view(webhook_secret=[], **_keys(view, secret)).run_validators(request_of(call))
        except (AnymailWebhookValidationFailure, *STUMBLES) as error:
            problem = str(error)
            continue
        for stamp in _signed_times(call):
            check_time(stamp, now)
        return
    raise NotVerified(f"the signature is not that of the secret: {problem}"[:200])


def _keys(view: View, secret: str) -> dict[str, str]:
    known = {"webhook_signing_key", "signing_secret", "inbound_secret"}
    return {name: secret for name in known if hasattr(view, name)}


def _signed_times(call: Call) -> Iterator[str]:
    """The time that Mailgun signs, in JSON or in a form; the others' signatures hold none."""
    try:
        body = json.loads(call.body)
    except ValueError:
        fields = request_of(call).POST
        yield from ([str(fields["timestamp"])] if "timestamp" in fields and "signature" in fields else [])
        return
    if isinstance(body, dict) and isinstance(body.get("signature"), dict):
        yield str(body["signature"].get("timestamp"))


def events_of(provider: Provider, call: Call) -> list[Any]:
    """What the call reports, as anymail's normalised events. Raises Malformed when no parser reads it."""
    problem = "nothing reads it"
    for view in provider.views:
        try:
            return list(view(webhook_secret="settled:already", **_keys(view, "k")).parse_events(request_of(call)))
        except AnymailConfigurationError:
            continue
        except STUMBLES as error:
            problem = f"{type(error).__name__}: {error}"
    raise Malformed(f"{provider.title}: the call cannot be read ({problem})"[:250])


# A name that we gave: the Message-ID of a mail of ours is its message's id at our host.
UUID7: Final = r"([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})"
OURS: Final = re.compile(rf"{UUID7}@|x-tandem-key\W+(?:value\W+)?{UUID7}", re.IGNORECASE)


def own_id(text: str) -> str:
    """The id of the message of ours that a text names; "" when it names none."""
    found = OURS.search(text)
    return (found[1] or found[2]).lower() if found else ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A mail that came in."""

    id: str
    at: datetime
    sender: str
    name: str
    subject: str
    text: str
    automatic: bool
    message: str


AUTOMATIC: Final = re.compile(
    r"^\s*(automatic reply|auto[- ]?reply|out of (the )?office|abwesend|abwesenheit|automatische antwort|absence|"
    r"réponse automatique|respuesta automática|undeliver|delivery status|mail delivery)",
    re.IGNORECASE,
)


def reply_of(event: Any, received_at: datetime) -> Reply | None:
    """The mail of an inbound event; None when it names no sender. Raises Malformed."""
    try:
        return _reply_of(event, received_at)
    except (*STUMBLES, NameError, AssertionError) as error:
        # The parser of the standard library stumbles over some broken mail in ways of its own.
        raise Malformed(f"the mail cannot be read: {type(error).__name__}") from None


def _reply_of(event: Any, received_at: datetime) -> Reply | None:
    message = event.message
    sender = message.from_email
    sender = sender[0] if isinstance(sender, list) else sender
    if sender is None or not sender.addr_spec:
        return None
    references = " ".join(str(message.get(name, "")) for name in ("In-Reply-To", "References"))
    text = message.stripped_text or message.text or ""
    subject = str(message.get("Subject", ""))
    found: Reply = clean_reply(
        Reply(
            id=str(message.get("Message-ID", "") or event.event_id or "")[:200],
            at=moment((event.timestamp or message.date or received_at).isoformat()) or received_at,
            sender=str(sender.addr_spec).lower()[:254],
            name=str(sender.display_name or "")[:200],
            subject=" ".join(subject.split())[:300],
            text=str(text).strip()[:10_000],
            automatic=_automatic(message, subject),
            message=own_id(references),
        )
    )
    return found


def clean_reply(reply: Reply) -> Reply:
    """The reply with text that a database stores."""
    return Reply(*(clean(getattr(reply, name)) for name in Reply.__slots__))


def _automatic(message: Any, subject: str) -> bool:
    """Whether a machine answered (RFC 3834 and what others do)."""
    submitted = str(message.get("Auto-Submitted", "no")).lower().partition(";")[0].strip()
    marked = any(message.get(name) for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Reply"))
    bulk = str(message.get("Precedence", "")).lower() in ("auto_reply", "bulk", "junk")
    return submitted != "no" or marked or bulk or AUTOMATIC.match(subject) is not None
