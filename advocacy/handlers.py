from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from advocacy.services import candidates_refresh
from hub.registry.handlers import facts_changed


def on_facts_changed(tenant_id: UUID, account_ids: Sequence[UUID]) -> None:
    candidates_refresh(account_ids)


def register() -> None:
    # After goals and waits of journeys: a candidate changes nothing about what is sent.
    facts_changed.connect("advocacy", on_facts_changed, order=200)
