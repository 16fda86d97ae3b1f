"""HubSpot's API: companies, contacts, deals and tickets by what changed since, through its CRM search."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from hub.ingest.connectors.base import JSON, Facts, moment, number, part, text
from hub.ingest.pulling.base import OVERLAP, Ask, Page, Pulled, Puller, Stream, bearer, listed, pulled, pullers

LIMIT: Final = 100
# The search gives no more than this many results of one question.
MOST: Final = 10_000
# Properties that are asked for; the reader of calls knows what they mean.
PROPERTIES: Final = {
    "companies": ("name", "domain", "industry", "country", "hs_timezone"),
    "contacts": ("email", "firstname", "lastname", "jobtitle", "associatedcompanyid"),
    "deals": (
        "dealname", "dealstage", "amount", "deal_currency_code", "dealtype", "createdate", "closedate",
        "closed_lost_reason", "hs_is_closed_won", "hs_is_closed", "hs_primary_associated_company",
    ),
    "tickets": (
        "subject", "hs_pipeline_stage", "hs_ticket_priority", "createdate", "closed_date", "hs_primary_company_id",
    ),
}  # fmt: skip
# Whose a deal or a ticket is stands in a property here, and comes as an association in calls.
OWNERS: Final = {"hs_primary_associated_company": "DEAL_TO_COMPANY", "hs_primary_company_id": "TICKET_TO_COMPANY"}
CHANGED: Final = {"contacts": "lastmodifieddate"}


def _changed(name: str, kind: str) -> Stream:
    changed = CHANGED.get(name, "hs_lastmodifieddate")

    def ask(cursor: Facts, start: datetime) -> Ask:
        since = number(cursor.get("since")) or int(start.timestamp() * 1000)
        after = {"after": cursor["after"]} if cursor.get("after") else {}
        wanted = {"propertyName": changed, "operator": "GTE", "value": str(since)}
        return Ask(
            "POST",
            f"/crm/v3/objects/{name}/search",
            {
                "filterGroups": [{"filters": [wanted]}],
                "sorts": [{"propertyName": changed, "direction": "ASCENDING"}],
                "properties": [*PROPERTIES[name], changed],
                "limit": LIMIT,
                **after,
            },
        )

    def page(body: JSON, cursor: Facts, now: datetime) -> Page:
        things = [thing for thing in listed(body, "results") if text(thing.get("id"))]
        calls = [_call(kind, thing) for thing in things if thing.get("archived") is not True]
        seen = max([number(cursor.get("seen")) or 0, *(_stamp(thing) for thing in things)])
        after = text(part(body, "paging", "next").get("after"))
        if after and (number(after) or MOST) + LIMIT <= MOST:
            return Page(calls, {**cursor, "after": after, "seen": seen}, more=True)
        if after and seen > (number(cursor.get("since")) or 0):
            # The question is used up: the next one begins where this one came to.
            return Page(calls, {"since": seen, "seen": seen}, more=True)
        since = seen - int(OVERLAP.total_seconds() * 1000) if seen else cursor.get("since")
        return Page(calls, {"since": since} if since else {})

    return Stream(name, name.capitalize(), ask, page)


def _stamp(thing: dict[str, Any]) -> int:
    at = moment(thing.get("updatedAt"))
    return int(at.timestamp() * 1000) if at else 0


def _call(kind: str, thing: dict[str, Any]) -> Pulled:
    subject, known = text(thing["id"]), part(thing, "properties")
    found = pulled(kind, subject, thing)
    made, changed = moment(thing.get("createdAt")), _stamp(thing)
    events = [
        _event(found.event_id, kind, subject, name, known[name], changed) for name in sorted(known) if known[name]
    ]
    if made is not None:
        about = {"eventId": found.event_id, "subscriptionType": f"{kind}.creation", "objectId": subject}
        events.insert(0, {**about, "occurredAt": int(made.timestamp() * 1000)})
    return Pulled(found.event_id, f"{kind} (read)", pulled("", "", events).body)


def _event(event_id: str, kind: str, subject: str, name: str, value: JSON, at: int) -> dict[str, Any]:
    if name in OWNERS:
        ends: dict[str, Any] = {"associationType": OWNERS[name], "fromObjectId": subject, "toObjectId": text(value)}
        ends["isPrimaryAssociation"] = True
        return {"eventId": event_id, "subscriptionType": f"{kind}.associationChange", "occurredAt": at, **ends}
    changed = {"objectId": subject, "propertyName": name, "propertyValue": text(value, 1000)}
    return {"eventId": event_id, "subscriptionType": f"{kind}.propertyChange", "occurredAt": at, **changed}


pullers.register(
    Puller(
        key="hubspot",
        address="https://api.hubapi.com",
        streams=(
            _changed("companies", "company"),
            _changed("contacts", "contact"),
            _changed("deals", "deal"),
            _changed("tickets", "ticket"),
        ),
        headers=bearer,
        secret_label="Access token",
        steps=(
            "In HubSpot: Settings › Integrations › Private apps. Let it read companies, contacts, deals and tickets "
            "(crm.objects.*.read, tickets), and paste its access token here."
        ),
    )
)
