"""Every recorded payload under the samples as the calls that would carry it, in the order of the files."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.ingest.amazon import signed
from tests.ingest.hooks import SAMPLES, stripe_event

# Kinds of events around Stripe's bare objects; what is not named here is told as changed.
STRIPE_KINDS = {
    "subscription": "customer.subscription.updated",
    "charge": "charge.succeeded",
    "dispute": "charge.dispute.created",
    "refund": "refund.updated",
    "payment_intent": "payment_intent.succeeded",
    "deleted_customer": "customer.deleted",
}
FOLDERS = (
    "stripe-djstripe", "stripe-intercom-webhooks", "stripe-openapi", "hubspot-api", "intercom-openapi", "aws-ses-sns",
    "postmark-inbound", "customerio-webhooks", "zendesk-seeds",
)  # fmt: skip
# Tables of Zendesk whose rows are things that it calls about; the others are of its reports.
TABLES = {"organization_data.csv": "organization", "user_data.csv": "user", "ticket_data.csv": "ticket"}


@dataclass(frozen=True)
class Recorded:
    """A call: the file it comes from, its source, what it is, and its body."""

    file: str
    source: str
    what: str
    body: Any


def recorded() -> list[Recorded]:
    """Every call of every file."""
    files = [file for folder in FOLDERS for file in sorted((SAMPLES / folder).rglob("*.*"))]
    payloads = [call for file in files if file.suffix == ".json" for call in _calls(file)]
    return payloads + [call for file in files if file.name in TABLES for call in _zendesk(file)]


def _calls(file: Any) -> Iterator[Recorded]:
    folder, name, body = (
        file.relative_to(SAMPLES).parts[0],
        str(file.relative_to(SAMPLES)),
        json.loads(file.read_text()),
    )
    match folder:
        case "stripe-openapi":
            for kind, thing in body["resources"].items():
                yield _stripe(name, kind, thing)
        case "stripe-djstripe":
            yield _stripe(name, body["object"], body)
        case "stripe-intercom-webhooks":
            source = "intercom" if "intercom" in file.name else "stripe"
            yield Recorded(name, source, body.get("topic") or body["type"], body)
        case "hubspot-api":
            for company in body.get("results", [body]):
                yield Recorded(name, "hubspot", f"company {company['companyId']}", _hubspot(company))
        case "intercom-openapi":
            yield from _intercom(name, body)
        case "aws-ses-sns":
            yield Recorded(name, "ses", "notification", _sns(body["Records"][0]))
        case "postmark-inbound":
            yield Recorded(name, "postmark", "mail", body)
        case "customerio-webhooks":
            yield Recorded(name, "customerio", body.get("metric") or body["event_type"], body)


def _stripe(file: str, kind: str, thing: dict[str, Any]) -> Recorded:
    created = thing.get("created")
    at = created if isinstance(created, int) else 1_700_000_000
    return Recorded(file, "stripe", kind, stripe_event(STRIPE_KINDS.get(kind, f"{kind}.updated"), thing, at=at))


def _hubspot(company: dict[str, Any]) -> list[dict[str, Any]]:
    """The properties of a company as the batch of changes that made them so."""
    pk = company["companyId"]
    return [
        {
            "eventId": f"{pk}{number}", "subscriptionId": 1, "portalId": company["portalId"], "objectId": pk,
            "subscriptionType": "company.propertyChange", "propertyName": name, "propertyValue": value["value"],
            "occurredAt": value.get("timestamp", 1_419_968_000_000),
        }
        for number, (name, value) in enumerate(company["properties"].items())
    ]  # fmt: skip


def _intercom(file: str, body: dict[str, Any]) -> Iterator[Recorded]:
    """What the API answers as the notification that tells of the same."""
    listed = next((body[key] for key in ("data", "conversations", "tickets", "events") if key in body), [body])
    for item in listed:
        kind = item.get("type", "event")
        notification = {
            "type": "notification_event", "id": f"notif_{kind}_{item.get('id')}_{item.get('updated_at')}_{file}",
            "topic": f"{kind}.updated", "data": {"item": item},
        }  # fmt: skip
        yield Recorded(file, "intercom", f"{kind} {item.get('id', '')}".strip(), notification)
    if not listed:
        yield Recorded(file, "intercom", "an empty list", {"id": f"notif_{file}", "topic": "ping", "data": {}})


def _zendesk(file: Path) -> Iterator[Recorded]:
    """The rows of a table as the events that tell of them."""
    kind = TABLES[file.name]
    with file.open(newline="") as stream:
        for row in csv.DictReader(stream):
            happened = "deleted" if row.get("status") == "deleted" else "updated"
            body = {
                "id": f"{kind}-{row['id']}", "type": f"zen:event-type:{kind}.{happened}", "time": row["updated_at"],
                "detail": {name: value for name, value in row.items() if value},
            }  # fmt: skip
            yield Recorded(str(file.relative_to(SAMPLES)), "zendesk", kind, body)


def _sns(record: dict[str, Any]) -> dict[str, Any]:
    """The envelope in which SNS would post it today; two of the files are what a function of AWS is called with."""
    if "Sns" in record:
        told = record["Sns"]
        return signed({name: told[name] for name in ("MessageId", "Message", "Subject") if name in told})
    message = json.dumps({"notificationType": "Received", **record["ses"]})
    return signed({"MessageId": record["ses"]["mail"]["messageId"], "Message": message})
