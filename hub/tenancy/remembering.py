"""What a drain asks for again and again, asked once: the rules of a tenant do not change within one batch of accounts.

`remembered` holds an answer for one block of `remembering`. `configured` holds it for as long as the tenant's
configuration is the one that it was made of, across blocks and transactions: one statement a block tells its edition.
Nothing is remembered or kept outside `remembering`, so pages and services always see what is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, TypeAlias, TypeVar
from uuid import UUID

from django.db import models

from hub.tenancy.context import current_tenant_id
from hub.tenancy.models import Tenant
from hub.tenancy.statements import ask

T = TypeVar("T")
Edition: TypeAlias = tuple[Any, ...]

# Tenants whose answers a process keeps at a time; those that were asked about last.
TENANTS: Final = 64


@dataclass
class _Memory:
    """What one block remembers, by tenant and question, and the editions that it has read."""

    answers: dict[tuple[UUID, str], Any] = field(default_factory=dict)
    editions: dict[UUID, Edition] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A tenant's answers, and the edition of its configuration that they were made of."""

    edition: Edition
    answers: dict[str, Any] = field(default_factory=dict)


_memory: ContextVar[_Memory | None] = ContextVar("tandem_memory", default=None)
_kept: dict[UUID, _Kept] = {}
# Tables whose rows are a tenant's configuration.
_tables: list[str] = [Tenant._meta.db_table]


def configured_by(*found: type[models.Model]) -> None:
    """Say at start-up that rows of these models are configuration: answers that are `configured` may be made of them.

    They should be few for each tenant, and change because somebody edits them: any change of one makes the tenant's
    answers anew.
    """
    _tables.extend(model._meta.db_table for model in found if model._meta.db_table not in _tables)
    _statement.cache_clear()


@contextmanager
def remembering() -> Iterator[None]:
    """Ask each question of `remembered` once, until the block ends. Blocks do not nest: the outer one remembers."""
    if _memory.get() is not None:
        yield
        return
    token = _memory.set(_Memory())
    try:
        yield
    finally:
        _memory.reset(token)


def remembered(question: str, find: Callable[[], T]) -> T:
    """The answer of `find` for the tenant in context; inside `remembering` the first one."""
    memory = _memory.get()
    if memory is None:
        return find()
    key = (current_tenant_id(), question)
    if key not in memory.answers:
        memory.answers[key] = find()
    answer: T = memory.answers[key]
    return answer


def configured(question: str, find: Callable[[], T]) -> T:
    """The answer of `find` for the tenant in context; inside `remembering` that of this edition of its configuration.

    `find` may read nothing but the tables of `configured_by`, and what comes of it is shared: nobody may change it.
    """
    memory = _memory.get()
    if memory is None:
        return find()
    answers = _answers(memory, current_tenant_id())
    if question not in answers:
        answers[question] = find()
    answer: T = answers[question]
    return answer


def current_tenant() -> Tenant:
    """The tenant in context, with its settings; raises `NoTenantError` outside of one."""
    return configured("tenant", lambda: Tenant.objects.get(pk=current_tenant_id()))


def _answers(memory: _Memory, tenant_id: UUID) -> dict[str, Any]:
    if tenant_id not in memory.editions:
        # Before anything of it is read: what is edited meanwhile is newer than its edition, never older.
        memory.editions[tenant_id] = edition(tenant_id)
    found = _kept.pop(tenant_id, None)
    if found is None or found.edition != memory.editions[tenant_id]:
        found = _Kept(memory.editions[tenant_id])
    # Last in line to be forgotten.
    _kept[tenant_id] = found
    for oldest in list(_kept)[:-TENANTS]:
        _kept.pop(oldest, None)
    return found.answers


def edition(tenant_id: UUID) -> Edition:
    """Which edition of its configuration a tenant has, as the open transaction sees it. One statement.

    Made of the versions of the rows themselves, each told by its place and the transaction that wrote it, which no
    writer can leave out. (A trigger that counts edits could not be had: tables of tenants have none.)
    """
    return ask(_statement(), {"tenant": tenant_id})[0]


@cache
def _statement() -> str:
    rows = " UNION ALL ".join(
        f"SELECT tableoid, ctid, xmin FROM {table} WHERE {'id' if table == Tenant._meta.db_table else 'tenant_id'}"
        " = %(tenant)s::uuid"
        for table in _tables
    )
    # A sum asks for no order.
    return f"SELECT count(*), sum(hashtextextended(concat_ws(' ', tableoid, ctid, xmin), 0)) FROM ({rows}) x"
