"""Reads of the import pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum

from hub.ingest.imports.entities import load
from hub.ingest.models import ImportedFile, ImportRun, ImportUpload, QuarantinedRow

PAGE: Final = 50
# A spreadsheet would run a cell that starts with one of these.
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def runs_page(before: tuple[datetime, UUID] | None) -> list[ImportRun]:
    """Up to PAGE + 1 imports, newest first, with the sums of their files and the names of those that were sent."""
    runs = ImportRun.objects.annotate(
        file_count=Count("files"),
        row_count=Sum("files__read", default=0),
        created=Sum("files__created", default=0),
        updated=Sum("files__updated", default=0),
        quarantined=Sum("files__quarantined", default=0),
    )
    if before:
        runs = runs.filter(Q(started_at__lt=before[0]) | Q(started_at=before[0], pk__lt=before[1]))
    found = list(runs.order_by("-started_at", "-pk")[: PAGE + 1])
    names: dict[UUID, list[str]] = {run.pk: [] for run in found}
    sent = ImportUpload.objects.filter(run__in=list(names)).order_by("run_id", "position")
    for pk, name in sent.values_list("run_id", "name"):
        names[pk].append(name)
    for run in found:
        run.file_names = names[run.pk]
    return found


@dataclass(frozen=True)
class Progress:
    """How far an import is: its files, the sums of their counts, and the rows done out of all."""

    files: list[ImportedFile]
    totals: dict[str, int]
    done: int
    rows: int


COUNTED: Final = ("read", "created", "updated", "unchanged", "repeated", "left_out", "quarantined")


def progress_of(run: ImportRun) -> Progress:
    files = list(run.files.order_by("position"))
    totals = {name: sum(getattr(file, name) for file in files) for name in COUNTED}
    return Progress(files, totals, totals["read"], sum(file.rows or file.read for file in files))


def titles() -> dict[str, str]:
    """Entity → what people call its rows."""
    return {entity.key: entity.title for entity in load()}


def quarantine_page(run: ImportRun, *, file: str, after: tuple[str, int] | None) -> list[QuarantinedRow]:
    """Up to PAGE + 1 refused rows in the order of the files."""
    rows = _quarantine(run, file)
    if after:
        rows = rows.filter(Q(file__gt=after[0]) | Q(file=after[0], line__gt=after[1]))
    return list(rows[: PAGE + 1])


def _quarantine(run: ImportRun, file: str) -> QuerySet[QuarantinedRow, QuarantinedRow]:
    rows = QuarantinedRow.objects.filter(run=run)
    found: QuerySet[QuarantinedRow, QuarantinedRow] = (rows.filter(file=file) if file else rows).order_by(
        "file", "line"
    )
    return found


def quarantine_files(run: ImportRun) -> list[tuple[str, int]]:
    """The files with refused rows, and how many."""
    counts = QuarantinedRow.objects.filter(run=run).values_list("file").annotate(n=Count("pk"))
    return list(counts.order_by("file"))


def quarantine_reasons(run: ImportRun) -> list[tuple[str, int]]:
    """The reasons, most frequent first."""
    counts = QuarantinedRow.objects.filter(run=run).values_list("reason").annotate(n=Count("pk"))
    return list(counts.order_by("-n", "reason"))


def quarantine_table(run: ImportRun, file: str) -> Iterator[list[str]]:
    """The refused rows of a file as lines of a CSV file: its own columns, then line and reason; safe for spreadsheets.

    The columns are those of the uploaded file where there is one, else those that the rows name.
    """
    upload = run.uploads.filter(name=file).first()
    names = list(upload.profile.get("names", [])) if upload else _names_in(run, file)
    names = [name for name in names if name]
    yield [*(harmless(name) for name in names), "tandem_line", "tandem_reason"]
    for row in _quarantine(run, file).iterator(chunk_size=500):
        cells = [harmless(str(row.row.get(name, ""))) for name in names]
        where = f"{row.column}: {row.message}" if row.column else row.message
        yield [*cells, str(row.line), harmless(where)]


def _names_in(run: ImportRun, file: str) -> list[str]:
    names: dict[str, None] = {}
    for kept in _quarantine(run, file).values_list("row", flat=True)[:200]:
        names.update(dict.fromkeys(kept))
    return list(names)


def harmless(text: str) -> str:
    """A cell that a spreadsheet shows and never runs; plain numbers stay numbers."""
    if not text.startswith(FORMULA_STARTS) or _is_number(text):
        return text
    return f"'{text}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def upload_at(run: ImportRun, position: int) -> ImportUpload | None:
    found: ImportUpload | None = run.uploads.filter(position=position).first()
    return found


def entry_of(run: ImportRun, name: str) -> dict[str, Any] | None:
    """The entry of the run's mapping that reads a file."""
    return next((entry for entry in run.tree.get("files") or [] if entry.get("file") == name), None)
