from __future__ import annotations

from hub.feedback.models import TicketKind, TicketPriority, TicketStatus
from hub.feedback.services import TICKET
from hub.ingest.imports.entities import Entity, Record
from hub.ingest.imports.mapping import FieldSpec
from hub.ingest.imports.nouns import noun_trace, noun_writer

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
    "status": FieldSpec("choice", choices={value: value for value in TicketStatus.values}, also=("ticket_status",)),
    "kind": FieldSpec("choice", choices={value: value for value in TicketKind.values}, also=("type", "ticket_type")),
    "channel": FieldSpec("text", longest=50, also=("via_channel", "via", "origin")),
    "assignee": FieldSpec("text", longest=200, also=("agent", "assigned_to")),
    "tags": FieldSpec("list", also=("labels",)),
    "url": FieldSpec("text", longest=300, also=("link",)),
}


def check(record: Record) -> None:
    csat = record.values.get("csat")
    if csat is not None and not 1 <= csat <= 5:
        record.refuse("bad_value", "CSAT is 1 to 5", column="csat", value=str(csat))


TICKETS = noun_trace(TICKET)
ENTITY = Entity(
    "ticket",
    FIELDS,
    noun_writer(TICKET, TICKETS, check=check),
    title="Support tickets",
    names=("ticket", "case", "support", "issue"),
    traces=(TICKETS,),
    ids=("ticket_id", "case_id", "id"),
    names_contact=True,
    order=60,
)
