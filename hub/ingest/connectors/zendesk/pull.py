"""Zendesk's API: its incremental exports of organizations, users and tickets."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from hub.ingest.connectors.base import JSON, Facts, mapping, number, text
from hub.ingest.pulling.base import Ask, Page, Pulled, Puller, Stream, listed, pulled, pullers

# Zendesk exports nothing younger than a minute, and a page of the older form holds this many.
FULL: Final = 1000


def _by_cursor(name: str, kind: str) -> Stream:
    path = f"/api/v2/incremental/{name}/cursor.json"

    def ask(cursor: Facts, start: datetime) -> Ask:
        place = {"cursor": cursor["cursor"]} if cursor.get("cursor") else {"start_time": int(start.timestamp())}
        return Ask("GET", f"{path}?{urlencode(place)}")

    def page(body: JSON, cursor: Facts, now: datetime) -> Page:
        after = text(mapping(body).get("after_cursor"), 1000) or cursor.get("cursor", "")
        more = mapping(body).get("end_of_stream") is False and bool(after)
        return Page(_calls(body, name, kind), {"cursor": after}, more=more)

    return Stream(name, name.capitalize(), ask, page)


def ask_organizations(cursor: Facts, start: datetime) -> Ask:
    since = cursor.get("since") or int(start.timestamp())
    return Ask("GET", f"/api/v2/incremental/organizations.json?{urlencode({'start_time': since})}")


def organizations_page(body: JSON, cursor: Facts, now: datetime) -> Page:
    until = number(mapping(body).get("end_time"))
    full = len(listed(body, "organizations")) >= FULL
    going_on = until is not None and until != cursor.get("since")
    calls = _calls(body, "organizations", "organization")
    return Page(calls, {"since": until} if until is not None else cursor, more=full and going_on)


def _calls(body: JSON, name: str, kind: str) -> list[Pulled]:
    things = [thing for thing in listed(body, name) if text(thing.get("id")) and not _gone(thing)]
    return [pulled(kind, text(thing["id"]), _event(kind, thing)) for thing in things]


def _gone(thing: dict[str, Any]) -> bool:
    return thing.get("status") == "deleted" or thing.get("active") is False or bool(thing.get("deleted_at"))


def _event(kind: str, thing: dict[str, Any]) -> dict[str, Any]:
    return {"type": f"zen:event-type:{kind}.updated", "time": thing.get("updated_at"), "detail": thing}


def headers(secret: str) -> Mapping[str, str]:
    """`address/token:key` as Basic, anything else as the token of an OAuth client."""
    if "/token:" in secret:
        return {"Authorization": "Basic " + base64.b64encode(secret.encode()).decode()}
    return {"Authorization": f"Bearer {secret}"}


pullers.register(
    Puller(
        key="zendesk",
        address_help="https://your-name.zendesk.com",
        streams=(
            Stream("organizations", "Organizations", ask_organizations, organizations_page),
            _by_cursor("users", "user"),
            _by_cursor("tickets", "ticket"),
        ),
        headers=headers,
        secret_label="API token",
        steps=(
            "In Zendesk: Admin Center › Apps and integrations › APIs › API tokens. Paste it as "
            "you@example.com/token:KEY with the address of an admin."
        ),
    )
)
