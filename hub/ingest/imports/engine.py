"""Runs a mapping over files: check everything first, then file by file in batches, each batch one transaction.

The row of the file (`ImportedFile.read`) moves in the transaction that writes its rows: whoever goes on after a crash
begins where the last commit ended, and nothing is lost or written twice.
"""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import DataError, IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from hub.accounts.services import facts_touch, states_lock
from hub.ingest.imports.convert import Converter, Repeats
from hub.ingest.imports.entities import Batch, Entity, Record, load
from hub.ingest.imports.files import FileError, SourceRow, Survey, Table, rows_of, survey, table_of
from hub.ingest.imports.finishing import months_finish
from hub.ingest.imports.journal import Journal
from hub.ingest.imports.mapping import FileMapping, Mapping, MappingError, mapping_of, read_mapping
from hub.ingest.imports.references import References
from hub.ingest.models import ImportBatch, ImportedFile, ImportRun, QuarantinedRow
from hub.people.audit import Actor, audit
from hub.registry.handlers import history_loaded
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant

BATCH_ROWS = 5000
OUTCOMES = ("created", "updated", "unchanged", "repeated", "left_out", "quarantined")
# How many refused rows are kept in memory for who asked; all of them are in the database.
SHOWN = 1000


class ImportProblem(ValueError):
    """An import that cannot start: every problem, each naming file and key or column."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


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


# --- Before anything is written -------------------------------------------------------------------------------------


def mapping_load(path: Path) -> Mapping:
    """Read and check a mapping file; raises ImportProblem with every problem."""
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ImportProblem([f"{path.name}: cannot be read: {error}"]) from None
    return mapping_read(content, name=path.name)


def mapping_read(content: str, *, name: str) -> Mapping:
    """Check the text of a mapping; raises ImportProblem with every problem."""
    try:
        return read_mapping(content, name=name, **_known())
    except MappingError as error:
        raise ImportProblem(error.problems) from None


def mapping_check(tree: AbstractMapping[str, Any], *, name: str = "mapping") -> Mapping:
    """Check a mapping that is a tree already; raises ImportProblem with every problem."""
    try:
        return mapping_of(tree, name=name, **_known())
    except MappingError as error:
        raise ImportProblem(error.problems) from None


def _known() -> dict[str, Any]:
    entities = load()
    return {
        "entities": {entity.key: entity.fields for entity in entities},
        "need_account": frozenset(entity.key for entity in entities if entity.needs_account),
    }


@dataclass(frozen=True)
class Source:
    """A file that was looked through and has every column that its mapping names."""

    item: FileMapping
    table: Table
    survey: Survey


def sources_of(mapping: Mapping, tables: AbstractMapping[str, Table | FileError]) -> list[Source]:
    """Look through the files of a mapping, by name; raises ImportProblem with all that is missing or broken."""
    found: list[Source] = []
    problems: list[str] = []
    for item in mapping.files:
        table = tables.get(item.file)
        if table is None:
            there = ", ".join(sorted(tables)[:10])
            problems.append(f"{item.file}: not found (there: {there or 'no file'})")
        elif isinstance(table, FileError):
            problems.append(str(table))
        elif missing := sorted(item.columns() - set(table.names)):
            names = ", ".join(table.names)
            problems += [f"{item.file}: line 1: column {name!r} is missing (there: {names})" for name in missing]
        else:
            looked = survey(table, item.external_id)
            if looked.open_quote:
                line = looked.open_quote
                problems.append(
                    f"{item.file}: line {line}: a quote is opened and never closed, or a cell is longer than 1,000,000"
                )
            found.append(Source(item, table, looked))
    if problems:
        raise ImportProblem(problems)
    return found


def tables_in(mapping: Mapping, folder: Path) -> dict[str, Table | FileError]:
    """The CSV files of a folder by name, those of the mapping opened; raises ImportProblem for names with folders."""
    if outside := [item.file for item in mapping.files if Path(item.file).name != item.file]:
        raise ImportProblem([f"{name}: a file's name, without folders, is expected" for name in outside])
    if not folder.is_dir():
        raise ImportProblem([f"{folder}: no such folder"])
    wanted = {item.file for item in mapping.files}
    tables: dict[str, Table | FileError] = {}
    for path in sorted({*folder.glob("*.csv"), *(folder / name for name in wanted)}):
        if path.is_file():
            try:
                tables[path.name] = table_of(path)
            except FileError as error:
                tables[path.name] = error
    return tables


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
            files = [FileImport(tenant, run, mapping, source, n).run() for n, source in enumerate(sources)]
        except Exception as error:
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


# --- One file -------------------------------------------------------------------------------------------------------


class FileImport:
    """The import of one file: its rows in order, from where it stands.

    `claim` is the worker's, None for a command. With `pretend` nothing is locked or told, because a dry run takes it
    all back. `read` counts rows, the ones dealt with earlier included.
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
        pretend: bool = False,
    ) -> None:
        self.tenant = tenant
        self.run_row = run
        self.item = source.item
        self.position = position
        self.table = source.table
        self.claim = claim
        self.pretend = pretend
        self.entity: Entity = load().get(source.item.entity)
        self.references = References(self.item, self.entity, mapping.source)
        self.source_name = mapping.source
        zone = ZoneInfo(mapping.timezone) if mapping.timezone else tenant.zone
        self.converter = Converter(
            self.item,
            self.entity,
            currency=mapping.currency or tenant.currency,
            zone=zone,
            repeats=Repeats(source.survey.twice),
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
        return True

    def finish(self) -> None:
        """What follows for whole accounts once all rows are there; may be interrupted and gone on with."""
        months_finish(self.tenant, self.run_row, self.position, self.entity, fence=self._fence, touch=self._touch)
        with tenant_context(self.tenant):
            self._fence()
            self._file().update(finished_at=timezone.now())

    def _fence(self) -> None:
        """Hold the run until the transaction ends; raise Taken unless it is ours and stands where we think."""
        run = ImportRun.objects.select_for_update().get(pk=self.run_row.pk)
        if not self.pretend and (run.status != ImportRun.Status.RUNNING or run.claim != self.claim):
            raise Taken
        if self._file().values_list("read", flat=True).get() != self.result.read:
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
            self._keep(journal)
            if touched and not self.entity.changes_revenue:
                self._touch(touched)

    def _write(self, records: Sequence[Record]) -> tuple[set[UUID], Journal]:
        """Write records; when the database refuses them, find the rows that it refuses and quarantine those alone."""
        batch = Batch(self.source_name, self.run_row.historical, self.tenant.currency, records)
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

    def _touch(self, account_ids: set[UUID]) -> None:
        facts_touch(account_ids)
        if self.run_row.historical:
            history_loaded(self.tenant.id, sorted(account_ids))

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

    def _keep(self, journal: Journal) -> None:
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
                )
                for table, written in journal.tables.items()
            ]
        )
