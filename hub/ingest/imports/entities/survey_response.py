from __future__ import annotations

from hub.accounts.models import TimelineEntry
from hub.feedback.models import SurveyResponse
from hub.ingest.imports.bulk import copy_create
from hub.ingest.imports.entities import Batch, Entity, Record
from hub.ingest.imports.journal import Trace
from hub.ingest.imports.mapping import FieldSpec
from hub.ingest.imports.upsert import each, upsert_by_source

RANGES = {"nps": range(11), "csat": range(1, 6)}
FIELDS = {
    "kind": FieldSpec(
        "choice", required=True, choices={"nps": "nps", "csat": "csat"}, also=("survey", "type", "survey_type")
    ),
    "score": FieldSpec("integer", required=True, also=("rating", "answer", "value", "nps", "csat", "nps_score")),
    "comment": FieldSpec("text", also=("feedback", "text", "verbatim", "reason")),
    "answered_at": FieldSpec(
        "datetime",
        required=True,
        also=("created_at", "date", "submitted_at", "responded_at", "answered", "at"),
    ),
}
ANSWERS = Trace(SurveyResponse, (*FIELDS, "account_id", "contact_id"), timeline=("survey", "{}"))


def check(record: Record) -> None:
    kind, score = record.values["kind"], record.values["score"]
    if score not in RANGES[kind]:
        allowed = RANGES[kind]
        record.refuse("bad_value", f"{kind} is {allowed[0]} to {allowed[-1]}", column="score", value=str(score))


def write(batch: Batch) -> None:
    new = upsert_by_source(batch.of(each(batch.records, check)), ANSWERS, fields=list(FIELDS))
    copy_create(
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
        ],
        strict=False,
    )


ENTITY = Entity(
    "survey_response",
    FIELDS,
    write,
    title="Survey answers",
    names=("survey", "nps", "csat", "response", "answer", "feedback", "satisfaction"),
    traces=(ANSWERS,),
    ids=("response_id", "answer_id", "id"),
    names_contact=True,
    order=70,
)
