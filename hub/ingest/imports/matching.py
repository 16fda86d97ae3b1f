"""Which file of an upload each entry of a mapping means: by name, by pattern, else by its columns. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatch
from typing import Any


def entry_files(entries: Sequence[Mapping[str, Any]], files: Mapping[str, Collection[str]]) -> dict[int, str]:
    """Entry (by position) → file name; `files` gives the columns of each. A file serves one entry.

    The same name counts most, then the entry's pattern, then that the file has every column the entry reads.
    """
    found: dict[int, str] = {}
    for rule in (_same_name, _same_pattern, _same_columns):
        for position, entry in enumerate(entries):
            free = [name for name in files if name not in found.values()]
            if position not in found and (chosen := [name for name in free if rule(entry, name, files[name])]):
                found[position] = chosen[0]
    return found


def _same_name(entry: Mapping[str, Any], name: str, columns: Collection[str]) -> bool:
    return str(entry.get("file", "")).lower() == name.lower()


def _same_pattern(entry: Mapping[str, Any], name: str, columns: Collection[str]) -> bool:
    pattern = str(entry.get("match") or "").lower()
    return bool(pattern) and fnmatch(name.lower(), pattern) and columns_of(entry) <= set(columns)


def _same_columns(entry: Mapping[str, Any], name: str, columns: Collection[str]) -> bool:
    wanted = columns_of(entry)
    return len(wanted) > 2 and wanted <= set(columns)


def columns_of(entry: Mapping[str, Any]) -> set[str]:
    """Every column that an entry of a mapping's tree reads."""
    account = entry.get("account")
    named = [entry.get("external_id"), account.get("column") if isinstance(account, Mapping) else account]
    named.append(entry.get("contact"))
    fields = entry.get("fields")
    for value in fields.values() if isinstance(fields, Mapping) else ():
        named.append(value.get("column") if isinstance(value, Mapping) else value)
    rules = entry.get("leave_out")
    named += [rule.get("column") for rule in rules if isinstance(rule, Mapping)] if isinstance(rules, list) else []
    return {name for name in named if isinstance(name, str) and name}
