"""Reading tables as people export them: with a BOM, semicolons, quoted newlines, another encoding. Pure; no Django."""

from __future__ import annotations

import csv
import hashlib
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TextIO

MAX_CELL = 1_000_000
MAX_COLUMNS = 1_000
# A longer line is cut, which its row then shows by its number of cells: memory holds one line.
MAX_LINE = 4 * MAX_CELL
# What a spreadsheet's cell reads as when it holds a formula whose result was never stored.
NO_RESULT = "#FORMULA!"
# Bytes that name a format which is no text, whatever the file is called.
ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


class FileError(ValueError):
    """A file that cannot be read at all; the message names it."""


@dataclass(frozen=True)
class SourceRow:
    """A row by column name; `line` is where it starts in the file, the header being line 1."""

    line: int
    cells: dict[str, str]
    problem: tuple[str, str] | None = None


@dataclass(frozen=True)
class Table:
    """A file with a header, ready to be read; `by_row` counts rows as lines, as a spreadsheet does."""

    path: Path
    name: str
    encoding: str
    delimiter: str
    names: list[str] = field(hash=False)
    by_row: bool = False


def table_of(path: Path, *, name: str = "", by_row: bool = False) -> Table:
    """Find out encoding, delimiter and columns; raises FileError when there is no header or a name occurs twice."""
    name = name or path.name
    _refuse_other_formats(path, name)
    csv.field_size_limit(MAX_CELL)
    encoding = encoding_of(path)
    delimiter = _delimiter(path, encoding)
    with path.open(encoding=encoding, newline="", errors="replace") as stream:
        try:
            names = [cell.strip() for cell in next(csv.reader(_lines(stream), delimiter=delimiter), [])]
        except csv.Error as error:
            raise FileError(f"{name}: line 1: {error}") from None
    if not any(names):
        raise FileError(f"{name}: the file is empty: expected a first line with the names of its columns")
    while names and not names[-1]:
        names.pop()
    if len(names) > MAX_COLUMNS:
        raise FileError(f"{name}: line 1: {len(names):,} columns; {MAX_COLUMNS:,} are read at most: leave some out")
    twice = sorted(each for each, count in Counter(names).items() if each and count > 1)
    if twice:
        raise FileError(f"{name}: line 1: column {twice[0][:100]!r} occurs twice")
    if any("\0" in each or len(each) > 200 for each in names):
        raise FileError(
            f"{name}: line 1: a column's name has more than 200 characters, or one that no text holds (NUL)"
        )
    return Table(path, name, encoding, delimiter, names, by_row)


def _lines(stream: TextIO) -> Iterator[str]:
    while line := stream.readline(MAX_LINE):
        yield line


def _refuse_other_formats(path: Path, name: str) -> None:
    with path.open("rb") as stream:
        head = stream.read(8)
    if head.startswith((ZIP, OLE)):
        raise FileError(f"{name}: a spreadsheet, not a text file: import it in the browser, or save it as CSV")


def encoding_of(path: Path) -> str:
    """UTF-8 (with or without BOM), UTF-16 by its BOM or its zeros, else Windows' Western encoding."""
    with path.open("rb") as raw:
        head = raw.read(4)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if len(head) == 4 and [bool(byte) for byte in head] in ([True, False] * 2, [False, True] * 2):
        return "utf-16-le" if head[0] else "utf-16-be"
    if head[:3] == b"\xef\xbb\xbf":
        # It says what it is: a bad byte in it is that row's trouble, not a sign of another encoding.
        return "utf-8-sig"
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            while stream.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def _delimiter(path: Path, encoding: str) -> str:
    """The delimiter that occurs most in the first line: comma, semicolon, tab or bar."""
    with path.open(encoding=encoding, newline="", errors="replace") as stream:
        first = stream.readline(MAX_CELL)
    return max(",;\t|", key=first.count)


def rows_of(table: Table) -> Iterator[SourceRow]:
    """Every row that is not blank."""
    csv.field_size_limit(MAX_CELL)
    width, names = len(table.names), table.names
    with table.path.open(encoding=table.encoding, newline="", errors="replace") as stream:
        reader = csv.reader(_lines(stream), delimiter=table.delimiter)
        next(reader)
        line = 2 if table.by_row else reader.line_num + 1
        for cells in reader:
            # A spreadsheet drags empty columns along behind the last name.
            while len(cells) > width and not cells[-1].strip():
                cells.pop()
            if any(cells) and any(cell.strip() for cell in cells):
                yield SourceRow(line, dict(zip(names, cells, strict=False)), misfit(cells, width))
            line = line + 1 if table.by_row else reader.line_num + 1


def misfit(cells: list[str], expected: int) -> tuple[str, str] | None:
    """Why a row cannot be read as it stands: reason and message; None when it can."""
    if len(cells) > expected:
        return "extra_cells", f"the row has {len(cells)} cells, the header {expected} names"
    if len(cells) < expected:
        return "missing_cells", f"the row has {len(cells)} cells, the header {expected} names: is a quote left open?"
    line = "".join(cells)
    if "\0" in line:
        return "bad_value", "a NUL character: no text holds one"
    if "\ufffd" in line:
        return "bad_encoding", "bytes that are no character in the file's encoding"
    if NO_RESULT in line and NO_RESULT in cells:
        return "formula", "a formula without a stored result: open and save the file in a spreadsheet program"
    return None


@dataclass(frozen=True)
class Survey:
    """What one pass over a file tells: how many rows, where a quote is left open, and which ids occur twice.

    `twice` holds hashes of ids: a few too many never hurt, since only ids are compared by whom it concerns.
    """

    rows: int
    open_quote: int | None
    twice: frozenset[int]


def survey(table: Table, id_column: str = "") -> Survey:
    """Read a file through once. Its ids are kept as eight bytes each, so that a million of them cost 8 MB."""
    hashes = array("q")
    line = 2
    rows = 0
    csv.field_size_limit(MAX_CELL)
    with table.path.open(encoding=table.encoding, newline="", errors="replace") as stream:
        reader = csv.reader(_lines(stream), delimiter=table.delimiter, strict=True)
        next(reader)
        at = table.names.index(id_column) if id_column in table.names else -1
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                if "unexpected end" in str(error) or "field larger" in str(error):
                    return Survey(rows, line, frozenset())
                cells = []
            if cells is None:
                break
            line = reader.line_num + 1
            if any(cells) and any(cell.strip() for cell in cells):
                rows += 1
                if 0 <= at < len(cells):
                    hashes.append(hash_of(cells[at].strip()))
    return Survey(rows, None, _repeated(hashes))


def hash_of(text: str) -> int:
    """64 bits of a text, the same in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode(errors="replace"), digest_size=8).digest(), "big", signed=True)


def _repeated(hashes: array[int]) -> frozenset[int]:
    import numpy as np

    ordered = np.sort(np.frombuffer(hashes, dtype=np.int64)) if hashes else np.empty(0, dtype=np.int64)
    return frozenset(int(value) for value in ordered[1:][ordered[1:] == ordered[:-1]])


def skip(rows: Iterator[SourceRow], count: int) -> list[SourceRow]:
    """The first `count` rows, taken off the iterator."""
    return list(islice(rows, count))
