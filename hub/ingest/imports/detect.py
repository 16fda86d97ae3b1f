"""What is in a table: the types of its columns, the entity it fills, and which column fills which field. Pure.

Everything found is a suggestion with a confidence; a person looks it over before anything is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hub.ingest.imports.entities import Entity
from hub.ingest.imports.mapping import FieldSpec
from hub.ingest.imports.values import BadValue, boolean, day, integer, number

SAMPLE: Final = 500
ENOUGH: Final = 0.9
_DAY = re.compile(r"(\d{1,2})[-/](\d{1,2})[-/](\d{2,4})(?![\d])")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")
_MONEY = re.compile(
    r"[-+]?\s*(?:[$€£¥]|[A-Z]{3}\s)?\s*\d{1,3}(?:[.,' ]\d{3})*(?:[.,]\d{1,2})?\s*(?:[$€£¥]|[A-Z]{3})?\Z"
)
_TIME = re.compile(r"\d[T ]\d{1,2}:\d{2}")
_PREFIX = re.compile(r"^(property|properties|hs|custom|field)_+")


@dataclass(frozen=True)
class ColumnProfile:
    """A column: its type (email, boolean, date, datetime, integer, money, number, text or empty) and examples.

    `order` is the order of day and month (dmy, mdy), `""` where it does not matter and `"?"` where two are possible.
    """

    name: str
    kind: str
    filled: float
    unique: bool
    order: str = ""
    examples: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For keeping as JSON."""
        return {
            "name": self.name,
            "kind": self.kind,
            "filled": round(self.filled, 3),
            "unique": self.unique,
            "order": self.order,
            "examples": list(self.examples),
        }

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> ColumnProfile:
        """What `as_dict` kept."""
        return cls(**{**kept, "examples": tuple(kept["examples"])})


def profile(names: Sequence[str], rows: Sequence[Mapping[str, str]]) -> list[ColumnProfile]:
    """Describe every column by the rows of a sample."""
    return [_column(name, [row.get(name, "").strip() for row in rows]) for name in names if name]


def _column(name: str, cells: Sequence[str]) -> ColumnProfile:
    values = [cell for cell in cells if cell]
    kind, order = _kind(values)
    distinct = list(dict.fromkeys(values))
    return ColumnProfile(
        name=name,
        kind=kind,
        filled=len(values) / len(cells) if cells else 0.0,
        unique=len(values) > 1 and len(distinct) == len(values),
        order=order,
        examples=tuple(value[:80] for value in distinct[:3]),
    )


def _kind(values: Sequence[str]) -> tuple[str, str]:
    if not values:
        return "empty", ""
    if _share(values, lambda value: bool(_EMAIL.match(value))):
        return "email", ""
    if _share(values, _is_word_for_truth):
        return "boolean", ""
    order = day_order(values)
    form = order if order in ("dmy", "mdy") else ""
    probe = "dmy" if order == "?" else form
    # A number of five digits may be a spreadsheet's day; only a written date is taken for one.
    if _share(values, lambda value: len(value) > 5 and _reads(day, value, form=probe)):
        timed = sum(bool(_TIME.search(value)) for value in values) * 2 > len(values)
        return ("datetime" if timed else "date"), order
    if _share(values, lambda value: _reads(integer, value) and not _has_money_sign(value)):
        return "integer", ""
    if _share(values, lambda value: bool(_MONEY.match(value)) and _has_money_sign(value)):
        return "money", ""
    if _share(values, lambda value: _reads(number, value)):
        return "number", ""
    return "text", ""


def _share(values: Sequence[str], fits: Any) -> bool:
    return sum(1 for value in values if fits(value)) >= ENOUGH * len(values)


def _reads(reader: Any, value: str, **options: Any) -> bool:
    try:
        reader(value, **options)
    except BadValue:
        return False
    return True


def _is_word_for_truth(value: str) -> bool:
    return not value[0].isdigit() and _reads(boolean, value)


def _has_money_sign(value: str) -> bool:
    return bool(re.search(r"[$€£¥]|[A-Z]{3}|\d[,'. ]\d{3}(?!\d)", value))


def day_order(values: Sequence[str]) -> str:
    """Which of day and month comes first in dates like 03/04/2024: dmy, mdy, "" (no such dates) or "?" (unclear)."""
    parts = [match for value in values if (match := _DAY.match(value))]
    if not parts:
        return ""
    day_first = any(int(part[1]) > 12 for part in parts)
    month_first = any(int(part[2]) > 12 for part in parts)
    if day_first and not month_first:
        return "dmy"
    if month_first and not day_first:
        return "mdy"
    if all(part[1] == part[2] and len(part[3]) == 4 for part in parts):
        return ""
    return "?"


# --- Entity and fields ------------------------------------------------------------------------------------------------


@dataclass
class Suggestion:
    """What a file seems to be: the entity, its id and account columns, and per field the column and a confidence."""

    entity: str
    confidence: float
    external_id: str = ""
    account: str = ""
    through: str = ""
    contact: str = ""
    fields: dict[str, tuple[str, float]] = field(default_factory=dict)


def suggest(file_name: str, columns: Sequence[ColumnProfile], entities: Sequence[Entity]) -> Suggestion:
    """The entity that fits best, with its columns."""
    found = [suggest_as(file_name, columns, entity) for entity in entities]
    return max(found, key=lambda suggestion: suggestion.confidence)


def suggest_as(file_name: str, columns: Sequence[ColumnProfile], entity: Entity) -> Suggestion:
    """How a file would fill one entity; the confidence is 0 to 1."""
    chosen: dict[str, tuple[str, float]] = {}
    scored = sorted(
        ((_score(column, name, spec), column.name, name) for column in columns for name, spec in entity.fields.items()),
        key=lambda entry: -entry[0],
    )
    used: set[str] = set()
    for score, column, name in scored:
        if score >= 0.5 and column not in used and name not in chosen:
            chosen[name] = (column, round(score, 2))
            used.add(column)
    suggestion = Suggestion(entity.key, 0.0, fields=chosen)
    suggestion.external_id = _id_column(columns, entity)
    suggestion.account = _named(columns, ACCOUNT_COLUMNS) if entity.needs_account else ""
    if entity.needs_account and not suggestion.account:
        suggestion.account = _named(columns, ("subscription_id", "contract_id", "contract_line_id"))
        suggestion.through = "contract_line" if suggestion.account else ""
    suggestion.contact = _named(columns, CONTACT_COLUMNS) if entity.names_contact else ""
    for name in [
        name for name, (column, _) in chosen.items() if column in (suggestion.external_id, suggestion.account)
    ]:
        # An id is rarely a value, too; a name or an address may well be both.
        if name not in ("name", "email", "key"):
            del chosen[name]
    suggestion.confidence = _confidence(file_name, columns, entity, suggestion)
    return suggestion


ACCOUNT_COLUMNS: Final = (
    "account_id", "company_id", "customer_id", "organization_id", "organisation_id", "client_id", "account",
    "associated_company_id", "company", "customer", "organization", "account_key",
)  # fmt: skip
CONTACT_COLUMNS: Final = ("contact_id", "requester_id", "person_id", "user_id", "contact", "person")


def _confidence(file_name: str, columns: Sequence[ColumnProfile], entity: Entity, found: Suggestion) -> float:
    needed = [name for name, spec in entity.fields.items() if spec.required]
    have = sum(name in found.fields for name in needed)
    score = 0.35 * (have / len(needed) if needed else float(bool(found.fields)))
    score += 0.25 * (len(found.fields) / max(1, min(len(columns), len(entity.fields))))
    if any(word in normal(file_name) for word in entity.names):
        score += 0.3
    if found.external_id and normal(found.external_id) in entity.ids[:2]:
        score += 0.05
    if not found.external_id or (entity.needs_account and not found.account):
        score -= 0.15
    elif entity.needs_account:
        score += 0.05
    return round(min(1.0, max(0.0, score)), 2)


def _id_column(columns: Sequence[ColumnProfile], entity: Entity) -> str:
    named = [(entity.ids.index(normal(c.name)), c.name) for c in columns if normal(c.name) in entity.ids]
    for _, name in sorted(named):
        column = next(c for c in columns if c.name == name)
        if column.unique or column.filled > ENOUGH:
            return name
    return next(
        (c.name for c in columns if c.unique and c.filled > 0.99 and c.kind in ("text", "integer", "email")), ""
    )


def _named(columns: Sequence[ColumnProfile], names: Sequence[str]) -> str:
    by_name = {normal(column.name): column.name for column in columns}
    return next((by_name[name] for name in names if name in by_name), "")


# Which types of column can fill which kind of field.
FITS: Final[Mapping[str, frozenset[str]]] = {
    "date": frozenset({"date", "datetime"}),
    "datetime": frozenset({"date", "datetime"}),
    "boolean": frozenset({"boolean", "integer"}),
    "money": frozenset({"money", "integer", "number"}),
    "integer": frozenset({"integer"}),
    "number": frozenset({"integer", "number"}),
}


def _score(column: ColumnProfile, name: str, spec: FieldSpec) -> float:
    """How well a column fits a field: by its name, and by whether its values can be read as the field's kind."""
    if name == "attributes":
        return 0.0
    head = normal(column.name)
    if head == name:
        score = 1.0
    elif head in spec.also:
        score = 0.9 - 0.02 * spec.also.index(head)
    elif set(name.split("_")) <= set(head.split("_")):
        score = 0.6
    else:
        return 0.75 if name == "email" and column.kind == "email" else 0.0
    if column.kind == "empty":
        return score - 0.2
    if spec.choices and not any(normal(example) in spec.choices for example in column.examples):
        return score - 0.6
    if name == "email":
        return score if column.kind == "email" else score - 0.35
    # The right name over values of another kind: the preview shows what is wrong with them.
    return score if column.kind in FITS.get(spec.kind, {column.kind}) else score - 0.4


def normal(name: str) -> str:
    """A name as it is compared: lower case, words between underscores, without an export's prefix."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    plain = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
    return _PREFIX.sub("", plain)


# --- A suggestion as a mapping's tree ---------------------------------------------------------------------------------


def as_tree(file_name: str, suggestion: Suggestion, columns: Sequence[ColumnProfile]) -> dict[str, Any]:
    """The entry of a mapping that a suggestion stands for."""
    orders = {column.name: column.order for column in columns}
    entry: dict[str, Any] = {
        "file": file_name,
        "match": pattern_of(file_name),
        "entity": suggestion.entity,
        "external_id": suggestion.external_id,
    }
    if suggestion.account:
        through = {"column": suggestion.account, "through": suggestion.through}
        entry["account"] = through if suggestion.through else suggestion.account
    if suggestion.contact:
        entry["contact"] = suggestion.contact
    entry["fields"] = {
        name: {"column": column, "date": orders[column]} if orders.get(column) in ("dmy", "mdy") else column
        for name, (column, _) in suggestion.fields.items()
    }
    return entry


def pattern_of(file_name: str) -> str:
    """The name with what changes from month to month as a star: ``usage-2024-05.csv`` → ``usage-*.csv``."""
    stem, dot, ending = file_name.rpartition(".")
    stem, ending = (stem, ending) if dot else (ending, "")
    starred = re.sub(r"\d+([-_. ]\d+)*", "*", stem)
    starred = re.sub(r"\s*\(\*\)$", "*", starred)
    return f"{starred}.*" if ending.lower() in ("csv", "xlsx", "txt", "tsv") else f"{starred}{dot}{ending}"
