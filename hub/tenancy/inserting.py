"""Many rows in one INSERT whose values go over as one JSON text.

Django compiles a place for every field of every row, and the driver fills each; for the tables that an evaluation or a
batch of steps writes to, that is most of what a row costs. Here the statement depends on the model alone.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, Final

import msgspec
from django.contrib.postgres.fields import ArrayField
from django.db import DEFAULT_DB_ALIAS, connections, models, transaction
from django.db.models.expressions import BaseExpression

from hub.tenancy.statements import ask

ROWS: Final = 2_000
# Fields whose value JSON holds and PostgreSQL reads back unchanged; a model with another field goes Django's way.
_PLAIN: Final = frozenset(
    {
        "BigIntegerField",
        "BooleanField",
        "CharField",
        "DateField",
        "DateTimeField",
        "DecimalField",
        "EmailField",
        "FloatField",
        "GenericIPAddressField",
        "IntegerField",
        "PositiveBigIntegerField",
        "PositiveIntegerField",
        "PositiveSmallIntegerField",
        "SlugField",
        "SmallIntegerField",
        "TextField",
        "URLField",
        "UUIDField",
    }
)


def can_insert(model: type[models.Model]) -> bool:
    """Whether every field of the model is one that can go over as JSON."""
    return all(_is_plain(field) for field in model._meta.concrete_fields)


@cache
def _is_plain(field: Any) -> bool:
    own = _target(field)
    if isinstance(own, ArrayField):
        return _is_plain(own.base_field)
    if not type(own).__module__.startswith("django."):
        return False
    return isinstance(own, models.JSONField) or own.get_internal_type() in _PLAIN


def _target(field: Any) -> Any:
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return field


def insert_rows(using: str, objects: Sequence[Any], on_conflict: str, batch_size: int | None) -> bool:
    """Insert objects of one model, filling in what is made on saving; False, and nothing done, where one of them holds
    an expression, which only Django can write. Raises Django's database errors, ValueError for a NUL in a text.
    """
    model: Any = type(objects[0])
    rows = [_row(each) for each in objects]
    if any(isinstance(value, BaseExpression) for row in rows for value in row.values()):
        return False
    _send(using, f"{_statement(model)} {on_conflict}", rows, batch_size)
    for each in objects:
        each._state.adding, each._state.db = False, using
    return True


def insert_new(using: str, objects: Sequence[Any]) -> set[Any]:
    """Insert those of the objects that are not there by a unique key; returns their ids.

    Raises TypeError where only Django could write one of them, else what `insert_rows` raises.
    """
    model: Any = type(objects[0])
    rows = [_row(each) for each in objects]
    if not can_insert(model) or any(isinstance(value, BaseExpression) for row in rows for value in row.values()):
        raise TypeError(f"a {model._meta.label} of these values cannot go over as JSON")
    made = {pk for (pk,) in _send(using, f"{_statement(model)} ON CONFLICT DO NOTHING RETURNING id", rows, None)}
    for each in objects:
        if each.pk in made:
            each._state.adding, each._state.db = False, using
    return made


def _send(using: str, statement: str, rows: Sequence[dict[str, Any]], batch_size: int | None) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    waiting = iter(rows)
    with transaction.atomic(using=using, savepoint=False):
        while some := list(islice(waiting, min(batch_size or ROWS, ROWS))):
            values = [msgspec.json.encode(some, enc_hook=str).decode()]
            if using == DEFAULT_DB_ALIAS:
                found += ask(statement, values)
            else:
                with connections[using].cursor() as cursor:
                    cursor.execute(statement, values)
                    found += cursor.fetchall() if cursor.description else []
    return found


@cache
def _statement(model: Any) -> str:
    fields = model._meta.concrete_fields
    columns = ", ".join(f'"{field.column}"' for field in fields)
    typed = ", ".join(f'"{field.column}" {_type(field)}' for field in fields)
    table = model._meta.db_table
    return f'INSERT INTO "{table}" ({columns}) SELECT {columns} FROM json_to_recordset(%s::json) AS x ({typed})'


def _type(field: Any) -> str:
    own = _target(field)
    # A text that is too long is refused by the column; a cast to its type would cut it.
    if isinstance(own, models.CharField | models.TextField):
        return "text"
    if isinstance(own, ArrayField):
        return f"{_type(own.base_field)}[]"
    return str(own.db_type(connections["default"])).removesuffix(" CHECK")


def _row(each: Any) -> dict[str, Any]:
    return {field.column: _value(field, field.pre_save(each, True)) for field in type(each)._meta.concrete_fields}


def _value(field: Any, value: Any) -> Any:
    if value is None or isinstance(value, BaseExpression):
        return value
    if isinstance(field, models.JSONField):
        return msgspec.Raw(json.dumps(value, cls=field.encoder).encode())
    if isinstance(field, ArrayField):
        return [_value(field.base_field, item) for item in value]
    prepared = field.get_prep_value(value)
    if isinstance(prepared, str) and "\x00" in prepared:
        raise ValueError("A text of PostgreSQL cannot contain NUL (0x00) characters.")
    return prepared


def on_conflict(
    ignore: bool, update: bool, unique: Collection[str] | None, updated: Collection[str] | None, model: Any
) -> str:
    """The clause of an insert that ignores or updates rows that are there; "" for one that fails on them."""
    if ignore:
        return "ON CONFLICT DO NOTHING"
    if not update:
        return ""
    columns: Mapping[str, str] = {field.name: field.column for field in model._meta.concrete_fields}
    keys = ", ".join(f'"{columns[name]}"' for name in unique or ())
    changes = ", ".join(f'"{columns[name]}" = excluded."{columns[name]}"' for name in updated or ())
    return f"ON CONFLICT ({keys}) DO UPDATE SET {changes}"
