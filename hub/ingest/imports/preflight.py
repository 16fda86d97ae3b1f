"""Before anything is written: the mapping is checked, and every file looked through once."""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.ingest.imports.entities import load
from hub.ingest.imports.files import FileError, Survey, Table, survey, table_of
from hub.ingest.imports.joining import Pairs, joined
from hub.ingest.imports.mapping import FileMapping, Mapping, MappingError, mapping_of, read_mapping


class ImportProblem(ValueError):
    """An import that cannot start: every problem, each naming file and key or column."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


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
    pairs: AbstractMapping[str, Pairs]


def wanted(mapping: Mapping) -> set[str]:
    """Every file that a mapping reads, those that only say what belongs to what included."""
    return {item.file for item in mapping.files} | {
        join.file for item in mapping.files for join in item.joins().values()
    }


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
            found.append(Source(item, table, looked, joined(item, tables, problems)))
    if problems:
        raise ImportProblem(problems)
    return found


def tables_in(mapping: Mapping, folder: Path) -> dict[str, Table | FileError]:
    """The CSV files of a folder by name, those of the mapping opened; raises ImportProblem for names with folders."""
    names = wanted(mapping)
    if outside := [name for name in sorted(names) if Path(name).name != name]:
        raise ImportProblem([f"{name}: a file's name, without folders, is expected" for name in outside])
    if not folder.is_dir():
        raise ImportProblem([f"{folder}: no such folder"])
    tables: dict[str, Table | FileError] = {}
    for path in sorted({*folder.glob("*.csv"), *(folder / name for name in names)}):
        if path.is_file():
            try:
                tables[path.name] = table_of(path)
            except FileError as error:
                tables[path.name] = error
    return tables
