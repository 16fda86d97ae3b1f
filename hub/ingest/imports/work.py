"""The worker's part of imports of the browser: read uploads, check, import, undo; in slices that end by themselves.

A run is claimed for a moment at a time and the claim renewed with every batch; a worker that dies is followed by
another when the claim has run out, from the last commit on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from hub.ingest.imports import drafts
from hub.ingest.imports.engine import (
    FIRST_LEASE,
    FileImport,
    OutOfTime,
    Taken,
    files_make,
)
from hub.ingest.imports.files import FileError
from hub.ingest.imports.finishing import run_settle
from hub.ingest.imports.mapping import Mapping
from hub.ingest.imports.preflight import ImportProblem, Source, mapping_check, sources_of, wanted
from hub.ingest.imports.storage import read_upload, tables_of
from hub.ingest.imports.undo import undo_next
from hub.ingest.models import ImportBatch, ImportChunk, ImportedFile, ImportRun, ImportUpload
from hub.people.audit import SYSTEM, audit
from hub.tenancy.context import tenant_context
from hub.tenancy.ids import uuid7
from hub.tenancy.live import announce
from hub.tenancy.models import Tenant

log = logging.getLogger(__name__)

QUEUE: Final = "imports"
# A slice ends well before the task's time limit; the rest is another slice's.
SLICE_SECONDS: Final = 45.0
CHECK_SECONDS: Final = 40.0
ATTEMPTS: Final = 3
# How long an import's files and its journal are kept; its history and its refused rows stay.
KEPT_FOR: Final = timedelta(days=90)
Status = ImportRun.Status
WORKING: Final = (Status.CHECKING, Status.RUNNING, Status.UNDOING)


def backlog() -> datetime | None:
    """When the next run may be claimed; now while an upload waits to be read."""
    if ImportUpload.objects.filter(status=ImportUpload.Status.STORED).exists():
        return timezone.now()
    if _ended_early().exists() or _outdated().exists() or _forgotten().exists():
        return timezone.now()
    waiting = ImportRun.objects.filter(origin=ImportRun.Origin.BROWSER, status__in=WORKING)
    times = list(waiting.values_list("claimed_until", flat=True))
    return min((at or timezone.now() for at in times), default=None)


def drain(tenant_id: UUID) -> datetime | None:
    """Do what is due for the tenant until the slice is over."""
    tenant = Tenant.objects.get(pk=tenant_id)
    deadline = time.monotonic() + SLICE_SECONDS
    while time.monotonic() < deadline:
        if _read_next(tenant) or _settle_next(tenant) or _forget_next(tenant) or _expire_next(tenant):
            continue
        run = _claim(tenant)
        if run is None:
            break
        _work(tenant, run, deadline)
    with tenant_context(tenant):
        return backlog()


# --- Uploads --------------------------------------------------------------------------------------------------------


def _read_next(tenant: Tenant) -> bool:
    """Read one upload that waits; when it was the run's last, suggest a mapping."""
    upload = _attempt(tenant)
    if upload is None:
        return False
    with TemporaryDirectory(prefix="tandem-import-") as folder, tenant_context(tenant):
        locked = ImportUpload.objects.select_for_update(skip_locked=True).filter(pk=upload.pk, status="stored").first()
        if locked is None:
            return False
        _read(locked, Path(folder))
        drafts.suggest_when_read(locked.run_id)
        announce("imports")
    return True


def _attempt(tenant: Tenant) -> ImportUpload | None:
    """The next upload, its attempts counted before anything can go wrong: a file that kills its reader is given up."""
    with tenant_context(tenant):
        waiting = ImportUpload.objects.select_for_update(skip_locked=True).filter(status=ImportUpload.Status.STORED)
        upload: ImportUpload | None = waiting.order_by("id").first()
        if upload is not None:
            upload.profile = {"attempts": int(upload.profile.get("attempts", 0)) + 1}
            upload.save(update_fields=["profile"])
        return upload


def _read(upload: ImportUpload, folder: Path) -> None:
    try:
        if upload.profile.get("attempts", 0) > ATTEMPTS:
            raise FileError(f"{upload.name}: it could not be read in time: split it")
        with transaction.atomic():
            read_upload(upload, folder)
        upload.status = ImportUpload.Status.READ
    except FileError as error:
        upload.status, upload.problem, upload.profile = ImportUpload.Status.REFUSED, str(error)[:2000], {}
    upload.save(update_fields=["status", "problem", "profile"])


# --- Runs -----------------------------------------------------------------------------------------------------------


def _ended_early() -> QuerySet[ImportRun, ImportRun]:
    """Runs that were cancelled or failed, of whose rows nobody has told yet."""
    found: QuerySet[ImportRun, ImportRun] = ImportRun.objects.filter(
        origin=ImportRun.Origin.BROWSER, status__in=(Status.CANCELLED, Status.FAILED), finished_at__isnull=True
    )
    return found


def _settle_next(tenant: Tenant) -> bool:
    with tenant_context(tenant):
        run = _ended_early().order_by("started_at").first()
    if run is None:
        return False
    run_settle(tenant, run)
    with tenant_context(tenant):
        _ended_early().filter(pk=run.pk).update(finished_at=timezone.now())
        announce("imports")
    return True


def _outdated() -> QuerySet[ImportRun, ImportRun]:
    """Runs so long ago that their files and their journal may go; with them goes the way back."""
    kept = Exists(ImportBatch.objects.filter(run=OuterRef("pk"))) | Exists(
        ImportChunk.objects.filter(upload__run=OuterRef("pk"))
    )
    old = ImportRun.objects.filter(finished_at__lt=timezone.now() - KEPT_FOR).exclude(status__in=WORKING)
    found: QuerySet[ImportRun, ImportRun] = old.filter(kept)
    return found


def _forget_next(tenant: Tenant) -> bool:
    with tenant_context(tenant):
        run = _outdated().order_by("finished_at").first()
        if run is None:
            return False
        ImportChunk.objects.filter(upload__run=run).delete()
        ImportBatch.objects.filter(run=run).delete()
        return True


def draft_kept_for() -> timedelta:
    """How long an import that nobody starts is kept (the setting `IMPORT_DRAFT_DAYS`)."""
    return timedelta(days=settings.IMPORT_DRAFT_DAYS)


def _forgotten() -> QuerySet[ImportRun, ImportRun]:
    """Imports that were set up so long ago that nobody will start them: nothing of theirs was ever written."""
    found: QuerySet[ImportRun, ImportRun] = ImportRun.objects.filter(
        status=Status.DRAFT, origin=ImportRun.Origin.BROWSER, started_at__lt=timezone.now() - draft_kept_for()
    )
    return found


def _expire_next(tenant: Tenant) -> bool:
    with tenant_context(tenant):
        # Whoever starts it at this moment holds it, and was faster.
        run = _forgotten().select_for_update(skip_locked=True, no_key=True).order_by("started_at").first()
        if run is None:
            return False
        audit(SYSTEM, "import.expire", run, files=run.uploads.count(), set_up=run.started_at.isoformat())
        run.delete()
        announce("imports")
        return True


def _claim(tenant: Tenant) -> ImportRun | None:
    """Take the oldest run that nobody works on, for as long as a lease."""
    now = timezone.now()
    with tenant_context(tenant):
        free = ImportRun.objects.select_for_update(skip_locked=True).filter(
            Q(claimed_until__isnull=True) | Q(claimed_until__lte=now),
            origin=ImportRun.Origin.BROWSER,
            status__in=WORKING,
        )
        run: ImportRun | None = free.order_by("started_at").first()
        if run is not None:
            run.claim, run.claimed_until = uuid7(), now + FIRST_LEASE
            run.save(update_fields=["claim", "claimed_until"])
        return run


def _work(tenant: Tenant, run: ImportRun, deadline: float) -> None:
    try:
        match run.status:
            case Status.CHECKING:
                _check(tenant, run)
            case Status.RUNNING:
                _import(tenant, run, deadline)
            case _:
                while undo_next(tenant, run):
                    if time.monotonic() > deadline:
                        raise OutOfTime
    except Taken:
        return
    except OutOfTime:
        _mine(tenant, run, claimed_until=timezone.now())
    except ImportProblem as problem:
        _mine(tenant, run, status=Status.FAILED, problem="\n".join(problem.problems)[:5000])
    except Exception as error:
        log.exception("import %s", run.pk)
        _mine(tenant, run, status=Status.FAILED, problem=f"{type(error).__name__}: {error}"[:2000])


def _mine(tenant: Tenant, run: ImportRun, **values: Any) -> None:
    """Write into the run if it is still ours."""
    with tenant_context(tenant):
        ImportRun.objects.filter(pk=run.pk, claim=run.claim).update(**values)
        announce("imports")


def _open(tenant: Tenant, run: ImportRun, folder: Path) -> tuple[Mapping, list[Source]]:
    mapping = mapping_check(run.tree, name=run.mapping or "mapping")
    with tenant_context(tenant):
        uploads = list(run.uploads.filter(status=ImportUpload.Status.READ, name__in=wanted(mapping)))
        tables = tables_of(uploads, folder)
    return mapping, sources_of(mapping, tables)


def _import(tenant: Tenant, run: ImportRun, deadline: float) -> None:
    with TemporaryDirectory(prefix="tandem-import-") as folder:
        mapping, sources = _open(tenant, run, Path(folder))
        with tenant_context(tenant):
            if not run.files.exists():
                files_make(run, sources)
            files = list(run.files.order_by("position"))
        for source, row in zip(sources, files, strict=True):
            if row.finished_at is None:
                file = FileImport(tenant, run, mapping, source, row.position, claim=run.claim, deadline=deadline)
                file.skip(row.read)
                file.run()
    _mine(tenant, run, status=Status.DONE, finished_at=timezone.now(), claimed_until=None)


def _check(tenant: Tenant, run: ImportRun) -> None:
    """Do everything for as long as there is time, take it back, and keep what was counted."""
    begun = time.monotonic()
    with TemporaryDirectory(prefix="tandem-import-") as folder:
        try:
            mapping, sources = _open(tenant, run, Path(folder))
        except ImportProblem as problem:
            _mine(tenant, run, status=Status.DRAFT, checked={"problems": problem.problems}, claimed_until=None)
            return
        counted = _pretend(tenant, run, mapping, sources, begun + CHECK_SECONDS)
    _mine(tenant, run, status=Status.DRAFT, checked={"files": counted}, claimed_until=None)


def _pretend(
    tenant: Tenant, run: ImportRun, mapping: Mapping, sources: Sequence[Source], deadline: float
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    with tenant_context(tenant):
        ImportedFile.objects.filter(run=run).delete()
        files_make(run, sources)
        for position, source in enumerate(sources):
            file = FileImport(tenant, run, mapping, source, position, claim=run.claim, pretend=True, deadline=deadline)
            with suppress(OutOfTime):
                while file.step():
                    pass
            found.append(
                {
                    "name": file.result.name,
                    "entity": file.result.entity,
                    "rows": source.survey.rows,
                    "read": file.result.read,
                    **file.result.counts,
                    "refused": [
                        {"line": row.line, "column": row.column, "value": row.value[:200], "message": row.message}
                        for row in file.result.quarantine[:20]
                    ],
                }
            )
        transaction.set_rollback(True)
    return found
