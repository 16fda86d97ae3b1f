from __future__ import annotations

from hub.accounts.models import TimelineEntry
from hub.accounts.services import timeline_record_many
from hub.feedback.models import Ticket, TicketPriority
from hub.ingest.imports.entities import Batch, Entity, Record
from hub.ingest.imports.mapping import FieldSpec
from hub.ingest.imports.upsert import each, upsert_by_source

PRIORITIES = {value: value for value in TicketPriority.values} | {
    "normal": "medium",
    "critical": "urgent",
    "p1": "urgent",
}
FIELDS = {
    "subject": FieldSpec("text"),
    "priority": FieldSpec("choice", choices=PRIORITIES),
    "opened_at": FieldSpec("datetime", required=True),
    "closed_at": FieldSpec("datetime"),
    "first_response_minutes": FieldSpec("integer"),
    "resolution_hours": FieldSpec("number"),
    "csat": FieldSpec("integer"),
    "escalated": FieldSpec("boolean"),
}


def check(record: Record) -> None:
    csat = record.values.get("csat")
    if csat is not None and not 1 <= csat <= 5:
        record.refuse("bad_value", "CSAT is 1 to 5", column="csat", value=str(csat))
    for name in ("escalated",):
        if record.values.get(name) is None:
            record.values.pop(name, None)
    if record.values.get("priority") is None:
        record.values.pop("priority", None)


def write(batch: Batch) -> None:
    kept = Batch(batch.source, batch.historical, batch.currency, each(batch.records, check), batch.touched)
    new = upsert_by_source(kept, Ticket, fields=list(FIELDS), updated="updated_at")
    timeline_record_many(
        [
            TimelineEntry(
                account_id=ticket.account_id,
                kind="ticket",
                key=f"opened:{ticket.pk}",
                title=f"Ticket opened ({ticket.get_priority_display()}): {ticket}",
                source=batch.source,
                occurred_at=ticket.opened_at,
            )
            for ticket in new
        ]
    )


ENTITY = Entity("ticket", FIELDS, write, order=60)
