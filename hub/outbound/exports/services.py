"""Exports asked for, cancelled and taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from hub.outbound.models import Export, ExportChunk, ExportFormat, ExportStatus
from hub.outbound.models.export import UNFINISHED
from hub.people.audit import Actor, audit
from hub.people.models import User
from hub.registry.exports import Filters, export_lists
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.tenancy.wake import wake

EXPORTS: Final = "exports"
# More at once would only wait for one another.
MOST_AT_ONCE: Final = 20


@transaction.atomic
def export_start(*, list_key: str, format: str, filters: Filters, actor: Actor, user: User | None = None) -> Export:
    """Queue a file of a list. Raises ValidationError for what cannot be, or when too many wait."""
    if list_key not in export_lists:
        raise ValidationError({"list": f"there is no list {list_key!r}: one of {', '.join(_keys())}"})
    if format not in ExportFormat.values:
        raise ValidationError({"format": f"one of {', '.join(ExportFormat.values)}"})
    narrowed = export_lists.get(list_key).known(filters)
    if problem := export_lists.get(list_key).problem(narrowed):
        raise ValidationError({"filters": problem})
    if Export.objects.filter(status__in=UNFINISHED).count() >= MOST_AT_ONCE:
        raise ValidationError(f"{MOST_AT_ONCE} exports are being written; wait for one to finish or cancel it")
    export: Export = Export.objects.create(
        list_key=list_key,
        format=format,
        filters=narrowed,
        asked_by=user,
        asked_label=actor.label,
        due_at=timezone.now(),
    )
    audit(actor, "export.start", export, list=list_key, format=format, filters=export.filters)
    wake(EXPORTS)
    return export


def _keys() -> list[str]:
    return [item.key for item in export_lists]


@transaction.atomic
def export_cancel(*, export: Export, actor: Actor) -> bool:
    """Stop an unfinished export and drop what is written; False when it had ended."""
    cancelled = Export.objects.filter(pk=export.pk, status__in=UNFINISHED).update(
        status=ExportStatus.CANCELLED, due_at=None, finished_at=timezone.now()
    )
    if cancelled:
        ExportChunk.objects.filter(export=export).delete()
        audit(actor, "export.cancel", export)
    return bool(cancelled)


@transaction.atomic
def export_take(*, export: Export, actor: Actor) -> Iterator[bytes]:
    """The bytes of a finished file, piece by piece, with a line in the audit log."""
    audit(actor, "export.download", export, list=export.list_key, rows=export.rows)
    return _pieces(export.tenant, export.pk, export.pieces)


def _pieces(tenant: Tenant, export_id: UUID, count: int) -> Iterator[bytes]:
    # The request's transaction has ended when the web server reads on.
    for number in range(count):
        with tenant_context(tenant):
            body = ExportChunk.objects.values_list("body", flat=True).get(export_id=export_id, number=number)
        yield bytes(body)
