"""The import mapping: a YAML file that says which file fills which entity, column by column. Pure.

Every problem is found at once and named with file and key; docs/imports.md describes the format.
"""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

COLUMN_KEYS: Final = {"column", "date", "money", "true", "false", "lookup", "default", "constant"}
FILE_KEYS: Final = {"file", "match", "entity", "external_id", "account", "contact", "fields", "leave_out"}
# What a column may hold to find an account by, beside the account's own id.
THROUGH: Final = ("contract_line", "contact", "name", "domain")
RULE_KEYS: Final = {"column", "equals", "empty", "in"}


class MappingError(ValueError):
    """A mapping that cannot be used, with every problem found: ``<file>: <key>: <what>``."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class FieldSpec:
    """A field that an entity takes: its type (see values.READERS, or "choice") and whether a row needs it.

    `also` are names under which exports carry it, lower case with underscores; `longest` is what its column holds.
    """

    kind: str
    required: bool = False
    choices: AbstractMapping[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    longest: int = 0


@dataclass(frozen=True)
class Column:
    """Where a field's value comes from and how it is read."""

    column: str = ""
    constant: str | None = None
    default: str | None = None
    form: str = ""
    unit: str = "major"
    true: frozenset[str] | None = None
    false: frozenset[str] | None = None
    lookup: AbstractMapping[str, str] | None = None


@dataclass(frozen=True)
class LeaveOut:
    """Rows to leave out: the column is empty, equals a text, or is one of several."""

    column: str
    values: frozenset[str]

    def matches(self, row: AbstractMapping[str, str]) -> bool:
        return row.get(self.column, "").strip() in self.values


@dataclass(frozen=True)
class Join:
    """Another file of the import, two columns of which say what belongs to what: the row's id, and the other's."""

    file: str
    key: str
    value: str
    # Names that later files of the kind have.
    match: str = ""


@dataclass(frozen=True)
class FileMapping:
    """One source file: the entity it fills, the column of its id, how a row finds its account, its fields."""

    file: str
    entity: str
    external_id: str
    fields: AbstractMapping[str, Column]
    account: str = ""
    # What the account column holds: "" = the account's own id, else one of THROUGH.
    through: str = ""
    contact: str = ""
    leave_out: tuple[LeaveOut, ...] = ()
    # Names that later files of the same kind have, with * for what changes: "accounts-*.csv".
    match: str = ""
    # Where the columns of account and contact hold ids that another file leads on from.
    account_by: Join | None = None
    contact_by: Join | None = None

    def joins(self) -> dict[str, Join]:
        """The other files that it needs: by "account" and "contact"."""
        given = {"account": self.account_by, "contact": self.contact_by}
        return {name: join for name, join in given.items() if join is not None}

    def columns(self) -> set[str]:
        """Every column that the file must have."""
        named = {self.external_id, self.account, self.contact, *(rule.column for rule in self.leave_out)}
        return (named | {column.column for column in self.fields.values()}) - {""}


@dataclass(frozen=True)
class Mapping:
    """A whole mapping: the source's name, and its files in the order they are read."""

    source: str
    files: tuple[FileMapping, ...]
    currency: str = ""
    timezone: str = ""


Entities = AbstractMapping[str, AbstractMapping[str, FieldSpec]]


def read_mapping(content: str, *, name: str, entities: Entities, need_account: frozenset[str]) -> Mapping:
    """Parse YAML text; raises MappingError naming `name`, the key and what is wrong, for all problems at once."""
    try:
        # Every scalar stays the text it is: `true` is a word that files use, not a boolean.
        tree = yaml.load(content, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark else ""
        raise MappingError([f"{name}:{line} not YAML: {getattr(error, 'problem', error)}"]) from None
    return mapping_of(tree, name=name, entities=entities, need_account=need_account)


def mapping_of(tree: Any, *, name: str, entities: Entities, need_account: frozenset[str]) -> Mapping:
    """Check a tree (what the YAML holds); raises MappingError as `read_mapping` does."""
    reader = _Reader(name, entities, need_account)
    mapping = reader.mapping(tree)
    if reader.problems or mapping is None:
        raise MappingError(reader.problems)
    return mapping


def as_yaml(tree: AbstractMapping[str, Any]) -> str:
    """The text of a tree, as a person would write it."""
    return yaml.safe_dump(dict(tree), sort_keys=False, allow_unicode=True, default_flow_style=False, width=110)


class _Reader:
    """One walk over the tree that gathers problems instead of stopping at the first."""

    def __init__(self, name: str, entities: Entities, need_account: frozenset[str]) -> None:
        self.name = name
        self.entities = entities
        self.need_account = need_account
        self.problems: list[str] = []

    def fail(self, at: str, what: str) -> None:
        self.problems.append(f"{self.name}: {at}: {what}" if at else f"{self.name}: {what}")

    def mapping(self, tree: Any) -> Mapping | None:
        if not isinstance(tree, dict):
            self.fail("", "expected a mapping with the keys source and files")
            return None
        self._unknown("", tree, {"source", "files", "currency", "timezone"})
        source = self._text("source", tree.get("source"))
        files = tree.get("files")
        if not isinstance(files, list) or not files:
            self.fail("files", "expected a list with at least one file")
            return None
        found = [self._file(f"files[{n}]", item) for n, item in enumerate(files)]
        return Mapping(
            source,
            tuple(item for item in found if item is not None),
            str(tree.get("currency") or ""),
            str(tree.get("timezone") or ""),
        )

    def _file(self, at: str, item: Any) -> FileMapping | None:
        if not isinstance(item, dict):
            self.fail(at, "expected a mapping with the keys file, entity, external_id and fields")
            return None
        self._unknown(at, item, FILE_KEYS)
        entity = self._text(f"{at}.entity", item.get("entity"))
        if entity and entity not in self.entities:
            self.fail(f"{at}.entity", f"unknown entity {entity!r}: one of {', '.join(sorted(self.entities))}")
            return None
        account, through, account_by = self._account(f"{at}.account", item.get("account"))
        contact, contact_by = self._contact(f"{at}.contact", item.get("contact"))
        if entity in self.need_account and not account:
            self.fail(f"{at}.account", f"a {entity} needs the column that names its account")
        return FileMapping(
            file=self._text(f"{at}.file", item.get("file")),
            entity=entity,
            external_id=self._text(f"{at}.external_id", item.get("external_id")),
            fields=self._fields(f"{at}.fields", item.get("fields"), self.entities.get(entity, {})),
            account=account,
            through=through,
            account_by=account_by,
            contact=contact,
            contact_by=contact_by,
            leave_out=tuple(self._rules(f"{at}.leave_out", item.get("leave_out") or [])),
            match=str(item.get("match") or ""),
        )

    def _account(self, at: str, item: Any) -> tuple[str, str, Join | None]:
        if item is None or isinstance(item, str):
            return item or "", "", None
        if not isinstance(item, dict) or not item.get("column"):
            self.fail(at, "expected a column, or a mapping with column and through")
            return "", "", None
        self._unknown(at, item, {"column", "through", "by"})
        through = str(item.get("through") or "")
        if through not in ("", "account", *THROUGH):
            self.fail(at, f"cannot find an account through {through!r}: account, {', '.join(THROUGH)}")
        return str(item["column"]), "" if through == "account" else through, self._join(f"{at}.by", item.get("by"))

    def _contact(self, at: str, item: Any) -> tuple[str, Join | None]:
        if not isinstance(item, dict):
            return str(item or ""), None
        self._unknown(at, item, {"column", "by"})
        return self._text(f"{at}.column", item.get("column")), self._join(f"{at}.by", item.get("by"))

    def _join(self, at: str, item: Any) -> Join | None:
        if item is None:
            return None
        if not isinstance(item, dict):
            self.fail(at, "expected a mapping with the keys file, key and value")
            return None
        self._unknown(at, item, {"file", "match", "key", "value"})
        file, key, value = (self._text(f"{at}.{name}", item.get(name)) for name in ("file", "key", "value"))
        return Join(file, key, value, str(item.get("match") or ""))

    def _fields(self, at: str, item: Any, known: AbstractMapping[str, FieldSpec]) -> dict[str, Column]:
        if not isinstance(item, dict):
            self.fail(at, "expected a mapping of field to column")
            return {}
        columns: dict[str, Column] = {}
        for name, value in item.items():
            spec = known.get(str(name)) or (known.get("attributes") if str(name).startswith("attributes.") else None)
            if spec is None:
                self.fail(f"{at}.{name}", f"unknown field: any of {', '.join(sorted(known))}")
            elif (column := self._column(f"{at}.{name}", value)) is not None:
                columns[str(name)] = column
        for name, spec in known.items():
            if spec.required and name not in columns:
                self.fail(f"{at}.{name}", "this field is needed")
        return columns

    def _column(self, at: str, value: Any) -> Column | None:
        if isinstance(value, str):
            return Column(column=value)
        if not isinstance(value, dict):
            self.fail(at, "expected a column's name, or a mapping with column or constant")
            return None
        self._unknown(at, value, COLUMN_KEYS)
        if ("column" in value) == ("constant" in value):
            self.fail(at, "say either column or constant")
        if value.get("money", "major") not in ("major", "minor"):
            self.fail(f"{at}.money", "expected major or minor")
        lookup = value.get("lookup")
        if lookup is not None and not isinstance(lookup, dict):
            self.fail(f"{at}.lookup", "expected a mapping of the file's words to the field's values")
            lookup = None
        return Column(
            column=str(value.get("column") or ""),
            constant=_optional_text(value.get("constant")),
            default=_optional_text(value.get("default")),
            form=str(value.get("date") or ""),
            unit=str(value.get("money", "major")),
            true=_words(value.get("true")),
            false=_words(value.get("false")),
            lookup=None if lookup is None else {str(k): str(v) for k, v in lookup.items()},
        )

    def _rules(self, at: str, items: Any) -> list[LeaveOut]:
        if not isinstance(items, list):
            self.fail(at, "expected a list of rules")
            return []
        rules = []
        for number, item in enumerate(items):
            here = f"{at}[{number}]"
            if not isinstance(item, dict) or not item.get("column") or len(set(item) - {"column"}) != 1:
                self.fail(here, "expected a column and one of equals, in, empty")
                continue
            self._unknown(here, item, RULE_KEYS)
            values = [""] if item.get("empty") else item.get("in", [item.get("equals")])
            rules.append(LeaveOut(str(item["column"]), frozenset(str(value) for value in values)))
        return rules

    def _text(self, at: str, value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            self.fail(at, "expected a text")
            return ""
        return value.strip()

    def _unknown(self, at: str, tree: dict[Any, Any], known: set[str]) -> None:
        for key in tree:
            if key not in known:
                self.fail(f"{at}.{key}" if at else str(key), f"unknown key: any of {', '.join(sorted(known))}")


def _optional_text(value: Any) -> str | None:
    return None if value is None else str(value)


def _words(value: Any) -> frozenset[str] | None:
    if value is None:
        return None
    items = value if isinstance(value, list) else [value]
    return frozenset(str(item).strip().lower() for item in items)
