"""What other systems can be told: kinds of happenings, registered by the apps they happen in.

Telling is part of the transaction of the row that it tells of. What is told, and to whom, is the business of the
receiver that connects at start-up; an app never knows whether anybody listens.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from hub.registry.base import Registry


@dataclass(frozen=True, slots=True)
class OutgoingKind:
    """A kind of happening, such as ``signal.recorded``, in words, with the names of what is told."""

    key: str
    words: str
    data: Sequence[str]
    order: int = 100


@dataclass(frozen=True, slots=True)
class Happening:
    """One happening. ``key`` is unique among those of its kind: told twice, it is one. ``data`` must be JSON."""

    key: str
    data: Mapping[str, Any]
    occurred_at: datetime
    account_id: UUID | None = None


Wanted: TypeAlias = Callable[[str], bool]
Receive: TypeAlias = Callable[[str, Sequence[Happening]], None]

outgoing_kinds: Registry[OutgoingKind] = Registry("outgoing kind")
_receivers: list[tuple[Wanted, Receive]] = []


def connect(wanted: Wanted, receive: Receive) -> None:
    """Add a receiver: ``wanted(kind)`` is asked first, so that nothing is read for nobody."""
    _receivers.append((wanted, receive))


def tell(kind: str, happenings: Callable[[], Sequence[Happening]]) -> None:
    """Tell whoever wants it, in the tenant's context. Raises NotRegistered for an unknown kind."""
    outgoing_kinds.get(kind)
    for wanted, receive in _receivers:
        if wanted(kind) and (found := happenings()):
            receive(kind, found)
