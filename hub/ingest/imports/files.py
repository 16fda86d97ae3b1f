"""Reading CSV as people export it: with a BOM, semicolons, quoted newlines, another encoding."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_CELL = 1_000_000


@dataclass(frozen=True)
class SourceRow:
    """A row by column name; `line` is where it starts in the file, the header being line 1."""

    line: int
    cells: dict[str, str]
    problem: tuple[str, str] | None = None


class FileError(ValueError):
    """A file that cannot be read at all; the message names it."""


def encoding_of(path: Path) -> str:
    """UTF-8 (with or without BOM), UTF-16 by its BOM, else Windows' Western encoding."""
    head = path.read_bytes()[:4]
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
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


def header_of(path: Path) -> list[str]:
    """The column names; raises FileError when there is no header or a name occurs twice."""
    with path.open(encoding=encoding_of(path), newline="", errors="replace") as stream:
        names = [name.strip() for name in next(csv.reader(stream, delimiter=delimiter_of(path)), [])]
    if not any(names):
        raise FileError(f"{path.name}: the file is empty: expected a first line with the names of its columns")
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise FileError(f"{path.name}: line 1: column {twice[0]!r} occurs twice")
    return names


def delimiter_of(path: Path) -> str:
    """The delimiter that occurs most in the first line: comma, semicolon or tab."""
    with path.open(encoding=encoding_of(path), newline="", errors="replace") as stream:
        first = stream.readline()
    return max(",;\t", key=first.count)


def rows_of(path: Path) -> Iterator[SourceRow]:
    """Every row that is not blank. What does not fit the header comes under the name "" (see `misfit`)."""
    csv.field_size_limit(MAX_CELL)
    names = header_of(path)
    with path.open(encoding=encoding_of(path), newline="", errors="replace") as stream:
        reader = csv.reader(stream, delimiter=delimiter_of(path))
        next(reader)
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                row = dict(zip(names, cells, strict=False))
                yield SourceRow(line, row, misfit(cells, len(names)))
            line = reader.line_num + 1


def misfit(cells: list[str], expected: int) -> tuple[str, str] | None:
    """Why a row cannot be read as it stands: reason and message; None when it can."""
    if len(cells) > expected:
        return "extra_cells", f"the row has {len(cells)} cells, the header {expected} names"
    if len(cells) < expected:
        return "missing_cells", f"the row has {len(cells)} cells, the header {expected} names: is a quote left open?"
    if any("\0" in cell for cell in cells):
        return "bad_value", "a NUL character: no text holds one"
    if any("\ufffd" in cell for cell in cells):
        return "bad_encoding", "bytes that are no character in the file's encoding"
    return None


def open_quote(path: Path) -> int | None:
    """The line where a quote is opened that nobody closes, which would swallow the rest of the file; else None."""
    csv.field_size_limit(MAX_CELL)
    with path.open(encoding=encoding_of(path), newline="", errors="replace") as stream:
        reader = csv.reader(stream, delimiter=delimiter_of(path), strict=True)
        line = 1
        while True:
            try:
                if next(reader, None) is None:
                    return None
            except csv.Error as error:
                if "unexpected end" in str(error):
                    return line
                if "field larger" in str(error):
                    return line
            line = reader.line_num + 1
