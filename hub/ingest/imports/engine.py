"""Runs a mapping over a folder: check everything first, then file by file in batches, each batch one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from hub.accounts.models import AccountExternalId, ContactExternalId
from hub.accounts.services import facts_touch, states_lock
from hub.ingest.imports.entities import Batch, Entity, Record, load
from hub.ingest.imports.files import FileError, SourceRow, header_of, open_quote, rows_of
from hub.ingest.imports.mapping import Column, FieldSpec, FileMapping, Mapping, MappingError, read_mapping
from hub.ingest.imports.values import READERS, BadValue, boolean, choice, day, moment, money
from hub.ingest.models import ImportedFile, ImportRun, QuarantinedRow
from hub.people.audit import Actor, audit
from hub.registry.handlers import history_loaded
from hub.revenue.models import ContractLine
from hub.revenue.services import months_refresh
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant

BATCH_ROWS = 2000
OUTCOMES = ("created", "updated", "unchanged", "repeated", "left_out", "quarantined")


class ImportProblem(ValueError):
    """An import that cannot start: every problem, each naming file and key or column."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


@dataclass
class FileResult:
    """What became of a file's rows; `quarantine` is kept here too for a dry run, which stores nothing."""

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


def mapping_load(path: Path) -> Mapping:
    """Read and check a mapping file; raises ImportProblem with every problem."""
    entities = load()
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ImportProblem([f"{path.name}: cannot be read: {error}"]) from None
    try:
        return read_mapping(
            content,
            name=path.name,
            entities={entity.key: entity.fields for entity in entities},
            need_account=frozenset(entity.key for entity in entities if entity.needs_account),
        )
    except MappingError as error:
        raise ImportProblem(error.problems) from None


def check_files(mapping: Mapping, folder: Path) -> None:
    """Raise ImportProblem unless every file is there with every column that the mapping names."""
    problems = []
    for item in mapping.files:
        path = folder / item.file
        if Path(item.file).name != item.file:
            problems.append(f"{item.file}: a file's name, without folders, is expected")
        elif not path.is_file():
            there = (
                ", ".join(sorted(p.name for p in folder.glob("*.csv"))[:10]) if folder.is_dir() else "no such folder"
            )
            problems.append(f"{item.file}: not found in the folder (there: {there or 'no CSV file'})")
        else:
            problems += _missing_columns(path, item)
    if problems:
        raise ImportProblem(problems)


def _missing_columns(path: Path, item: FileMapping) -> list[str]:
    try:
        names = header_of(path)
    except FileError as error:
        return [str(error)]
    if line := open_quote(path):
        return [f"{item.file}: line {line}: a quote is opened and never closed, or a cell is longer than 1,000,000"]
    missing = sorted(item.columns() - set(names))
    return [f"{item.file}: line 1: column {name!r} is missing (there: {', '.join(names)})" for name in missing]


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
    check_files(mapping, folder)
    with ExitStack() as stack:
        if dry_run:
            stack.enter_context(tenant_context(tenant))
        with tenant_context(tenant):
            run = ImportRun.objects.create(
                source=mapping.source,
                mapping=mapping_name,
                historical=historical,
                as_of=as_of,
                started_by=actor.label,
            )
            audit(actor, "import.start", run, mapping=mapping_name, historical=historical)
        try:
            files = [_File(tenant, run, mapping, item, n, folder).run() for n, item in enumerate(mapping.files)]
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


class _File:
    """The import of one file: its rows in order, and what is known of the ids met so far."""

    def __init__(
        self, tenant: Tenant, run: ImportRun, mapping: Mapping, item: FileMapping, position: int, folder: Path
    ) -> None:
        self.tenant = tenant
        self.run_row = run
        self.mapping = mapping
        self.item = item
        self.position = position
        self.path = folder / item.file
        self.entity: Entity = load().get(item.entity)
        self.currency = mapping.currency or tenant.currency
        self.zone = ZoneInfo(mapping.timezone) if mapping.timezone else tenant.zone
        self.result = FileResult(item.file, item.entity)
        # External id → line and content of its first row: the first wins.
        self.seen: dict[str, tuple[int, bytes]] = {}

    def run(self) -> FileResult:
        rows = rows_of(self.path)
        touched: set[UUID] = set()
        while chunk := list(islice(rows, BATCH_ROWS)):
            with tenant_context(self.tenant):
                touched |= self._batch(chunk)
        with tenant_context(self.tenant):
            self._finish(touched)
        return self.result

    def _batch(self, chunk: Sequence[SourceRow]) -> set[UUID]:
        records = list(self._records(chunk))
        self._resolve([record for record in records if not record.outcome])
        batch = Batch(
            source=self.mapping.source,
            historical=self.run_row.historical,
            currency=self.tenant.currency,
            records=[record for record in records if not record.outcome],
        )
        states_lock(record.account_id for record in batch.records if record.account_id)
        self.entity.write(batch)
        self._count(records)
        if batch.touched and not self.entity.changes_revenue:
            self._touch(batch.touched)
        return batch.touched

    def _finish(self, touched: set[UUID]) -> None:
        if self.entity.changes_revenue and touched:
            states_lock(touched)
            months_refresh(sorted(touched))
            self._touch(touched)
        counts = self.result.counts
        ImportedFile.objects.create(
            run=self.run_row,
            name=self.item.file,
            position=self.position,
            entity=self.item.entity,
            read=self.result.read,
            **counts,
        )

    def _touch(self, account_ids: set[UUID]) -> None:
        facts_touch(account_ids)
        if self.run_row.historical:
            history_loaded(self.tenant.id, sorted(account_ids))

    # --- Reading rows ---------------------------------------------------------------------------------------------

    def _records(self, chunk: Sequence[SourceRow]) -> Iterator[Record]:
        for row in chunk:
            self.result.read += 1
            # What quarantine keeps must be storable: PostgreSQL's text holds no NUL.
            cells = {name: cell.replace("\0", "\ufffd") for name, cell in row.cells.items()}
            record = Record(row.line, cells.get(self.item.external_id, "").strip(), {}, cells)
            if row.problem is not None:
                record.refuse(*row.problem)
            else:
                self._take(record)
            yield record

    def _take(self, record: Record) -> None:
        if any(rule.matches(record.raw) for rule in self.item.leave_out):
            record.outcome = "left_out"
        elif not record.external_id:
            record.refuse("no_id", "the row has no id", column=self.item.external_id)
        elif len(record.external_id) > 200:
            record.refuse("bad_value", "an id has at most 200 characters", column=self.item.external_id)
        elif not self._is_repeat(record):
            self._convert(record)

    def _is_repeat(self, record: Record) -> bool:
        content = hashlib.blake2b(repr(sorted(record.raw.items())).encode(), digest_size=16).digest()
        first = self.seen.setdefault(record.external_id, (record.line, content))
        if first[0] == record.line:
            return False
        if first[1] == content:
            record.outcome = "repeated"
        else:
            message = (
                f"the id stands in line {first[0]} and, with other content, in line {record.line}; the first counts"
            )
            record.refuse("duplicate_id", message, column=self.item.external_id, value=record.external_id)
        return True

    def _convert(self, record: Record) -> None:
        record.account_ref = record.raw.get(self.item.account, "").strip() if self.item.account else ""
        record.contact_ref = record.raw.get(self.item.contact, "").strip() if self.item.contact else ""
        if self.entity.needs_account and not record.account_ref:
            record.refuse("no_account", "the row names no account", column=self.item.account)
            return
        for name, column in self.item.fields.items():
            spec = self.entity.fields.get(name) or self.entity.fields["attributes"]
            raw = column.constant if column.constant is not None else record.raw.get(column.column, "")
            raw = raw.strip() or (column.default or "")
            if column.lookup is not None and raw:
                raw = column.lookup.get(raw, raw)
            if not raw:
                if spec.required:
                    record.refuse("empty", "this field is needed", column=column.column or name)
                    return
                record.values[name] = _empty(spec)
                continue
            try:
                record.values[name] = self._value(raw, spec, column)
            except BadValue as error:
                record.refuse("bad_value", str(error), column=column.column or name, value=raw)
                return

    def _value(self, raw: str, spec: FieldSpec, column: Column) -> Any:
        match spec.kind:
            case "choice":
                return choice(raw, spec.choices)
            case "date":
                return day(raw, form=column.form)
            case "datetime":
                return moment(raw, form=column.form, zone=self.zone)
            case "money":
                return money(raw, unit=column.unit, currency=self.currency)
            case "boolean" if column.true is not None or column.false is not None:
                return boolean(raw, true=column.true or frozenset(), false=column.false or frozenset())
            case "text" if len(raw) > 100_000:
                raise BadValue("a text has at most 100,000 characters")
            case kind:
                return READERS[kind](raw)

    # --- Finding the account and contact of a row -----------------------------------------------------------------

    def _resolve(self, records: Sequence[Record]) -> None:
        if not self.entity.needs_account or not records:
            return
        known = self._accounts({record.account_ref for record in records})
        contacts = self._contacts({record.contact_ref for record in records if record.contact_ref})
        for record in records:
            record.account_id = known.get(record.account_ref)
            if record.account_id is None:
                what = self.item.through or "account"
                record.refuse(
                    f"unknown_{what}",
                    f"no {what.replace('_', ' ')} with this id is known from {self.mapping.source}",
                    column=self.item.account,
                    value=record.account_ref,
                )
            elif record.contact_ref:
                record.contact_id = contacts.get((record.account_id, record.contact_ref))
                if record.contact_id is None:
                    message = "no contact with this id is known at the account"
                    record.refuse("unknown_contact", message, column=self.item.contact, value=record.contact_ref)

    def _accounts(self, refs: set[str]) -> dict[str, UUID]:
        source = self.mapping.source
        if self.item.through == "contract_line":
            lines = ContractLine.objects.filter(source=source, external_id__in=refs)
            return dict(lines.values_list("external_id", "account_id"))
        model = ContactExternalId if self.item.through == "contact" else AccountExternalId
        return dict(model.objects.filter(source=source, value__in=refs).values_list("value", "account_id"))

    def _contacts(self, refs: set[str]) -> dict[tuple[UUID, str], UUID]:
        if not refs:
            return {}
        links = ContactExternalId.objects.filter(source=self.mapping.source, value__in=refs)
        return {
            (account, value): contact for account, value, contact in links.values_list("account", "value", "contact")
        }

    # --- Counting and keeping what was refused --------------------------------------------------------------------

    def _count(self, records: Sequence[Record]) -> None:
        refused = []
        for record in records:
            self.result.counts[record.outcome] += 1
            if record.problem is not None:
                column, value, reason, message = record.problem
                refused.append(
                    QuarantinedRow(
                        run=self.run_row,
                        file=self.item.file,
                        line=record.line,
                        column=column,
                        value=value[:2000],
                        reason=reason,
                        message=message,
                        row=record.raw,
                    )
                )
        QuarantinedRow.objects.bulk_create(refused, batch_size=1000)
        self.result.quarantine += refused


def _empty(spec: FieldSpec) -> Any:
    """What an empty cell means: no text, an empty list, else nothing known."""
    return {"text": "", "list": []}.get(spec.kind)
