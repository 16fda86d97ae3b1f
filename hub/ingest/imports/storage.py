"""Uploaded files: kept in pieces in the database, written into a folder of the worker that reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, Protocol

from hub.ingest.imports.detect import SAMPLE, profile
from hub.ingest.imports.files import FileError, Table, rows_of, survey, table_of
from hub.ingest.imports.sheets import is_sheet, sheet_to_csv
from hub.ingest.models import ImportChunk, ImportRun, ImportUpload

MAX_BYTES: Final = 100 * 1024 * 1024
MAX_FILES: Final = 20
CHUNK: Final = 512 * 1024
PREVIEW: Final = 50


class TooLarge(ValueError):
    """A file beyond the limit."""


class Sent(Protocol):
    """A file as a request brings it."""

    name: str | None

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]: ...


def upload_store(run: ImportRun, position: int, sent: Sent) -> ImportUpload:
    """Keep a file that came with a request; raises TooLarge."""
    name = _clean(sent.name or f"file {position + 1}")
    upload: ImportUpload = ImportUpload.objects.create(run=run, position=position, name=name, size=0, sha256="")
    digest, size = hashlib.sha256(), 0
    for number, piece in enumerate(_pieces(sent.chunks(CHUNK))):
        size += len(piece)
        if size > MAX_BYTES:
            raise TooLarge(f"{name} is larger than {MAX_BYTES // 1024 // 1024} MB: split it")
        digest.update(piece)
        ImportChunk.objects.create(upload=upload, number=number, data=piece)
    upload.size, upload.sha256 = size, digest.hexdigest()
    upload.save(update_fields=["size", "sha256"])
    return upload


def _clean(name: str) -> str:
    plain = Path(name.replace("\\", "/")).name.replace("\0", "").encode(errors="replace").decode()
    return plain[-200:].strip() or "file"


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of CHUNK, however they came."""
    rest = b""
    for chunk in chunks:
        rest += bytes(chunk)
        while len(rest) >= CHUNK:
            yield rest[:CHUNK]
            rest = rest[CHUNK:]
    if rest:
        yield rest


def read_upload(upload: ImportUpload, folder: Path) -> None:
    """Look into a stored file: fill in its profile, and keep a spreadsheet as CSV too. Raises FileError."""
    path = folder / f"{upload.position}.original"
    _write(upload, ImportChunk.Form.ORIGINAL, path)
    by_row = is_sheet(path)
    if by_row:
        table_path = folder / f"{upload.position}.csv"
        sheet_to_csv(path, table_path, name=upload.name)
        with table_path.open("rb") as stream:
            _keep_table(upload, stream)
        path = table_path
    table = table_of(path, name=upload.name, by_row=by_row)
    looked = survey(table)
    if looked.open_quote:
        raise FileError(
            f"{upload.name}: line {looked.open_quote}: a quote is opened and never closed, or a cell is longer than"
            " 1,000,000"
        )
    rows = list(islice(rows_of(table), SAMPLE))
    whole = [row for row in rows if row.problem is None]
    upload.profile = {
        "encoding": "spreadsheet" if by_row else table.encoding,
        "delimiter": table.delimiter,
        "by_row": by_row,
        "rows": looked.rows,
        "names": table.names,
        "columns": [column.as_dict() for column in profile(table.names, [row.cells for row in whole])],
        "preview": [{"line": row.line, "cells": storable(row.cells), "problem": row.problem} for row in rows[:PREVIEW]],
    }


def storable(cells: Mapping[str, str]) -> dict[str, str]:
    """Cells as JSON in the database can hold them, long ones cut."""
    return {name: cell.replace("\0", "\ufffd")[:2000] for name, cell in cells.items()}


def _keep_table(upload: ImportUpload, stream: IO[bytes]) -> None:
    ImportChunk.objects.filter(upload=upload, form=ImportChunk.Form.TABLE).delete()
    number = 0
    while piece := stream.read(CHUNK):
        ImportChunk.objects.create(upload=upload, form=ImportChunk.Form.TABLE, number=number, data=piece)
        number += 1


def _write(upload: ImportUpload, form: str, path: Path) -> None:
    with path.open("wb") as target:
        for piece in chunks_of(upload, form):
            target.write(piece)


def chunks_of(upload: ImportUpload, form: str) -> Iterator[bytes]:
    """The bytes of a file, piece by piece."""
    chunks = ImportChunk.objects.filter(upload=upload, form=form)
    for number in range(chunks.count()):
        yield bytes(chunks.values_list("data", flat=True).get(number=number))


def tables_of(uploads: Iterable[ImportUpload], folder: Path) -> dict[str, Table | FileError]:
    """Write uploads that were read into a folder and open them, by name."""
    tables: dict[str, Table | FileError] = {}
    for upload in uploads:
        profile_: dict[str, Any] = upload.profile
        by_row = bool(profile_.get("by_row"))
        path = folder / f"{upload.position}.csv"
        _write(upload, ImportChunk.Form.TABLE if by_row else ImportChunk.Form.ORIGINAL, path)
        try:
            tables[upload.name] = table_of(path, name=upload.name, by_row=by_row)
        except FileError as error:
            tables[upload.name] = error
    return tables
