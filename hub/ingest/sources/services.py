"""Written beside the events, in their transaction: what came by which key, and what the events look like."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from psycopg.types.json import Jsonb

from hub.ingest.models import EventSchema
from hub.ingest.resolution import traits_of
from hub.ingest.segment import Call, Event
from hub.ingest.sources.schema import names_of, properties_of
from hub.tenancy.context import current_tenant_id, tenant_context
from hub.tenancy.ids import uuid7
from hub.tenancy.statements import Statement, send

# A product that puts ids into its event names would fill the register with them.
MOST_NAMES: Final = 2_000
# An event that goes on as it was is noted this often, in seconds of each process.
NOTED_EVERY: Final = 60.0
# Calls of one name whose types are looked into within so many seconds; a new property is seen in every call.
LOOKED_INTO: Final = 3
LOOKED_FOR: Final = 5.0
# Their traits may say who somebody is, so no example of them is kept.
DESCRIBING: Final = (Call.IDENTIFY, Call.GROUP)

ADD_VOLUME = """
INSERT INTO ingest_doorvolume AS v (tenant_id, id, credential_id, hour, process, requests, events, quarantined, last_at)
SELECT %(tenant)s, id, credential_id, %(hour)s, %(process)s, requests, events, quarantined, %(at)s
FROM unnest(%(id)s::uuid[], %(credential)s::uuid[], %(requests)s::bigint[], %(events)s::bigint[],
    %(quarantined)s::bigint[]) AS n (id, credential_id, requests, events, quarantined)
ON CONFLICT (tenant_id, hour, credential_id, process) DO UPDATE SET
    requests = v.requests + excluded.requests, events = v.events + excluded.events,
    quarantined = v.quarantined + excluded.quarantined, last_at = excluded.last_at
"""
NOTE = """
INSERT INTO ingest_eventschema AS s (tenant_id, id, kind, name, first_at, last_at, properties)
SELECT %(tenant)s, id, kind, name, %(at)s, %(at)s, properties
FROM unnest(%(id)s::uuid[], %(kind)s::text[], %(name)s::text[], %(properties)s::jsonb[])
    AS n (id, kind, name, properties)
ORDER BY kind, name
ON CONFLICT (tenant_id, kind, name) DO UPDATE SET
    last_at = excluded.last_at, properties = s.properties || excluded.properties
"""


@dataclass(frozen=True)
class Volume:
    """What came by one key in one commit."""

    requests: int
    events: int
    quarantined: int


def volume_add(volumes: Mapping[UUID, Mapping[UUID, Volume]], *, at: datetime) -> None:
    """Add to the hour's counts of tenants' credentials in the open transaction. One round trip."""
    send([Statement(ADD_VOLUME, _values(tenant_id, own, at), tenant_id) for tenant_id, own in volumes.items()])


def _values(tenant_id: UUID, volumes: Mapping[UUID, Volume], at: datetime) -> dict[str, Any]:
    entries = sorted(volumes.items())
    return {
        "tenant": tenant_id,
        "hour": at.replace(minute=0, second=0, microsecond=0),
        "process": _process(),
        "at": at,
        "id": [uuid7() for _ in entries],
        "credential": [pk for pk, _ in entries],
        "requests": [volume.requests for _, volume in entries],
        "events": [volume.events for _, volume in entries],
        "quarantined": [volume.quarantined for _, volume in entries],
    }


@cache
def _process() -> str:
    return f"{socket.gethostname()[:60]}:{os.getpid()}"


Name = tuple[str, str]
"""Kind and name of an event."""


class Noted:
    """What is noted of one kind of event, and how often it was looked into lately."""

    __slots__ = ("at", "looked", "names", "properties", "since")

    def __init__(self, at: float, properties: frozenset[str]) -> None:
        self.at, self.properties = at, properties
        self.names = frozenset(entry.rpartition(":")[0] for entry in properties)
        self.since, self.looked = at, 0

    def tells_all(self, values: Mapping[str, Any], now: float) -> bool:
        """Whether an event of these properties need not be looked into: no new name, and types were seen lately."""
        if self.at <= now - NOTED_EVERY or not values.keys() <= self.names:
            return False
        if self.since <= now - LOOKED_FOR:
            self.since, self.looked = now, 0
        self.looked += 1
        return self.looked > LOOKED_INTO

    def lacks(self, values: Mapping[str, Any], now: float) -> bool:
        """Whether an event of these properties is to be noted: for what is new of it, or because it goes on."""
        return self.at <= now - NOTED_EVERY or not self.properties.issuperset(names_of(values))


class Register:
    """What this process has noted of the events' shapes, so that the same again costs a look-up and no statement."""

    def __init__(self) -> None:
        self._noted: dict[UUID, dict[Name, Noted]] = {}
        self._full_until: dict[UUID, float] = {}

    def note(self, tenant_id: UUID, events: Iterable[Event], *, at: datetime) -> None:
        """Note a tenant's new events, new properties, and once a minute that an event goes on."""
        noted = self._noted.setdefault(tenant_id, {})
        if shapes := self._news(events, noted):
            with tenant_context(tenant_id):
                self._write(shapes, noted, at)

    def _write(self, shapes: dict[Name, dict[str, str]], noted: dict[Name, Noted], at: datetime) -> None:
        if unknown := [name for name in shapes if name not in noted]:
            kept = self._with_room(unknown)
            shapes = {name: shape for name, shape in shapes.items() if name in noted or name in kept}
        if not shapes:
            return
        _write(shapes, at)
        now = time.monotonic()
        news = {name: Noted(now, _properties(noted, name) | shape.keys()) for name, shape in shapes.items()}
        # What is rolled back is not noted.
        transaction.on_commit(lambda: noted.update(news))

    @staticmethod
    def _news(events: Iterable[Event], noted: Mapping[Name, Noted]) -> dict[Name, dict[str, str]]:
        now = time.monotonic()
        looked: dict[Name, int] = {}
        shapes: dict[Name, dict[str, str]] = {}
        for event in events:
            # The call is the text that is stored.
            name: Name = (event.call, event.name)
            if name in noted:
                if noted[name].tells_all(_described(event), now):
                    continue
            elif looked.get(name, 0) >= LOOKED_INTO:
                continue
            looked[name] = looked.get(name, 0) + 1
            if name not in noted or noted[name].lacks(_described(event), now):
                shapes.setdefault(name, {}).update(_shape(event))
        return shapes

    def _with_room(self, names: Sequence[Name]) -> set[Name]:
        """Those of the names that are stored already or may be; asks at most once a minute when there is no room."""
        tenant_id = current_tenant_id()
        if self._full_until.get(tenant_id, 0.0) > time.monotonic():
            return set()
        stored = set(EventSchema.objects.filter(name__in=[name for _, name in names]).values_list("kind", "name"))
        room = max(MOST_NAMES - EventSchema.objects.count(), 0)
        fresh = [name for name in names if name not in stored]
        if len(fresh) > room:
            self._full_until[tenant_id] = time.monotonic() + NOTED_EVERY
        return (stored & set(names)) | set(fresh[:room])


def _properties(noted: Mapping[Name, Noted], name: Name) -> frozenset[str]:
    return noted[name].properties if name in noted else frozenset()


def _described(event: Event) -> Mapping[str, Any]:
    return traits_of(event) if event.call in DESCRIBING else event.properties


def _shape(event: Event) -> dict[str, str]:
    return properties_of(_described(event), examples=event.call not in DESCRIBING)


def _write(shapes: Mapping[Name, Mapping[str, str]], at: datetime) -> None:
    entries = sorted(shapes.items())
    values: dict[str, Any] = {
        "tenant": current_tenant_id(),
        "at": at,
        "id": [uuid7() for _ in entries],
        "kind": [kind for (kind, _), _ in entries],
        "name": [name for (_, name), _ in entries],
        "properties": [Jsonb(dict(shape)) for _, shape in entries],
    }
    with connection.cursor() as cursor:
        cursor.execute(NOTE, values)
