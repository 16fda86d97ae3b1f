"""A run that is being set up: its mapping as a tree, suggested from the files and edited file by file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from hub.ingest.imports.convert import Converter
from hub.ingest.imports.detect import ColumnProfile, as_tree, normal, suggest, suggest_as
from hub.ingest.imports.entities import Record, load
from hub.ingest.imports.files import SourceRow
from hub.ingest.imports.matching import columns_of, entry_files, joined_files, joins_of
from hub.ingest.imports.preflight import ImportProblem, mapping_check
from hub.ingest.imports.shipped import shipped_mappings
from hub.ingest.models import ImportMapping, ImportRun, ImportUpload
from hub.tenancy.models import Tenant

Tree = dict[str, Any]
KNOWN_SYSTEMS: Final = (
    "hubspot",
    "salesforce",
    "zendesk",
    "intercom",
    "stripe",
    "ravenstack",
    "pipedrive",
    "gainsight",
)


def columns_in(upload: ImportUpload) -> list[ColumnProfile]:
    return [ColumnProfile.of(kept) for kept in upload.profile.get("columns", [])]


def suggest_when_read(run_id: UUID) -> None:
    """Once every upload of a run is read, fill in what its mapping lacks: files of a saved mapping, suggestions."""
    run = ImportRun.objects.select_for_update().get(pk=run_id)
    uploads = list(run.uploads.order_by("position"))
    if run.status != ImportRun.Status.DRAFT or any(each.status == ImportUpload.Status.STORED for each in uploads):
        return
    readable = [each for each in uploads if each.status == ImportUpload.Status.READ]
    if not run.tree.get("files"):
        _adopt(run, readable)
    entries = _matched(run.tree.get("files") or [], readable)
    taken = {entry["file"] for entry in entries} | {
        join["file"] for entry in entries for join in joins_of(entry).values()
    }
    entries += [_suggested(upload) for upload in readable if upload.name not in taken]
    run.tree = {**run.tree, "source": run.tree.get("source") or source_of(uploads), "files": in_order(entries)}
    run.source = str(run.tree["source"])[:50]
    run.save(update_fields=["tree", "source", "mapping"])


def _adopt(run: ImportRun, uploads: Sequence[ImportUpload]) -> None:
    """Use the mapping that knows every file by name and columns, if there is one: a saved one, else a shipped one."""
    files = {upload.name: upload.profile["names"] for upload in uploads}
    saved = ImportMapping.objects.order_by("-updated_at").values_list("name", "content")
    for name, content in [*saved, *shipped_mappings()]:
        tree = tree_of(content)
        entries = tree.get("files") or []
        found = entry_files(entries, files)
        beside = {file for n in found for file in joined_files(entries[n], files).values()}
        if files and set(found.values()) | beside == set(files):
            run.tree, run.mapping = tree, name
            return


def _matched(entries: Sequence[Tree], uploads: Sequence[ImportUpload]) -> list[Tree]:
    """The entries of a mapping for which a file was sent, naming it."""
    files = {upload.name: upload.profile["names"] for upload in uploads}
    found = entry_files(entries, files)
    orders = {upload.name: {c.name: c.order for c in columns_in(upload)} for upload in uploads}
    return [
        _dated(_joining({**entry, "file": found[n]}, files), orders[found[n]])
        for n, entry in enumerate(entries)
        if n in found
    ]


def _joining(entry: Tree, files: Mapping[str, Any]) -> Tree:
    """The entry with the names that this month's files of associations have."""
    for name, file in joined_files(entry, files).items():
        entry[name] = {**entry[name], "by": {**entry[name]["by"], "file": file}}
    return entry


def _dated(entry: Tree, orders: Mapping[str, str]) -> Tree:
    """The entry with the order of days that this month's file has, where the mapping leaves it open."""
    fields = {}
    for name, value in (entry.get("fields") or {}).items():
        spelled = dict(value) if isinstance(value, Mapping) else {"column": value}
        order = orders.get(str(spelled.get("column")), "")
        fields[name] = {**spelled, "date": order} if order in ("dmy", "mdy") and "date" not in spelled else value
    return {**entry, "fields": fields}


def _suggested(upload: ImportUpload) -> Tree:
    columns = columns_in(upload)
    return as_tree(upload.name, suggest(upload.name, columns, list(load())), columns)


def source_of(uploads: Sequence[ImportUpload]) -> str:
    """A name for where the files come from: a system that their names mention, else "files"."""
    names = " ".join(upload.name.lower() for upload in uploads)
    return next((system for system in KNOWN_SYSTEMS if system in names), "files")


def in_order(entries: Sequence[Tree]) -> list[Tree]:
    """Accounts before what hangs on them."""
    order = {entity.key: entity.order for entity in load()}
    return sorted(entries, key=lambda entry: order.get(str(entry.get("entity")), 1000))


def tree_of(content: str) -> Tree:
    """The tree of a mapping's YAML; empty when it is none."""
    import yaml

    try:
        tree = yaml.load(content, Loader=yaml.BaseLoader)
    except yaml.YAMLError:
        return {}
    return tree if isinstance(tree, dict) else {}


def problems_of(run: ImportRun) -> list[str]:
    """What keeps the run's mapping from being used, in words; files without a column that it reads included."""
    try:
        mapping_check(run.tree, name="The mapping")
    except ImportProblem as problem:
        return [_in_words(said.removeprefix("The mapping: "), run.tree) for said in problem.problems]
    names = {upload.name: set(upload.profile.get("names", [])) for upload in run.uploads.filter(status="read")}
    problems = []
    for entry in run.tree.get("files", []):
        if entry["file"] not in names:
            problems.append(f"{entry['file']}: the file is not here")
        elif missing := sorted(columns_of(entry) - names[entry["file"]]):
            problems.append(f"{entry['file']}: column {missing[0]!r} is missing")
        problems += [
            f"{entry['file']}: {join['file']}, which says what its rows belong to, is not here or lacks a column"
            for join in joins_of(entry).values()
            if not {join["key"], join["value"]} <= names.get(join["file"], set())
        ]
    return problems


def _in_words(problem: str, tree: Tree) -> str:
    """A problem of a mapping as the pages say it: by the file's name and what to choose there, not by keys."""
    found = re.match(r"files\[(\d+)\]\.?(.*)", problem, re.DOTALL)
    files = tree.get("files") or []
    if not found or int(found[1]) >= len(files) or not isinstance(entry := files[int(found[1])], dict):
        return problem
    what = found[2]
    if what.startswith("external_id: "):
        what = "choose the column with its id"
    elif what.startswith("account: a "):
        what = "choose the column that names the account"
    elif needed := re.fullmatch(r"fields\.(\w+): this field is needed", what):
        what = f"choose the column that fills “{needed[1].replace('_', ' ')}”"
    return f"{entry.get('file') or problem.partition(':')[0]}: {what}"


def questions_of(entry: Tree, columns: Sequence[ColumnProfile]) -> list[str]:
    """Columns of dates in use that could be read in two ways, and for which nobody has decided."""
    unclear = {column.name for column in columns if column.order == "?"}
    found = []
    for value in (entry.get("fields") or {}).values():
        column = value.get("column") if isinstance(value, Mapping) else value
        if column in unclear and not (isinstance(value, Mapping) and value.get("date")):
            found.append(str(column))
    return found


# --- The form of one file ---------------------------------------------------------------------------------------------


def entry_as(upload: ImportUpload, entity: str) -> Tree:
    """A fresh suggestion for a file, as a given entity."""
    columns = columns_in(upload)
    return as_tree(upload.name, suggest_as(upload.name, columns, load().get(entity)), columns)


def entry_from_form(before: Tree, upload: ImportUpload, data: Mapping[str, str]) -> Tree:
    """The entry that a submitted form describes; what the form does not show (lookups, rules) stays.

    Keys: `entity`, `external_id`, `account`, `through`, `contact`; per column n of the file `field-n`, `new-n` (the
    name of an attribute) and `order-n`; per field `constant-<field>`.
    """
    entity = data.get("entity", "")
    if entity != before.get("entity"):
        return entry_as(upload, entity) if entity in load() else before
    entry: Tree = {key: value for key, value in before.items() if key not in ("account", "contact", "fields")}
    entry["external_id"] = data.get("external_id", "")
    joins = joins_of(before)
    if account := data.get("account", ""):
        given = {"through": data.get("through", ""), "by": joins.get("account")}
        entry["account"] = _with_more(account, {name: value for name, value in given.items() if value})
    if contact := data.get("contact", ""):
        entry["contact"] = _with_more(contact, {"by": joins["contact"]} if "contact" in joins else {})
    entry["fields"] = _fields_from_form(before.get("fields") or {}, columns_in(upload), data, entity)
    return entry


def _with_more(column: str, more: Tree) -> Any:
    return {"column": column, **more} if more else column


def _fields_from_form(
    before: Mapping[str, Any], columns: Sequence[ColumnProfile], data: Mapping[str, str], entity: str
) -> Tree:
    fields: Tree = {}
    for n, column in enumerate(columns):
        name = data.get(f"field-{n}", "")
        if name == "attributes":
            name = f"attributes.{re.sub(r'[^a-z0-9_]', '_', normal(data.get(f'new-{n}', '') or column.name))}"
        if name and name not in fields:
            fields[name] = _column(before.get(name), column.name, data.get(f"order-{n}", ""))
    for name in load().get(entity).fields:
        if name not in fields and (constant := data.get(f"constant-{name}", "").strip()):
            fields[name] = {"constant": constant}
    return fields


def _column(before: Any, column: str, order: str) -> Any:
    kept = dict(before) if isinstance(before, Mapping) and "constant" not in before else {}
    kept["column"] = column
    if order in ("dmy", "mdy"):
        kept["date"] = order
    elif order == "auto":
        kept.pop("date", None)
    return kept if len(kept) > 1 else column


# --- Preview ----------------------------------------------------------------------------------------------------------


def preview(run: ImportRun, entry: Tree, upload: ImportUpload, tenant: Tenant) -> tuple[list[str], list[Tree]]:
    """The first rows as they would land: field names, and per row its line, cells (value, problem) and outcome.

    Empty when the mapping cannot be used yet. Accounts and contacts are not looked up here; a check does that.
    """
    try:
        mapping = mapping_check({**run.tree, "files": [entry]}, name=entry["file"])
    except ImportProblem:
        return [], []
    item = mapping.files[0]
    zone = ZoneInfo(mapping.timezone) if mapping.timezone else tenant.zone
    converter = Converter(item, load().get(item.entity), currency=mapping.currency or tenant.currency, zone=zone)
    rows = [_shown(converter, kept) for kept in upload.profile.get("preview", [])]
    return list(item.fields), rows


def _shown(converter: Converter, kept: Mapping[str, Any]) -> Tree:
    problem = tuple(kept["problem"]) if kept["problem"] else None
    record = converter.record(SourceRow(kept["line"], dict(kept["cells"]), problem))
    cells = [_cell(converter, record, spec) for spec in converter.specs]
    return {
        "line": record.line,
        "id": record.external_id,
        "account": record.account_ref,
        "cells": cells,
        "outcome": record.outcome,
        "message": record.problem[3] if record.problem and not any(cell["problem"] for cell in cells) else "",
    }


def _cell(converter: Converter, record: Record, spec: tuple[str, Any, Any]) -> Tree:
    name, field, column = spec
    probe = Record(record.line, record.external_id, {}, record.raw)
    if converter.value(probe, name, field, column):
        return {"value": probe.values[name], "kind": field.kind, "problem": ""}
    assert probe.problem is not None
    return {"value": probe.problem[1], "kind": field.kind, "problem": probe.problem[3]}
