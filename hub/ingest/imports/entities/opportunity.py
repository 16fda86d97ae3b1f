from __future__ import annotations

from hub.ingest.imports.entities import Entity
from hub.ingest.imports.mapping import FieldSpec
from hub.ingest.imports.nouns import noun_trace, noun_writer
from hub.revenue.models import ExpansionType, OpportunityKind, OpportunityOutcome
from hub.revenue.services.opportunities import OPPORTUNITY

FIELDS = {
    "name": FieldSpec("text", required=True, longest=300, also=("deal_name", "dealname", "opportunity_name", "title")),
    "kind": FieldSpec(
        "choice", required=True, choices={value: value for value in OpportunityKind.values}, also=("type", "deal_type")
    ),
    "expansion_type": FieldSpec("choice", choices={value: value for value in ExpansionType.values}),
    "stage": FieldSpec("text", longest=100, also=("deal_stage", "stage_name", "pipeline_stage", "pipeline_stage_id")),
    "amount": FieldSpec("money", also=("deal_amount", "value", "acv", "arr")),
    "currency": FieldSpec("text", longest=3, also=("currency_code",)),
    "probability_pct": FieldSpec("integer", also=("probability",)),
    "opened_on": FieldSpec("date", also=("createdate", "created_at", "created", "opened_at")),
    "close_on": FieldSpec("date", also=("closedate", "close_date", "expected_close_date")),
    "outcome": FieldSpec("choice", choices={value: value for value in OpportunityOutcome.values}, also=("state",)),
    "closed_at": FieldSpec("datetime", also=("closed", "closed_date")),
    "lost_reason": FieldSpec("text", longest=200, also=("closed_lost_reason", "loss_reason")),
    "owner_name": FieldSpec("text", longest=200, also=("owner", "deal_owner")),
    "url": FieldSpec("text", longest=500, also=("link",)),
}
DEALS = noun_trace(OPPORTUNITY)
ENTITY = Entity(
    "opportunity",
    FIELDS,
    noun_writer(OPPORTUNITY, DEALS, renamed={"amount": "amount_minor"}),
    title="Opportunities",
    names=("deal", "opportunit", "pipeline"),
    traces=(DEALS,),
    ids=("deal_id", "opportunity_id", "id"),
    order=75,
)
