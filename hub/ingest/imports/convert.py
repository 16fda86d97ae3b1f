"""Rows of a file into records of an entity, by the mapping: typed values, or the reason why not. No database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from hub.ingest.imports.entities import Entity, Record
from hub.ingest.imports.files import SourceRow, hash_of
from hub.ingest.imports.joining import Pairs
from hub.ingest.imports.mapping import Column, FieldSpec, FileMapping, Join
from hub.ingest.imports.values import READERS, BadValue, boolean, choice, day, moment, money

MAX_TEXT = 100_000
# The column by which a file of refused rows is known, whose cells were made safe for spreadsheets.
MENDED = "tandem_reason"
FORMULA = tuple("=+-@\t\r")


class Repeats:
    """What was met of the ids that occur more than once: the first counts, the same again is only repeated."""

    def __init__(self, candidates: frozenset[int]) -> None:
        self.candidates = candidates
        self.seen: dict[str, tuple[int, bytes]] = {}

    def meet(self, record: Record) -> None:
        """Mark a record whose id stood above; remember one that may come again."""
        if not self.candidates or hash_of(record.external_id) not in self.candidates:
            return
        content = hashlib.blake2b(repr(sorted(record.raw.items())).encode(errors="replace"), digest_size=16).digest()
        first = self.seen.setdefault(record.external_id, (record.line, content))
        if first[0] == record.line:
            return
        if first[1] == content:
            record.outcome = "repeated"
        else:
            message = (
                f"the id stands in line {first[0]} and, with other content, in line {record.line}; the first counts"
            )
            record.refuse("duplicate_id", message, column=record.id_column, value=record.external_id)


class Converter:
    """Converts the rows of one file; `errors` of one row at most, unless `all_errors` is asked for (a preview)."""

    def __init__(
        self,
        item: FileMapping,
        entity: Entity,
        *,
        currency: str,
        zone: ZoneInfo,
        repeats: Repeats | None = None,
        pairs: Mapping[str, Pairs] | None = None,
    ) -> None:
        self.item = item
        self.entity = entity
        self.currency = currency
        self.zone = zone
        self.repeats = repeats or Repeats(frozenset())
        # None: they are not at hand, as in a preview; ids are then shown as they stand in the file.
        self.pairs = pairs
        self.specs: list[tuple[str, FieldSpec, Column]] = [
            (name, entity.fields.get(name) or entity.fields["attributes"], column)
            for name, column in item.fields.items()
        ]

    def records(self, rows: Iterable[SourceRow]) -> Iterator[Record]:
        for row in rows:
            yield self.record(row)

    def record(self, row: SourceRow) -> Record:
        """One row as a record: with values, left out, repeated, or refused."""
        cells = row.cells
        if MENDED in cells:
            cells = {
                name: cell[1:] if cell[:1] == "'" and cell[1:2] in FORMULA else cell for name, cell in cells.items()
            }
        if row.problem is not None:
            # What quarantine keeps must be storable: PostgreSQL's text holds no NUL.
            cells = {name: cell.replace("\0", "\ufffd") for name, cell in cells.items()}
        record = Record(row.line, cells.get(self.item.external_id, "").strip(), {}, cells, self.item.external_id)
        if row.problem is not None:
            record.refuse(*row.problem)
        else:
            self._take(record)
        return record

    def remember(self, rows: Iterable[SourceRow]) -> None:
        """Only note the ids of rows that an earlier pass has dealt with."""
        if self.repeats.candidates:
            for row in rows:
                self.record(row)

    def _take(self, record: Record) -> None:
        if self.item.leave_out and any(rule.matches(record.raw) for rule in self.item.leave_out):
            record.outcome = "left_out"
        elif not record.external_id:
            record.refuse("no_id", "the row has no id", column=self.item.external_id)
        elif len(record.external_id) > 200:
            record.refuse("bad_value", "an id has at most 200 characters", column=self.item.external_id)
        else:
            self.repeats.meet(record)
            if not record.outcome:
                self._convert(record)

    def _convert(self, record: Record) -> None:
        record.account_ref = self._named(record, "account", self.item.account, self.item.account_by)
        record.contact_ref = self._named(record, "contact", self.item.contact, self.item.contact_by)
        if self.entity.needs_account and not record.account_ref:
            by = self.item.account_by
            message = f"{by.file} names no account for the row" if by else "the row names no account"
            record.refuse("no_account", message, column=self.item.account, value=record.raw.get(self.item.account, ""))
            return
        for name, spec, column in self.specs:
            if not self.value(record, name, spec, column):
                return

    def _named(self, record: Record, name: str, column: str, by: Join | None) -> str:
        """Whom a row names: in its own column, or by way of another file."""
        given = record.raw.get(column, "").strip() if column else ""
        if by is None or self.pairs is None:
            return given
        return self.pairs.get(name, {}).get(given, "")

    def value(self, record: Record, name: str, spec: FieldSpec, column: Column) -> bool:
        """Read one field of a record; False when that refuses the row."""
        raw = column.constant if column.constant is not None else record.raw.get(column.column, "")
        raw = raw.strip() or (column.default or "")
        if column.lookup is not None and raw:
            raw = column.lookup.get(raw, raw)
        if not raw:
            if spec.required:
                record.refuse("empty", f"{name} is needed", column=column.column or name)
                return False
            record.values[name] = _empty(spec)
            return True
        try:
            record.values[name] = self._read(raw, spec, column)
        except BadValue as error:
            record.refuse("bad_value", str(error), column=column.column or name, value=raw)
            return False
        return True

    def _read(self, raw: str, spec: FieldSpec, column: Column) -> Any:
        match spec.kind:
            case "text":
                if len(raw) > (spec.longest or MAX_TEXT):
                    raise BadValue(f"a text has at most {spec.longest or MAX_TEXT:,} characters here")
                return raw
            case "choice":
                return choice(raw, spec.choices)
            case "date":
                return day(raw, form=column.form)
            case "datetime":
                return moment(raw, form=column.form, zone=self.zone)
            case "money":
                return money(raw, unit=column.unit, currency=self.currency)
            case "boolean" if column.true is not None or column.false is not None:
                return boolean(raw, true=column.true or frozenset(), false=column.false or frozenset())
            case kind:
                return READERS[kind](raw)


def _empty(spec: FieldSpec) -> Any:
    """What an empty cell means: no text, an empty list, else nothing known."""
    return {"text": "", "list": []}.get(spec.kind)
