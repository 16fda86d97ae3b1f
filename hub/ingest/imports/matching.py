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
    contact = entry.get("contact")
    named = [entry.get("external_id"), account.get("column") if isinstance(account, Mapping) else account]
    named.append(contact.get("column") if isinstance(contact, Mapping) else contact)
    fields = entry.get("fields")
    for value in fields.values() if isinstance(fields, Mapping) else ():
        named.append(value.get("column") if isinstance(value, Mapping) else value)
    rules = entry.get("leave_out")
    named += [rule.get("column") for rule in rules if isinstance(rule, Mapping)] if isinstance(rules, list) else []
    return {name for name in named if isinstance(name, str) and name}


def joins_of(entry: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The other files that an entry of a mapping's tree reads, as it describes them: by "account" and "contact"."""
    given = {name: entry.get(name) for name in ("account", "contact")}
    parts = {name: part.get("by") for name, part in given.items() if isinstance(part, Mapping)}
    return {name: dict(join) for name, join in parts.items() if isinstance(join, Mapping)}


def joined_files(entry: Mapping[str, Any], files: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Which file of an upload each of these means: by name, by pattern, else the only one with both columns."""
    return {name: file for name, join in joins_of(entry).items() if (file := _joined_file(join, files))}


def _joined_file(join: Mapping[str, Any], files: Mapping[str, Collection[str]]) -> str:
    needed = {join.get("key"), join.get("value")}
    able = [name for name, columns in files.items() if needed <= set(columns)]
    named = [name for name in able if _same_name(join, name, ())]
    pattern = str(join.get("match") or "").lower()
    alike = [name for name in able if pattern and fnmatch(name.lower(), pattern)]
    # Any file of deals has the columns of deal and company: only a table of two or three is taken for associations.
    only = [name for name in able if len(files[name]) <= len(needed) + 3]
    return next(iter([*named, *alike, *(only if len(only) == 1 else [])]), "")
