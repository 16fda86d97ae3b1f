"""The worker's part when something that others show by name is called otherwise: they are written anew, one by one."""

from __future__ import annotations

import logging
from typing import Final
from uuid import UUID

from django.db import transaction

from hub.ingest.connectors.applying import things_project
from hub.ingest.connectors.base import connectors
from hub.ingest.connectors.keeping import source_lock
from hub.ingest.models import SourceObject, SourceReference
from hub.tenancy.context import tenant_context

log = logging.getLogger(__name__)

AT_ONCE: Final = 200


def waits() -> bool:
    """Whether anything has yet to be written with another name."""
    return bool(SourceReference.objects.filter(due=True).exists())


def follow(tenant_id: UUID) -> None:
    """Write some of what shows a name that has changed, one a transaction."""
    for _ in range(AT_ONCE):
        with tenant_context(tenant_id):
            reference = SourceReference.objects.select_related("thing").filter(due=True).order_by("pk").first()
            if reference is None:
                return
            _written_anew(reference.thing)


def _written_anew(thing: SourceObject) -> None:
    source_lock(thing.source)
    # Before it is written: a name that changes while it is makes it due again.
    SourceReference.objects.filter(thing=thing, due=True).update(due=False)
    try:
        with transaction.atomic():
            things_project(connectors.get(thing.connector), thing.source, [SourceObject.objects.get(pk=thing.pk)])
    except ValueError as error:
        log.warning("%s of %s cannot be written with its new name: %s", thing.external_id, thing.source, error)
