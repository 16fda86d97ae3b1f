"""Spreadsheets: the first sheet of an XLSX file as CSV. What could blow up or hides something is refused."""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import ParseError

from hub.ingest.imports.files import NO_RESULT, OLE, ZIP, FileError

MAX_UNPACKED: Final = 400_000_000
MAX_SHARED_STRINGS: Final = 100_000_000
# Styles, names of sheets and the like: they are held as a tree, which takes many times as much.
MAX_FRAME: Final = 20_000_000
MAX_RATIO: Final = 200
MAX_PARTS: Final = 2_000
MAX_CELLS: Final = 4_000_000
MAX_COLUMNS: Final = 500
# The last row that a spreadsheet program knows; a file may claim to have one far below.
MAX_ROWS: Final = 1_048_576
# A cell with a formula and no value: nobody has calculated it since it was written.
_FORMULA = re.compile(
    rb'<c r="([A-Z]{1,3}\d{1,7})"[^<>]*>\s*+<f(?:[^<>]*/>|[^<>]*>[^<]*</f>)\s*+(?:<v\s*+/>|<v></v>)?\s*+</c>'
)
_WINDOW: Final = 1 << 16


def is_sheet(path: Path) -> bool:
    """Whether the bytes are a spreadsheet's, whatever the file is called."""
    with path.open("rb") as stream:
        return stream.read(8).startswith((ZIP, OLE))


def sheet_to_csv(path: Path, target: Path, *, name: str) -> int:
    """Write the first visible sheet as CSV, a line for every row of it; returns how many.

    Raises FileError, naming the file, for the old format, encrypted or damaged files and zip bombs.
    """
    _refuse(path, name)
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        # By its bytes: the library looks at the ending of a path.
        with path.open("rb") as stream:
            book = load_workbook(stream, read_only=True, data_only=True, keep_links=False)
            try:
                return _write_first(book, path, target, name)
            finally:
                book.close()
    except (zipfile.BadZipFile, InvalidFileException, ParseError, KeyError, ValueError, OSError, EOFError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(
            f"{name}: a damaged spreadsheet: open it in a spreadsheet program and save it again, or as CSV"
        ) from error


def _write_first(book: Any, path: Path, target: Path, name: str) -> int:
    sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    if not sheets:
        raise FileError(f"{name}: no sheet that can be seen")
    sheet = sheets[0]
    unsolved = _formulas_without_result(path, str(getattr(sheet, "_worksheet_path", "")))
    sheet.reset_dimensions()
    rows = 0
    with target.open("w", encoding="utf-8", errors="replace", newline="") as stream:
        writer = csv.writer(stream)
        for cells in _rows(sheet.iter_rows(values_only=True), unsolved, name):
            writer.writerow(cells)
            rows += 1
    return rows


def _refuse(path: Path, name: str) -> None:
    with path.open("rb") as stream:
        head = stream.read(8)
    if head.startswith(OLE):
        if "EncryptedPackage".encode("utf-16-le") in path.read_bytes()[:10_000_000]:
            raise FileError(f"{name}: the file is encrypted: save it without a password")
        raise FileError(f"{name}: an old Excel file (.xls): save it as .xlsx or as CSV")
    try:
        with zipfile.ZipFile(path) as parts:
            infos = parts.infolist()
    except zipfile.BadZipFile:
        raise FileError(f"{name}: a damaged spreadsheet: no readable archive") from None
    if "xl/workbook.xml" not in {info.filename for info in infos}:
        raise FileError(f"{name}: an archive that holds no spreadsheet: send the files in it one by one")
    unpacked = sum(info.file_size for info in infos)
    strings = sum(info.file_size for info in infos if info.filename.endswith("sharedStrings.xml"))
    frame = sum(info.file_size for info in infos if _is_frame(info.filename))
    packed = max(path.stat().st_size, 1)
    if len(infos) > MAX_PARTS or strings > MAX_SHARED_STRINGS or frame > MAX_FRAME:
        raise FileError(f"{name}: the spreadsheet is too large inside: save the sheet as CSV")
    if unpacked > MAX_UNPACKED or (unpacked > 10_000_000 and unpacked / packed > MAX_RATIO):
        raise FileError(f"{name}: the spreadsheet unpacks to {unpacked / 1e6:,.0f} MB: save the sheet as CSV")


def _is_frame(part: str) -> bool:
    """Whether a part is read whole and is no cell's: what is beside sheets, their texts, pictures and pivot tables."""
    if part.endswith(".rels") or part == "[Content_Types].xml" or part.startswith(("docProps/", "xl/theme/")):
        return True
    return part.startswith("xl/") and part.count("/") == 1 and not part.endswith("sharedStrings.xml")


def _formulas_without_result(path: Path, part: str) -> frozenset[str]:
    """Addresses of cells whose formula has no stored result; read in windows, never whole."""
    found: set[str] = set()
    with zipfile.ZipFile(path) as parts:
        if part.lstrip("/") not in parts.namelist():
            return frozenset()
        with parts.open(part.lstrip("/")) as stream:
            rest = b""
            while block := stream.read(1 << 20):
                text = rest + block
                found.update(match[1].decode() for match in _FORMULA.finditer(text))
                rest = text[-_WINDOW:]
    return frozenset(found)


def _rows(rows: Iterable[tuple[Any, ...]], unsolved: frozenset[str], name: str) -> Iterator[list[str]]:
    from openpyxl.utils import get_column_letter

    cells = width = 0
    for number, row in enumerate(rows, start=1):
        texts = [_text(value) for value in row]
        while texts and not texts[-1] and not (unsolved and f"{get_column_letter(len(texts))}{number}" in unsolved):
            texts.pop()
        if unsolved:
            texts = [
                NO_RESULT if not text and f"{get_column_letter(at)}{number}" in unsolved else text
                for at, text in enumerate(texts, start=1)
            ]
        cells += len(texts)
        if cells > MAX_CELLS or len(texts) > MAX_COLUMNS or number > MAX_ROWS:
            raise FileError(
                f"{name}: more than {MAX_CELLS:,} cells, {MAX_ROWS:,} rows or {MAX_COLUMNS} columns: save it as CSV"
            )
        width = width or len(texts)
        # A sheet ends a row where its last value stands.
        yield texts + [""] * (width - len(texts))


def _text(value: Any) -> str:
    """A cell as a person would have typed it into a CSV file."""
    match value:
        case None:
            return ""
        case bool():
            return "TRUE" if value else "FALSE"
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ", timespec="seconds")
        case date() | time():
            return value.isoformat()
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case _:
            return str(value)
