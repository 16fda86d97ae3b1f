"""Tables that only say what belongs to what, such as the companies of deals: read whole, looked up row by row. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hub.ingest.imports.files import FileError, Table, rows_of
from hub.ingest.imports.mapping import FileMapping, Join

Pairs = Mapping[str, str]
"""What a row's id leads to."""

# Two ids of twenty characters take some 200 bytes: a table of this length is read in 200 MB.
MOST_PAIRS: Final = 1_000_000


def pairs_of(table: Table, join: Join) -> Pairs:
    """The pairs of a table; of several for one id the first counts. Raises FileError for one that is too long."""
    found: dict[str, str] = {}
    for row in rows_of(table):
        key, value = row.cells.get(join.key, "").strip(), row.cells.get(join.value, "").strip()
        if key and value and row.problem is None:
            found.setdefault(key, value)
        if len(found) > MOST_PAIRS:
            raise FileError(f"{table.name}: more than {MOST_PAIRS:,} ids: split it, and the file that it belongs to")
    return found


def joined(item: FileMapping, tables: Mapping[str, Table | FileError], problems: list[str]) -> dict[str, Pairs]:
    """The pairs that a file needs, for "account" and "contact"; what is missing or broken is added to `problems`."""
    found: dict[str, Pairs] = {}
    for name, join in item.joins().items():
        table = tables.get(join.file)
        if table is None:
            problems.append(f"{join.file}: not found; it says which {name} the rows of {item.file} belong to")
        elif isinstance(table, FileError):
            problems.append(str(table))
        elif missing := sorted({join.key, join.value} - set(table.names)):
            problems += [f"{join.file}: line 1: column {column!r} is missing" for column in missing]
        else:
            try:
                found[name] = pairs_of(table, join)
            except FileError as error:
                problems.append(str(error))
    return found
