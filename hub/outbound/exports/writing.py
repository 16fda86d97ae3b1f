"""The worker's part of an export: a piece per transaction, so that a crash costs a piece and memory holds one.

Claim (SKIP LOCKED, fence, lease) · read rows from the cursor on, encode, store the piece and the new place, in one
transaction that only the latest claim can commit · go on until the list ends, somebody cancels or the slice is over.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Min
from django.utils import timezone

from hub.outbound.exports import comma, sheet
from hub.outbound.exports.cells import Plain, plain
from hub.outbound.models import Export, ExportChunk, ExportFormat, ExportStatus
from hub.outbound.models.export import UNFINISHED
from hub.registry.base import NotRegistered
from hub.registry.exports import ExportList, export_lists
from hub.registry.handlers import export_finished
from hub.tenancy.context import current_tenant_id, tenant_context
from hub.tenancy.models import Tenant

log = logging.getLogger(__name__)

PIECE: Final = 2_000
LEASE: Final = timedelta(seconds=60)
SLICE_SECONDS: Final = 20.0
MAX_ATTEMPTS: Final = 5
BACK_OFF: Final = timedelta(seconds=30)
KEPT: Final = timedelta(days=7)
TOO_LONG: Final = f"more than {sheet.MAX_ROWS - 1:,} rows do not fit into one sheet: take CSV, or narrow the list"


class _Lost(Exception):
    """Another worker has the export by now, or somebody has cancelled it."""


def backlog() -> datetime | None:
    """When the earliest export is due, for writing or for expiring; None when there is none."""
    earliest: datetime | None = Export.objects.filter(due_at__isnull=False).aggregate(at=Min("due_at"))["at"]
    return earliest


def drain(tenant_id: UUID) -> datetime | None:
    """Write what is due until the slice is over; returns when more will be."""
    tenant = Tenant.objects.get(pk=tenant_id)
    end = time.monotonic() + SLICE_SECONDS
    while time.monotonic() < end and (export := _claim(tenant)):
        _write(tenant, export, end)
    with tenant_context(tenant):
        return backlog()


def _claim(tenant: Tenant) -> Export | None:
    now = timezone.now()
    with tenant_context(tenant):
        due = Export.objects.select_for_update(skip_locked=True).filter(due_at__lte=now).order_by("due_at", "id")
        export: Export | None = due.first()
        if export is None:
            return None
        if export.status not in UNFINISHED:
            _expire(export)
            return export
        export.fence += 1
        export.attempts += 1
        _mine(export, was=export.fence - 1).update(
            status=ExportStatus.RUNNING, fence=export.fence, attempts=export.attempts, due_at=now + LEASE
        )
        return export


def _expire(export: Export) -> None:
    ExportChunk.objects.filter(export=export).delete()
    Export.objects.filter(pk=export.pk).update(status=ExportStatus.EXPIRED, due_at=None)


def _write(tenant: Tenant, export: Export, end: float) -> None:
    if export.status not in UNFINISHED:
        return
    try:
        if export.attempts > MAX_ATTEMPTS:
            raise RuntimeError("it failed again and again without a word")
        while time.monotonic() < end:
            with tenant_context(tenant):
                if _step(tenant, export):
                    return
        with tenant_context(tenant):
            _save(export, due_at=timezone.now())
    except _Lost:
        return
    except Exception as error:
        log.exception("%s: export %s failed", tenant.slug, export.pk)
        with tenant_context(tenant):
            _failed(export, error)


def _step(tenant: Tenant, export: Export) -> bool:
    """One piece; True when it was the last one. Whoever else would write or cancel waits until it is stored."""
    if _mine(export).select_for_update().first() is None:
        raise _Lost
    listed = export_lists.get(export.list_key)
    if export.pieces == 0:
        export.total = listed.count(export.filters)
        if export.format == ExportFormat.XLSX and export.total >= sheet.MAX_ROWS:
            _end(export, ExportStatus.FAILED, TOO_LONG)
            return True
        _store(export, _head(export, listed))
    page = listed.page(export.filters, export.cursor, PIECE)
    values = [[plain(cell, tenant.zone) for cell in row] for row in page.rows]
    if values:
        _store(export, _rows(export, values))
    export.rows += len(values)
    export.cursor = page.next_cursor or ""
    if page.next_cursor is None:
        _store(export, _tail(export))
        _end(export, ExportStatus.DONE)
        return True
    _save(export, due_at=timezone.now() + LEASE)
    return False


def _head(export: Export, listed: ExportList) -> bytes:
    if export.format == ExportFormat.CSV:
        return comma.head(listed.titles(export.filters))
    return _kept(export, sheet.begin(listed.titles(export.filters)))


def _rows(export: Export, values: Sequence[Sequence[Plain]]) -> bytes:
    if export.format == ExportFormat.CSV:
        return comma.lines(values)
    return _kept(export, sheet.rows(values, sheet.Progress(**export.sheet)))


def _tail(export: Export) -> bytes:
    return b"" if export.format == ExportFormat.CSV else _kept(export, sheet.end(sheet.Progress(**export.sheet)))


def _kept(export: Export, written: tuple[bytes, sheet.Progress]) -> bytes:
    piece, progress = written
    export.sheet = asdict(progress)
    return piece


def _store(export: Export, body: bytes) -> None:
    if not body:
        return
    ExportChunk.objects.create(export=export, number=export.pieces, body=body)
    export.pieces += 1
    export.size += len(body)


def _end(export: Export, status: ExportStatus, reason: str = "") -> None:
    now = timezone.now()
    expires = now + KEPT if status == ExportStatus.DONE else None
    _save(export, status=status, reason=reason, finished_at=now, expires_at=expires, due_at=expires)
    if status == ExportStatus.DONE:
        export_finished(current_tenant_id(), [export.pk])


def _failed(export: Export, error: Exception) -> None:
    """Try again later from the last piece that was stored; after some tries say why not."""
    reason = f"{type(error).__name__}: {error}"[:300]
    if isinstance(error, NotRegistered) or export.attempts >= MAX_ATTEMPTS:
        changes = {"status": ExportStatus.FAILED, "reason": reason, "due_at": None, "finished_at": timezone.now()}
    else:
        changes = {"reason": reason, "due_at": timezone.now() + BACK_OFF}
    if _mine(export).update(**changes) and changes.get("status"):
        ExportChunk.objects.filter(export=export).delete()


def _save(export: Export, **changes: Any) -> None:
    """Write the new place down, if the export is still this claim's; a step forward makes the attempts start anew."""
    told = {name: getattr(export, name) for name in ("total", "rows", "size", "pieces", "cursor", "sheet")}
    if not _mine(export).update(attempts=0, **told | changes):
        raise _Lost
    export.attempts = 0


def _mine(export: Export, *, was: int | None = None) -> Any:
    return Export.objects.filter(pk=export.pk, fence=export.fence if was is None else was, status__in=UNFINISHED)
