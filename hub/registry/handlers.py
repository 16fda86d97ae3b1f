"""Handlers: what lower apps announce and higher apps react to.

An announcement is made inside the transaction of the row that caused it; that row is the
idempotency key and the audit trail, so a handler may be called again for the same ids and
must then change nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from hub.registry.base import Registry

Receiver: TypeAlias = Callable[[UUID, Sequence[UUID]], None]


@dataclass(frozen=True, slots=True)
class Handler:
    """One app's reaction; ``order`` decides who hears first."""

    key: str
    receive: Receiver
    order: int = 100


class Announcement:
    """A point that is announced with (tenant id, ids of the rows concerned)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.handlers: Registry[Handler] = Registry(f"{name} handler")

    def connect(self, key: str, receive: Receiver, *, order: int = 100) -> None:
        """Register a receiver under the app's key; raises RegistryError on a duplicate."""
        self.handlers.register(Handler(key, receive, order))

    def __call__(self, tenant_id: UUID, ids: Sequence[UUID]) -> None:
        """Call every receiver in order; an error ends the announcement and the transaction."""
        if not ids:
            return
        for handler in self.handlers:
            handler.receive(tenant_id, ids)


facts_changed = Announcement("facts_changed")
"""``(tenant_id, account_ids)``: facts of these accounts have a new ``fact_version``."""

figures_changed = Announcement("figures_changed")
"""``(tenant_id, account_ids)``: what figures of revenue are counted from or split by is new at these accounts."""

signal_recorded = Announcement("signal_recorded")
"""``(tenant_id, signal_ids)``: these signals were written and may start something."""

tenant_made = Announcement("tenant_made")
"""``(tenant_id, [tenant_id])``: a new tenant, in whose context this is called, gets what ships with the apps."""

history_loaded = Announcement("history_loaded")
"""``(tenant_id, account_ids)``: historical rows of these accounts came in; what they make true must trigger nothing."""

export_finished = Announcement("export_finished")
"""``(tenant_id, export_ids)``: these files are ready to be taken."""

segments_moved = Announcement("segments_moved")
"""``(tenant_id, member_ids)``: with these rows accounts joined segments, or left them; after signals were recorded."""

accounts_evaluated = Announcement("accounts_evaluated")
"""``(tenant_id, account_ids)``: everything about these accounts has been evaluated; their locks are still held."""
