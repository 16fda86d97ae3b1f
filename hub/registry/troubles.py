"""Troubles of accounts that keep back what is not urgent. Apps above the outbox tell it which accounts have one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from hub.registry.base import Registry


@dataclass(frozen=True, slots=True)
class Trouble:
    """``among(account_ids)`` gives those that are in this trouble now, in the tenant's context. ``key`` is a reason."""

    key: str
    among: Callable[[Sequence[UUID]], frozenset[UUID]]
    order: int = 100


troubles: Registry[Trouble] = Registry("trouble")


def troubles_of(account_ids: Sequence[UUID]) -> dict[str, frozenset[UUID]]:
    """Trouble → accounts that have it. One query for each kind of trouble."""
    return {trouble.key: trouble.among(account_ids) for trouble in troubles}
