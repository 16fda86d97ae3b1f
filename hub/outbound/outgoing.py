"""What outbound tells other systems of itself."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from hub.outbound.models import Export
from hub.outbound.webhooks.services import TEST
from hub.registry.handlers import export_finished
from hub.registry.outgoing import Happening, OutgoingKind, outgoing_kinds, tell

FINISHED = "export.finished"


def register() -> None:
    data = ("id", "list", "format", "rows", "size", "expires_at")
    outgoing_kinds.register(
        OutgoingKind(FINISHED, "A file is ready: fetch it from /api/v1/exports/{id}/file.", data, 90)
    )
    outgoing_kinds.register(OutgoingKind(TEST, "Somebody pressed “Send a test”.", ("message", "endpoint_id"), 999))
    export_finished.connect("outgoing", _finished)


def _finished(tenant_id: UUID, ids: Sequence[UUID]) -> None:
    tell(FINISHED, lambda: [_happening(export) for export in Export.objects.filter(pk__in=ids)])


def _happening(export: Export) -> Happening:
    assert export.finished_at is not None
    data = {
        "id": str(export.pk),
        "list": export.list_key,
        "format": export.format,
        "rows": export.rows,
        "size": export.size,
        "expires_at": export.expires_at and export.expires_at.isoformat(),
    }
    return Happening(str(export.pk), data, export.finished_at)
