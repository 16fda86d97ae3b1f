"""Customer.io: what a mail platform beside Tandem sent to customers, and who bounced, complained or unsubscribed."""

from __future__ import annotations

from datetime import datetime
from email.utils import parseaddr
from typing import Any, Final

from hub.ingest.connectors.base import (
    PERSON,
    Call,
    Connector,
    Facts,
    History,
    Identity,
    Malformed,
    NothingToDo,
    NotVerified,
    Word,
    Write,
    Writing,
    connectors,
    decoded,
    latest,
    mapping,
    moment,
    part,
    text,
)
from hub.ingest.connectors.mail.reports import Report, report_apply
from hub.ingest.connectors.signatures import check_one_of, check_time, mac_hex
from hub.ingest.connectors.timeline import told

# What stands in the timeline: that it was sent, and that it led to what it was for.
TOLD: Final = {"sent": "sent", "converted": "converted"}
REPORTED: Final = {"bounced": "bounced", "spammed": "complained", "unsubscribed": "unsubscribed"}


def verify(call: Call, secret: str, options: Facts, now: datetime) -> None:
    """`X-CIO-Signature`: hex HMAC-SHA256 of `v0:time:body`."""
    stamp, given = call.headers.get("x-cio-timestamp", ""), call.headers.get("x-cio-signature", "")
    if not given:
        raise NotVerified("the call carries no X-CIO-Signature")
    check_one_of([given], mac_hex(secret, b"v0:" + stamp.encode() + b":" + call.body))
    check_time(stamp, now)


def identify(call: Call) -> Identity:
    body = mapping(decoded(call.body))
    if not text(body.get("event_id")):
        raise Malformed("the event has no event_id")
    return Identity(text(body["event_id"]), kind_of(body))


def kind_of(body: dict[str, Any]) -> str:
    """`email.sent`; the older form says `email_sent`."""
    if text(body.get("metric")):
        return f"{text(body.get('object_type'), 40)}.{text(body['metric'], 40)}"
    return text(body.get("event_type"), 80).replace("_", ".", 1)


def read(call: Call, received_at: datetime, options: Facts) -> list[Word]:
    body = mapping(decoded(call.body))
    family, _, metric = kind_of(body).partition(".")
    if family not in ("email", "customer") or (metric not in TOLD and metric not in REPORTED):
        raise NothingToDo(_why(kind_of(body)))
    data, at = part(body, "data"), moment(body.get("timestamp")) or received_at
    event, person = text(body.get("event_id")), text(data.get("customer_id"))
    email = parseaddr(text(data.get("recipient") or data.get("email_address"), 320))[1].lower()[:254]
    if not (person or email):
        raise NothingToDo("it names nobody")
    words = [Word(PERSON, person, at, event, {"email": email}, email=email)] if person and email else []
    if metric in TOLD:
        facts = {"metric": metric, "subject": text(data.get("subject"), 200), "at": at.isoformat(), "email": email}
        words.append(Word("mail", event, at, event, facts, person=person, email=email))
    return words


def _why(kind: str) -> str:
    if kind == "customer.subscribed":
        return "somebody agreed to mail from Customer.io; consent to yours is asked by you"
    return f"Tandem keeps nothing of {kind}: opens and deliveries of another platform's mail start nothing here"


def acts(call: Call, received_at: datetime, options: Facts) -> list[dict[str, str]]:
    body = mapping(decoded(call.body))
    reported = REPORTED.get(kind_of(body).partition(".")[2])
    data = part(body, "data")
    email = parseaddr(text(data.get("recipient") or data.get("email_address"), 320))[1].lower()
    if reported is None or not email:
        return []
    at = moment(body.get("timestamp")) or received_at
    detail = text(data.get("failure_message"))
    return report_apply(Report(reported, email, at, source="customerio", detail=detail, key=identify(call).event_id))


def mail_rows(pk: str, history: History) -> list[Write]:
    return [Write("mail", pk, latest(history))]


def mail_write(writing: Writing) -> tuple[Any, str]:
    """A line in the timeline: what another platform sent."""
    subject = writing.fields.get("subject") or "a mail"
    words = "sent" if writing.fields["metric"] == "sent" else "led to its goal"
    return told(
        writing,
        kind="mail",
        key=f"customerio:{writing.external_id}",
        title=f"Customer.io: {subject} ({words})",
        at=moment(writing.fields["at"]) or writing.at,
    )


connectors.register(
    Connector(
        key="customerio",
        title="Customer.io",
        order=60,
        verify=verify,
        identify=identify,
        read=read,
        kinds={"mail": mail_rows},
        writers={"mail": mail_write},
        acts=acts,
        tells_companies=False,
        brings="What became of mails that Customer.io sends, and who unsubscribed.",
        scheme="HMAC-SHA256 over time and body (X-CIO-Signature), ±300 s",
        steps=(
            "In Customer.io: Data & Integrations › Integrations › Reporting Webhooks. Paste the address, choose the "
            "e-mail and customer events, and paste the webhook signing key here."
        ),
        secret_label="Webhook signing key",
    )
)
