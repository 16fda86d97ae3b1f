"""What a batch of steps writes: positions, fenced by the visit they were read with, and what happened on the way.

Rows go over as one JSON value into a prepared statement: to compile, send and read a value for each field of each row
cost half of a step.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from hub.tenancy.context import current_tenant_id
from hub.tenancy.ids import uuid7
from hub.tenancy.live import announce
from hub.tenancy.statements import ask
from journeys.models import Enrollment

_POSITION: Final = {
    "version": "int",
    "node_id": "text",
    "visit": "int",
    "status": "text",
    "reason": "text",
    "ended_at": "timestamptz",
    "due_at": "timestamptz",
    "rests_since": "timestamptz",
    "wait": "jsonb",
    "awaits": "text",
    "port": "text",
    "slot": "text",
    "attempts": "int",
    "error": "text",
}
_RUN: Final = {
    "id": "uuid",
    "account_id": "uuid",
    "enrollment_id": "uuid",
    "journey_id": "uuid",
    "version": "int",
    "node_id": "text",
    "visit": "int",
    "kind": "text",
    "outcome": "text",
    "port": "text",
    "reason": "text",
    "evidence": "jsonb",
    "started_at": "timestamptz",
    "finished_at": "timestamptz",
}
MOVE: Final = (
    f"UPDATE journeys_enrollment e SET {', '.join(f'{name} = x.{name}' for name in _POSITION)}"
    f" FROM json_to_recordset(%s::json) AS x (id uuid, seen int, {', '.join(map(' '.join, _POSITION.items()))})"
    " WHERE e.tenant_id = %s AND e.id = x.id AND e.visit = x.seen AND e.status = 'active' RETURNING e.id"
)
KEEP: Final = (
    f"INSERT INTO journeys_steprun (tenant_id, {', '.join(_RUN)}) SELECT %s, {', '.join(f'x.{name}' for name in _RUN)}"
    f" FROM json_to_recordset(%s::json) AS x ({', '.join(map(' '.join, _RUN.items()))})"
    " ON CONFLICT (tenant_id, enrollment_id, node_id, visit) DO NOTHING RETURNING id"
)


@dataclass(slots=True)
class Run:
    """What happens on a node while it happens; becomes a `StepRun`, whose fields it has."""

    account_id: UUID
    enrollment_id: UUID
    journey_id: UUID
    version: int
    node_id: str
    visit: int
    kind: str
    started_at: datetime
    finished_at: datetime
    id: UUID = field(default_factory=uuid7)
    outcome: str = ""
    port: str = ""
    reason: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


def store_positions(moved: Sequence[tuple[Enrollment, int]]) -> set[UUID]:
    """Update enrollments that still stand where they were read; returns the ids of those that did."""
    if not moved:
        return set()
    rows = [_position(enrollment, visit) for enrollment, visit in moved]
    stored = {pk for (pk,) in ask(MOVE, [_json(rows), current_tenant_id()])}
    announce("journeys")
    return stored


def store_runs(runs: Collection[Run]) -> None:
    """Keep what happened on the way."""
    if runs:
        ask(KEEP, [current_tenant_id(), _json(list(runs))])


def _position(enrollment: Enrollment, seen: int) -> dict[str, Any]:
    return {"id": enrollment.pk, "seen": seen, **{name: getattr(enrollment, name) for name in _POSITION}}


def _json(rows: Sequence[Any]) -> str:
    return msgspec.json.encode(rows, enc_hook=str).decode()
