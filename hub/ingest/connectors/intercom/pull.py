"""Intercom's API: companies by list, contacts, conversations and tickets by what changed since."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from hub.ingest.connectors.base import JSON, Facts, moment, number, part, text
from hub.ingest.pulling.base import OVERLAP, Ask, Page, Pulled, Puller, Stream, listed, pulled, pullers

PER_PAGE: Final = 60
VERSION: Final = "2.11"
# Companies cannot be asked for by their last change.
DAILY: Final = timedelta(days=1)


def ask_companies(cursor: Facts, start: datetime) -> Ask:
    return Ask("POST", "/companies/list", {"page": cursor.get("page", 1), "per_page": PER_PAGE, "order": "asc"})


def companies_page(body: JSON, cursor: Facts, now: datetime) -> Page:
    calls, page = _calls(body, "data", "company"), number(cursor.get("page")) or 1
    more = page < (number(part(body, "pages").get("total_pages")) or 0) and bool(calls)
    return Page(calls, {"page": page + 1 if more else 1}, more=more, rest=DAILY)


def _changed(path: str, name: str, kind: str, title: str) -> Stream:
    def ask(cursor: Facts, start: datetime) -> Ask:
        since = number(cursor.get("since")) or int(start.timestamp()) - 1
        after = {"starting_after": cursor["after"]} if cursor.get("after") else {}
        return Ask(
            "POST",
            f"{path}/search",
            {
                "query": {"field": "updated_at", "operator": ">", "value": since},
                "sort": {"field": "updated_at", "order": "ascending"},
                "pagination": {"per_page": PER_PAGE, **after},
            },
        )

    def page(body: JSON, cursor: Facts, now: datetime) -> Page:
        calls = _calls(body, name, kind)
        latest = [number(thing.get("updated_at")) or 0 for thing in listed(body, name)]
        seen = max([number(cursor.get("seen")) or 0, *latest])
        after = text(part(body, "pages", "next").get("starting_after"), 1000)
        if after and after != cursor.get("after"):
            return Page(calls, {**cursor, "after": after, "seen": seen}, more=True)
        since = seen - int(OVERLAP.total_seconds()) if seen else cursor.get("since")
        return Page(calls, {"since": since} if since else {})

    return Stream(name if name != "data" else f"{kind}s", title, ask, page)


def _calls(body: JSON, name: str, kind: str) -> list[Pulled]:
    return [_call(kind, thing) for thing in listed(body, name) if text(thing.get("id"))]


def _call(kind: str, thing: dict[str, Any]) -> Pulled:
    thing = {"type": kind, **thing}
    found = pulled(kind, text(thing["id"]), thing)
    at = moment(thing.get("updated_at") or thing.get("created_at"))
    topic = {"company": "company.updated", "contact": "contact.user.updated"}.get(kind, f"{kind}.updated")
    notification: dict[str, Any] = {"id": found.event_id, "topic": topic, "data": {"item": thing}}
    if at is not None:
        notification["created_at"] = int(at.timestamp())
    return Pulled(found.event_id, topic, json.dumps(notification).encode())


def headers(secret: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {secret}", "Intercom-Version": VERSION}


pullers.register(
    Puller(
        key="intercom",
        address="https://api.intercom.io",
        address_help="https://api.eu.intercom.io or https://api.au.intercom.io for workspaces there",
        streams=(
            Stream("companies", "Companies", ask_companies, companies_page),
            _changed("/contacts", "data", "contact", "Contacts"),
            _changed("/conversations", "conversations", "conversation", "Conversations"),
            _changed("/tickets", "tickets", "ticket", "Tickets"),
        ),
        headers=headers,
        secret_label="Access token",
        steps=(
            "In Intercom: Settings › Developers › your app › Authentication. Let it read companies, people, "
            "conversations and tickets, and paste the access token here."
        ),
    )
)
