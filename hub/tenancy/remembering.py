"""What a drain asks for again and again, asked once: the rules of a tenant do not change within one batch of accounts.

Nothing is remembered outside `remembering`, so pages and services always see what is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar
from uuid import UUID

from hub.tenancy.context import current_tenant_id
from hub.tenancy.models import Tenant

T = TypeVar("T")

_memory: ContextVar[dict[tuple[UUID, str], Any] | None] = ContextVar("tandem_memory", default=None)


@contextmanager
def remembering() -> Iterator[None]:
    """Ask each question of `remembered` once, until the block ends. Blocks do not nest: the outer one remembers."""
    if _memory.get() is not None:
        yield
        return
    token = _memory.set({})
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
    if key not in memory:
        memory[key] = find()
    answer: T = memory[key]
    return answer


def current_tenant() -> Tenant:
    """The tenant in context, with its settings; raises `NoTenantError` outside of one."""
    return remembered("tenant", lambda: Tenant.objects.get(pk=current_tenant_id()))
