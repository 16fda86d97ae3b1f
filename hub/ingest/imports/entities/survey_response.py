from __future__ import annotations

from hub.accounts.models import TimelineEntry
from hub.accounts.services import timeline_record_many
from hub.feedback.models import SurveyResponse
from hub.ingest.imports.entities import Batch, Entity, Record
from hub.ingest.imports.mapping import FieldSpec
from hub.ingest.imports.upsert import each, upsert_by_source

RANGES = {"nps": range(11), "csat": range(1, 6)}
FIELDS = {
    "kind": FieldSpec("choice", required=True, choices={"nps": "nps", "csat": "csat"}),
    "score": FieldSpec("integer", required=True),
    "comment": FieldSpec("text"),
    "answered_at": FieldSpec("datetime", required=True),
}


def check(record: Record) -> None:
    kind, score = record.values["kind"], record.values["score"]
    if score not in RANGES[kind]:
        allowed = RANGES[kind]
        record.refuse("bad_value", f"{kind} is {allowed[0]} to {allowed[-1]}", column="score", value=str(score))


def write(batch: Batch) -> None:
    kept = Batch(batch.source, batch.historical, batch.currency, each(batch.records, check), batch.touched)
    new = upsert_by_source(kept, SurveyResponse, fields=list(FIELDS))
    timeline_record_many(
        [
            TimelineEntry(
                account_id=answer.account_id,
                contact_id=answer.contact_id,
                kind="survey",
                key=str(answer.pk),
                title=f"{answer.get_kind_display()}: {answer.score}",
                body=answer.comment,
                source=batch.source,
                occurred_at=answer.answered_at,
            )
            for answer in new
        ]
    )


ENTITY = Entity("survey_response", FIELDS, write, order=70)
