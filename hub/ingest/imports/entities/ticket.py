from __future__ import annotations

from hub.accounts.models import TimelineEntry
from hub.accounts.services import timeline_record_many
from hub.feedback.models import Ticket, TicketPriority
from hub.ingest.imports.entities import Batch, Entity, Record
from hub.ingest.imports.journal import Trace
from hub.ingest.imports.mapping import FieldSpec
from hub.ingest.imports.upsert import each, upsert_by_source

PRIORITIES = {value: value for value in TicketPriority.values} | {
    "normal": "medium",
    "critical": "urgent",
    "p1": "urgent",
}
FIELDS = {
    "subject": FieldSpec("text", longest=300, also=("title", "summary", "topic")),
    "priority": FieldSpec("choice", choices=PRIORITIES, also=("ticket_priority", "severity", "urgency")),
    "opened_at": FieldSpec(
        "datetime",
        required=True,
        also=("created_at", "created", "createdate", "submitted_at", "opened", "open_date"),
    ),
    "closed_at": FieldSpec("datetime", also=("closed", "closed_date", "solved_at", "resolved_at", "close_date")),
    "first_response_minutes": FieldSpec("integer", also=("first_response_time_minutes", "first_reply_minutes")),
    "resolution_hours": FieldSpec("number", also=("resolution_time_hours", "hours_to_resolve")),
    "csat": FieldSpec("integer", also=("satisfaction_score", "satisfaction", "rating")),
    "escalated": FieldSpec("boolean", also=("escalation_flag", "escalation", "is_escalated")),
}
TICKETS = Trace(Ticket, (*FIELDS, "account_id", "contact_id"), timeline=("ticket", "opened:{}"))


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
    new = upsert_by_source(batch.of(each(batch.records, check)), TICKETS, fields=list(FIELDS), updated="updated_at")
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


ENTITY = Entity(
    "ticket",
    FIELDS,
    write,
    title="Support tickets",
    names=("ticket", "case", "support", "issue"),
    traces=(TICKETS,),
    ids=("ticket_id", "case_id", "id"),
    names_contact=True,
    order=60,
)
