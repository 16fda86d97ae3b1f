from __future__ import annotations

from hub.accounts.models import TimelineEntry
from hub.accounts.services import timeline_record_many
from hub.ingest.imports.entities import Batch, Entity
from hub.ingest.imports.mapping import FieldSpec
from hub.ingest.imports.upsert import upsert_by_source
from hub.ingest.imports.when import midnight
from hub.revenue.models import ChurnClaim

FIELDS = {
    "claimed_on": FieldSpec("date", required=True),
    "reason": FieldSpec("text"),
    "refund": FieldSpec("money"),
    "is_reactivation": FieldSpec("boolean"),
    "feedback": FieldSpec("text"),
}


def write(batch: Batch) -> None:
    """Upsert what a source says about churn: a claim, shown beside the live lines."""
    for record in batch.records:
        record.values["refund_minor"] = record.values.pop("refund", None)
    columns = ["claimed_on", "reason", "refund_minor", "is_reactivation", "feedback"]
    new = upsert_by_source(batch, ChurnClaim, fields=columns)
    timeline_record_many(
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
        ]
    )


ENTITY = Entity("churn_claim", FIELDS, write, order=40)
