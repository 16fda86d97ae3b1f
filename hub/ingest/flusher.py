"""Group commit of the event doors: many requests, one transaction, and no answer before it is durable.

One thread per web process, with its own connection (past a pooler), writes whatever has come in since the last flush
began, for all tenants in a handful of round trips. What fails for one tenant fails only its own requests.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from uuid import UUID

from django.db import OperationalError, connection, connections, transaction
from psycopg.errors import DeadlockDetected

from hub.ingest.segment import Normalised
from hub.ingest.services import Incoming, events_record
from hub.ingest.sources.services import Register, Volume, volume_add
from hub.people.models import Credential
from hub.people.selectors import credentials_live
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.remembered import RememberedIdentities
from hub.usage.store import events_store

log = logging.getLogger(__name__)

# A group may exceed it by one request.
GROUP = 5_000
# Beyond this the doors answer 429: about two seconds of work.
LIMIT = 40_000


class Overloaded(Exception):
    """More events wait for a flush than the process should hold."""


class Revoked(Exception):
    """The key of a request was taken away since it was looked up."""


@dataclass(slots=True)
class Parcel:
    """The calls of one request, and the future that tells when they are committed."""

    credential: Credential
    calls: Normalised
    received_at: datetime
    done: Future[None] = field(default_factory=Future)

    @property
    def tenant(self) -> Tenant:
        return self.credential.tenant

    @property
    def size(self) -> int:
        return len(self.calls.events) + len(self.calls.rejections)


class Flusher:
    """The queue and the thread that empties it."""

    def __init__(self) -> None:
        self._waiting: deque[Parcel] = deque()
        self._size = 0
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None

    def submit(self, parcel: Parcel) -> Future[None]:
        """Queue a request's calls; the future ends when they are committed. Raises Overloaded."""
        with self._wake:
            if self._size + parcel.size > LIMIT and self._waiting:
                raise Overloaded
            self._waiting.append(parcel)
            self._size += parcel.size
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="event-flusher", daemon=True)
                self._thread.start()
            self._wake.notify()
        return parcel.done

    def _run(self) -> None:
        # The ORM in this thread speaks through a connection past any pooler, held for good.
        own = connections.create_connection("direct")
        own.alias = "default"
        connections["default"] = own
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._waiting)
                group = self._take()
            try:
                _flush(group)
            except Exception as error:  # whatever it is, nothing of it is committed: every request must hear so
                _identities.forget()
                _fail(group, error)
                connections["default"].close()

    def _take(self) -> list[Parcel]:
        group: list[Parcel] = []
        size = 0
        while self._waiting and size < GROUP:
            group.append(self._waiting.popleft())
            size += group[-1].size
        self._size -= size
        return group


def _flush(group: Sequence[Parcel]) -> None:
    """Write and commit a group; its futures end with it.

    All tenants at once; when anything fails, one after the other, so that it fails for its own tenant only.
    """
    # Making a partition locks the table for everybody: before, and not while rows are held.
    events_store().prepare(event.day for parcel in group for event in parcel.calls.events)
    try:
        _commit(group, _written)
    except Exception:
        log.warning("a group of calls is written again, tenant by tenant", exc_info=True)
        # The connection may be lost, and the next one lead to another server, where transactions count differently.
        _identities.forget()
        connections["default"].close_if_unusable_or_obsolete()
        _commit([parcel for parcel in group if not parcel.done.done()], _written_apart)


def _commit(group: Sequence[Parcel], write: Callable[[Sequence[Parcel]], Sequence[Parcel]]) -> None:
    with transaction.atomic():
        written: list[Parcel] = []
        # First of the things that happen on commit: no client waits for the wake-ups of workers.
        transaction.on_commit(lambda: _succeed(written))
        if live := _admitted(group):
            written += write(live)


def _admitted(group: Sequence[Parcel]) -> list[Parcel]:
    """The requests whose key is live in this transaction; the others hear that it is not."""
    live = credentials_live({parcel.credential.pk for parcel in group})
    _fail([parcel for parcel in group if parcel.credential.pk not in live], Revoked())
    return [parcel for parcel in group if parcel.credential.pk in live]


def _written(parcels: Sequence[Parcel]) -> Sequence[Parcel]:
    """Write requests of any tenants, in the order of the tenants: two writers meet them in the same order."""
    received_at = max(parcel.received_at for parcel in parcels)
    by_tenant = {tenant_id: list(own) for tenant_id, own in groupby(sorted(parcels, key=_tenant_id), key=_tenant_id)}
    incoming = {tenant_id: _incoming(own) for tenant_id, own in by_tenant.items()}
    events_record(incoming, received_at=received_at, remembered=_identities)
    for tenant_id, own in incoming.items():
        _register.note(tenant_id, own.events, at=received_at)
    volume_add({tenant_id: _volumes(own) for tenant_id, own in by_tenant.items()}, at=received_at)
    return parcels


def _written_apart(parcels: Sequence[Parcel]) -> list[Parcel]:
    """Write each tenant's requests in a savepoint; returns those that are written, the others hear of the failure."""
    by_tenant = groupby(sorted(parcels, key=_tenant_id), key=_tenant_id)
    return [parcel for _, own in by_tenant for parcel in _of_tenant(list(own))]


def _of_tenant(parcels: Sequence[Parcel], *, again: bool = True) -> Sequence[Parcel]:
    try:
        with tenant_context(parcels[0].tenant):
            _written(parcels)
            # Now, in the savepoint: at the commit a broken reference of one tenant would fail all of them.
            connection.check_constraints()
    except OperationalError as error:
        if again and isinstance(error.__cause__, DeadlockDetected):
            return _of_tenant(parcels, again=False)
        raise
    except Exception as error:  # of this tenant's rows only; the savepoint is rolled back
        _fail(parcels, error)
        return []
    return parcels


def _tenant_id(parcel: Parcel) -> UUID:
    return parcel.tenant.pk


def _incoming(parcels: Sequence[Parcel]) -> Incoming:
    return Incoming(
        events=[event for parcel in parcels for event in parcel.calls.events],
        rejections=[rejection for parcel in parcels for rejection in parcel.calls.rejections],
    )


def _volumes(parcels: Sequence[Parcel]) -> dict[UUID, Volume]:
    by_key: dict[UUID, list[Parcel]] = defaultdict(list)
    for parcel in parcels:
        by_key[parcel.credential.pk].append(parcel)
    return {
        pk: Volume(len(own), sum(len(p.calls.events) for p in own), sum(len(p.calls.rejections) for p in own))
        for pk, own in by_key.items()
    }


def _succeed(parcels: Sequence[Parcel]) -> None:
    for parcel in parcels:
        parcel.done.set_result(None)


def _fail(parcels: Sequence[Parcel], error: Exception) -> None:
    for parcel in parcels:
        if not parcel.done.done():
            parcel.done.set_exception(error)


_register = Register()
_identities = RememberedIdentities()
_flushers: dict[int, Flusher] = {}
_making = threading.Lock()


def flusher() -> Flusher:
    """The flusher of this process (a fork gets one of its own)."""
    with _making:
        return _flushers.setdefault(os.getpid(), Flusher())
