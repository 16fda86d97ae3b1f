"""Telling open pages that something has changed: a word on a channel of PostgreSQL, delivered when the caller commits.

Nothing depends on it: a page that hears nothing asks again by itself. `config/streams.py` listens and passes it on.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias
from uuid import UUID

from hub.tenancy.context import current_tenant_id
from hub.tenancy.statements import ask

CHANNEL: Final = "tandem_live"

Topic: TypeAlias = Literal["signals", "tasks", "messages", "milestones", "qbr", "journeys", "imports", "access"]


def announce(topic: Topic) -> None:
    """Say that `topic` has changed for the tenant in context; said twice in a transaction, it is delivered once."""
    ask("SELECT pg_notify(%s, %s)", [CHANNEL, f"{current_tenant_id()} {topic}"])


def read_announcement(payload: str) -> tuple[UUID, str]:
    """(tenant id, topic) of a payload on the channel; raises ValueError for anything else."""
    tenant_id, _, topic = payload.partition(" ")
    return UUID(tenant_id), topic
