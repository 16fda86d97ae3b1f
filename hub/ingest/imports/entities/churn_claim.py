from __future__ import annotations

from hub.accounts.models import TimelineEntry
from hub.ingest.imports.bulk import copy_create
from hub.ingest.imports.entities import Batch, Entity
from hub.ingest.imports.journal import Trace
from hub.ingest.imports.mapping import FieldSpec
from hub.ingest.imports.upsert import upsert_by_source
from hub.ingest.imports.when import midnight
from hub.revenue.models import ChurnClaim

FIELDS = {
    "claimed_on": FieldSpec("date", required=True, also=("churn_date", "churned_on", "cancelled_on", "cancelled_at")),
    "reason": FieldSpec("text", longest=100, also=("reason_code", "churn_reason", "cancellation_reason")),
    "refund": FieldSpec("money", also=("refund_amount", "refund_amount_usd")),
    "is_reactivation": FieldSpec("boolean", also=("reactivation", "reactivated")),
    "feedback": FieldSpec("text", also=("feedback_text", "comment")),
}
COLUMNS = ("claimed_on", "reason", "refund_minor", "is_reactivation", "feedback")
CLAIMS = Trace(ChurnClaim, (*COLUMNS, "account_id"), timeline=("contract", "claim:{}"))


def write(batch: Batch) -> None:
    """Upsert what a source says about churn: a claim, shown beside the live lines."""
    for record in batch.records:
        if "refund" in record.values:
            record.values["refund_minor"] = record.values.pop("refund")
    new = upsert_by_source(batch, CLAIMS, fields=COLUMNS)
    copy_create(
        [
            TimelineEntry(
                account_id=claim.account_id,
                kind="contract",
                key=f"claim:{claim.pk}",
                title=f"The source says: churned{f' ({claim.reason})' if claim.reason else ''}",
                body=claim.feedback,
                source=batch.source,
                occurred_at=midnight(claim.claimed_on),
            )
            for claim in new
        ],
        strict=False,
    )


ENTITY = Entity(
    "churn_claim",
    FIELDS,
    write,
    title="Churn claims",
    names=("churn", "cancellation"),
    traces=(CLAIMS,),
    ids=("churn_event_id", "churn_id", "id"),
    order=40,
)
