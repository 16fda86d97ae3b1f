"""Querysets that are compiled once: for reads that a worker repeats for every event.

Django makes SQL anew each time a queryset is read, and PostgreSQL plans it anew, because the values stand in its text.
For a page neither matters; a drain that reads thirty things for one event spends most of its time on them. A function
decorated with `Prepared` says what to read as any other queryset, once, with places instead of values:

    @Prepared[Message]
    def waiting(the: Places) -> Any:
        return Message.objects.filter(account_id__in=the.uuids("accounts"), due_at__lte=the.moment("now"))

    waiting(accounts=ids, now=timezone.now())

A call answers with the list that the queryset would have, in the tenant's context, from a statement of `ask`. It may be
one of models, with `select_related`, or of `values_list`, and may lock; `prefetch_related` and aggregates it is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import cached_property
from itertools import count
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models.query import FlatValuesListIterable, ModelIterable, ValuesListIterable, get_related_populators

from hub.tenancy.context import current_tenant_id, naming
from hub.tenancy.statements import Question, Row, ask

T = TypeVar("T")

_TENANT: Final = UUID(int=0xFFFF_0000_0000_0000_0000_0000_0000_0000)
_PLACE: Final = re.compile(r"%(?:%|s)")
_TYPES: Final = {UUID: "uuid", str: "text", int: "bigint", datetime: "timestamptz", date: "date"}


class Places:
    """Hands out the stand-ins of values that a call will name, each known again in the compiled statement."""

    def __init__(self) -> None:
        self.lists: dict[Any, str] = {}
        self.single: dict[Any, str] = {}
        self._numbers = count(1)

    def uuids(self, name: str) -> list[UUID]:
        """A list for an `__in`."""
        return self._list(name, self._uuid())

    def texts(self, name: str) -> list[str]:
        """A list for an `__in`."""
        return self._list(name, f"\x01place {next(self._numbers)}")

    def uuid(self, name: str) -> UUID:
        return self._one(name, self._uuid())

    def text(self, name: str) -> str:
        return self._one(name, f"\x01place {next(self._numbers)}")

    def moment(self, name: str) -> datetime:
        return self._one(name, datetime(1, 1, 2, tzinfo=UTC) + timedelta(microseconds=next(self._numbers)))

    def day(self, name: str) -> date:
        return self._one(name, date(1, 1, 1) + timedelta(days=next(self._numbers)))

    def _uuid(self) -> UUID:
        return UUID(int=_TENANT.int + next(self._numbers))

    def _one(self, name: str, stand_in: T) -> T:
        self.single[stand_in] = name
        return stand_in

    def _list(self, name: str, stand_in: T) -> list[T]:
        self.lists[stand_in] = name
        return [stand_in]


@dataclass(frozen=True, slots=True)
class _Compiled:
    """`given` are the values in their order: the name of one that a call gives, or a constant."""

    sql: str
    given: Sequence[tuple[str, Any]]
    row: Callable[[Any], Any]


@dataclass
class Prepared(Generic[T]):
    """A queryset of `T` that is compiled with its first call; `build` gets the places of its values."""

    build: Callable[[Places], Any]

    def __call__(self, **values: Any) -> list[T]:
        """The rows for these values, each of which has its place. Raises KeyError for one that is missing."""
        return self.answers(ask(*self.question(**values)))

    def question(self, **values: Any) -> Question:
        """What a call asks, for `ask_all`; `answers` makes of its rows what a call would give."""
        tenant = {"tenant": current_tenant_id()}
        given = self._made.given
        return self._made.sql, [tenant.get(name) or values[name] if name else constant for name, constant in given]

    def answers(self, rows: Sequence[Row]) -> list[T]:
        return [self._made.row(row) for row in rows]

    @cached_property
    def _made(self) -> _Compiled:
        return _compile(self.build)


# --- Compiling ----------------------------------------------------------------------------------------------------


def _compile(build: Callable[[Places], Any]) -> _Compiled:
    """SQL with %s places, what stands in each, and what makes a result of a row."""
    places = Places()
    with naming(_TENANT):
        queryset: Any = build(places)
        compiler = queryset.query.get_compiler(using=queryset.db)
        sql, parameters = compiler.as_sql()
    parts = _PLACE.split(sql)
    marks = [mark[0] for mark in _PLACE.finditer(sql)]
    made, given, left = [parts[0]], [], iter(parameters)
    for mark, after in zip(marks, parts[1:], strict=True):
        if mark == "%%":
            made += [mark, after]
            continue
        value = next(left)
        if name := _named(places.lists, value):
            made[-1], after = _listed(made[-1], after, value)
            given.append((name, None))
        elif name := _named(places.single, value):
            made.append(f"%s::{_type_of(value)}")
            given.append((name, None))
        else:
            made.append("%s")
            given.append(("tenant", None) if value == _TENANT else ("", _plain(value)))
        made.append(after)
    return _Compiled("".join(made), given, _row_maker(queryset, compiler))


def _named(known: dict[Any, str], value: Any) -> str:
    # Equal is not enough: 1 and True are, and a list cannot be looked up.
    return next((name for stand_in, name in known.items() if type(stand_in) is type(value) and stand_in == value), "")


def _listed(before: str, after: str, value: Any) -> tuple[str, str]:
    """`… IN (` and `)` as `… = ANY(place)`, so that a list of any length is the same statement."""
    if not before.endswith(" IN (") or not after.startswith(")"):
        raise ValueError(f"a list stands outside of an IN: …{before[-40:]}%s{after[:10]}…")
    return before.removesuffix("IN (") + f"= ANY(%s::{_type_of(value)}[]", after


def _type_of(value: Any) -> str:
    return _TYPES[type(value)]


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _row_maker(queryset: Any, compiler: Any) -> Callable[[Any], Any]:
    """What a row of the statement becomes, by the kind of queryset."""
    converters = compiler.get_converters([column for column, _, _ in compiler.select])
    kind = queryset._iterable_class
    if kind not in (ModelIterable, ValuesListIterable, FlatValuesListIterable):
        raise TypeError(f"{kind.__name__} cannot be prepared")

    def converted(row: Any) -> list[Any]:
        values = list(row)
        for position, (functions, expression) in converters.items():
            for function in functions:
                values[position] = function(values[position], expression, connection)
        return values

    if kind is FlatValuesListIterable:
        return lambda row: converted(row)[0]
    if kind is ValuesListIterable:
        return lambda row: tuple(converted(row))
    return _model_maker(queryset.db, compiler, converted)


def _model_maker(using: str, compiler: Any, converted: Callable[[Any], list[Any]]) -> Callable[[Any], Any]:
    about = compiler.klass_info
    fields = about["select_fields"]
    start, end = fields[0], fields[-1] + 1
    names = [column.target.attname for column, _, _ in compiler.select[start:end]]
    # The stubs are of a Django that asks for one more.
    populators = get_related_populators(about, compiler.select, using)  # type: ignore[call-arg]

    def made(row: Any) -> Any:
        values = converted(row)
        instance = about["model"].from_db(using, names, values[start:end])
        for populator in populators:
            populator.populate(values, instance)
        for name, position in compiler.annotation_col_map.items():
            setattr(instance, name, values[position])
        return instance

    return made
