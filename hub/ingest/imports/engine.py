"""Runs a mapping over files: check everything first, then file by file in batches, each batch one transaction.

The row of the file (`ImportedFile.read`) moves in the transaction that writes its rows: whoever goes on after a crash
begins where the last commit ended, and nothing is lost or written twice.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as midnight
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import DataError, IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from hub.accounts.services import states_lock
from hub.ingest.imports.convert import Converter, Repeats
from hub.ingest.imports.entities import Batch, Entity, Record, load
from hub.ingest.imports.files import SourceRow, rows_of
from hub.ingest.imports.finishing import file_finish, run_settle
from hub.ingest.imports.journal import Journal
from hub.ingest.imports.mapping import Mapping
from hub.ingest.imports.preflight import Source, sources_of, tables_in
from hub.ingest.imports.references import References
from hub.ingest.imports.statistics import statistics_refresh
from hub.ingest.models import ImportBatch, ImportedFile, ImportRun, QuarantinedRow
from hub.people.audit import Actor, audit
from hub.registry.handlers import history_loaded
from hub.tenancy.context import tenant_context
from hub.tenancy.live import announce
from hub.tenancy.models import Tenant

BATCH_ROWS = 10_000
# For how long a worker may be silent before another goes on with its run: between batches, and before the first.
LEASE = timedelta(seconds=20)
FIRST_LEASE = timedelta(seconds=75)
OUTCOMES = ("created", "updated", "unchanged", "repeated", "left_out", "quarantined")
# How many refused rows are kept in memory for who asked; all of them are in the database.
SHOWN = 1000


class OutOfTime(Exception):
    """The slice is over; what is committed stays, the rest is another slice's."""


class Taken(Exception):
    """The run is no longer ours: cancelled, or another worker goes on with it."""


@dataclass
class FileResult:
    """What became of a file's rows; the first of those refused are kept here too, for a dry run stores nothing."""

    name: str
    entity: str
    read: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    quarantine: list[QuarantinedRow] = field(default_factory=list)


@dataclass
class ImportResult:
    run: ImportRun
    files: list[FileResult]

    @property
    def read(self) -> int:
        return sum(item.read for item in self.files)


# --- A whole folder, by a command -----------------------------------------------------------------------------------


def import_folder(
    *,
    tenant: Tenant,
    mapping: Mapping,
    mapping_name: str,
    folder: Path,
    actor: Actor,
    dry_run: bool = False,
    historical: bool = False,
    as_of: date | None = None,
) -> ImportResult:
    """Import a folder into `tenant`. Nothing is written before every file and column is there.

    A batch is written whole or not at all; rows that cannot be taken are quarantined with file, line, column, value and
    reason. `historical` rows trigger nothing. A dry run does all of it and takes it back.
    """
    sources = sources_of(mapping, tables_in(mapping, folder))
    with ExitStack() as stack:
        if dry_run:
            stack.enter_context(tenant_context(tenant))
        with tenant_context(tenant):
            run = ImportRun.objects.create(
                source=mapping.source,
                mapping=mapping_name[:200],
                historical=historical,
                as_of=as_of,
                started_by=actor.label,
            )
            files_make(run, sources)
            audit(actor, "import.start", run, mapping=mapping_name, historical=historical)
        try:
            each = [FileImport(tenant, run, mapping, source, n, pretend=dry_run) for n, source in enumerate(sources)]
            files = [file.run() for file in each]
        except Exception as error:
            if not dry_run:
                run_settle(tenant, run)
            with tenant_context(tenant):
                ImportRun.objects.filter(pk=run.pk).update(
                    status=ImportRun.Status.FAILED, finished_at=timezone.now(), problem=str(error)[:2000]
                )
            raise
        with tenant_context(tenant):
            ImportRun.objects.filter(pk=run.pk).update(status=ImportRun.Status.DONE, finished_at=timezone.now())
        if dry_run:
            transaction.set_rollback(True)
    return ImportResult(run, files)


def files_make(run: ImportRun, sources: Sequence[Source]) -> None:
    """The rows in which the progress of a run's files is kept."""
    ImportedFile.objects.bulk_create(
        [
            ImportedFile(run=run, name=source.item.file, position=n, entity=source.item.entity, rows=source.survey.rows)
            for n, source in enumerate(sources)
        ]
    )


def _told_at(run: ImportRun, zone: ZoneInfo) -> datetime | None:
    """When the files were true: at the end of the day that they describe, and not later than they came."""
    if run.as_of is None:
        return None
    return min(datetime.combine(run.as_of + timedelta(days=1), midnight(), zone), run.started_at)


# --- One file -------------------------------------------------------------------------------------------------------


class FileImport:
    """The import of one file: its rows in order, from where it stands.

    `claim` is the worker's, None for a command; past `deadline` (monotonic) it raises OutOfTime between two batches.
    With `pretend` nothing is locked or told, because a dry run takes it all back. `result.read` counts rows, the ones
    dealt with earlier included.
    """

    def __init__(
        self,
        tenant: Tenant,
        run: ImportRun,
        mapping: Mapping,
        source: Source,
        position: int,
        *,
        claim: UUID | None = None,
        deadline: float | None = None,
        pretend: bool = False,
    ) -> None:
        self.tenant = tenant
        self.run_row = run
        self.item = source.item
        self.position = position
        self.table = source.table
        self.claim = claim
        self.deadline = deadline
        self.pretend = pretend
        self.entity: Entity = load().get(source.item.entity)
        self.references = References(self.item, self.entity, mapping.source)
        self.source_name = mapping.source
        zone = ZoneInfo(mapping.timezone) if mapping.timezone else tenant.zone
        self.as_of = _told_at(run, zone)
        self.converter = Converter(
            self.item,
            self.entity,
            currency=mapping.currency or tenant.currency,
            zone=zone,
            repeats=Repeats(source.survey.twice),
            pairs=source.pairs,
        )
        self.rows = rows_of(self.table)
        self.result = FileResult(self.item.file, self.item.entity)

    def run(self) -> FileResult:
        while self.step():
            pass
        self.finish()
        return self.result

    def skip(self, rows: int) -> None:
        """Pass over rows that were dealt with before; ids that come more than once are remembered."""
        while rows and (chunk := list(islice(self.rows, min(rows, BATCH_ROWS)))):
            self.converter.remember(chunk)
            self.result.read += len(chunk)
            rows -= len(chunk)

    def step(self) -> bool:
        """Write the next batch; False when there is none. Raises Taken when somebody else has the run."""
        chunk = list(islice(self.rows, BATCH_ROWS))
        if not chunk:
            return False
        with tenant_context(self.tenant):
            self._fence()
            self._batch(chunk)
        if not self.pretend:
            with tenant_context(self.tenant):
                statistics_refresh(self.entity)
        return True

    def finish(self) -> None:
        """What follows for whole accounts once all rows are there; may be interrupted and gone on with."""
        with tenant_context(self.tenant):
            file = self._file().get()
        if not self.pretend:
            file_finish(self.tenant, self.run_row, file, fence=self._fence)
        with tenant_context(self.tenant):
            self._fence()
            self._file().update(finished_at=timezone.now())

    def _fence(self) -> None:
        """Hold the run until the transaction ends; raise Taken unless it is ours and stands where we think."""
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise OutOfTime
        if self.pretend:
            self._check_wanted()
            return
        run = ImportRun.objects.select_for_update().get(pk=self.run_row.pk)
        if run.status != ImportRun.Status.RUNNING or run.claim != self.claim:
            raise Taken
        if self._file().values_list("read", flat=True).get() != self.result.read:
            raise Taken
        if self.claim is not None:
            ImportRun.objects.filter(pk=run.pk).update(claimed_until=timezone.now() + LEASE)
            announce("imports")

    def _check_wanted(self) -> None:
        """A dry run that somebody has stopped ends with the batch."""
        if self.claim is not None and not ImportRun.objects.filter(pk=self.run_row.pk, claim=self.claim).exists():
            raise Taken

    def _file(self) -> Any:
        return ImportedFile.objects.filter(run=self.run_row, position=self.position)

    def _batch(self, chunk: Sequence[SourceRow]) -> None:
        records = list(self.converter.records(chunk))
        live = [record for record in records if not record.outcome]
        self.references.resolve(live)
        live = [record for record in live if not record.outcome]
        if not self.pretend:
            states_lock({record.account_id for record in live if record.account_id})
        touched, journal = self._write(live)
        self._count(records, len(chunk))
        if not self.pretend:
            self._keep(journal, touched)
            if touched and self.run_row.historical:
                # Now, for an evaluation may see these rows before the file is through.
                history_loaded(self.tenant.id, sorted(touched))

    def _write(self, records: Sequence[Record]) -> tuple[set[UUID], Journal]:
        """Write records; when the database refuses them, find the rows that it refuses and quarantine those alone."""
        batch = Batch(
            self.source_name,
            self.run_row.historical,
            self.tenant.currency,
            records,
            as_of=self.as_of,
            pretend=self.pretend,
        )
        values = [dict(record.values) for record in records]
        try:
            with transaction.atomic():
                self.entity.write(batch)
            return batch.touched, batch.journal
        except (DataError, IntegrityError) as error:
            for record, before in zip(records, values, strict=True):
                record.outcome, record.problem, record.values = "", None, before
            if len(records) == 1:
                records[0].refuse("not_storable", str(error).splitlines()[0][:500])
                return set(), Journal()
        half = len(records) // 2
        touched, journal = self._write(records[:half])
        more, other = self._write(records[half:])
        journal.take(other)
        return touched | more, journal

    # --- Counting, and keeping what was refused and what was written ------------------------------------------------

    def _count(self, records: Sequence[Record], read: int) -> None:
        counts = dict.fromkeys(OUTCOMES, 0)
        for record in records:
            counts[record.outcome] += 1
        refused = [self._quarantined(record) for record in records if record.problem is not None]
        QuarantinedRow.objects.bulk_create(refused, batch_size=1000)
        self._file().update(read=F("read") + read, **{name: F(name) + n for name, n in counts.items() if n})
        self.result.read += read
        for name, n in counts.items():
            self.result.counts[name] += n
        self.result.quarantine += refused[: SHOWN - len(self.result.quarantine)]

    def _quarantined(self, record: Record) -> QuarantinedRow:
        assert record.problem is not None
        column, value, reason, message = record.problem
        return QuarantinedRow(
            run=self.run_row,
            file=self.item.file,
            line=record.line,
            column=column,
            value=value[:2000],
            reason=reason,
            message=message,
            row=record.raw,
        )

    def _keep(self, journal: Journal, touched: set[UUID]) -> None:
        ImportBatch.objects.bulk_create(
            [
                ImportBatch(
                    run=self.run_row,
                    position=self.position,
                    number=self.result.read,
                    table=table,
                    created=[pk for pk, _ in written.created],
                    marks=b"".join(mark for _, mark in written.created),
                    changed=[{"id": str(pk), "before": old, "after": new} for pk, old, new in written.changed],
                    accounts=[] if n else sorted(touched),
                )
                for n, (table, written) in enumerate(journal.tables.items())
            ]
        )
