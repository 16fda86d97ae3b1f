from __future__ import annotations

from hub.accounts.models import ActivityKind
from hub.accounts.services.community import COMMUNITY_ACTIVITY
from hub.ingest.imports.entities import Entity
from hub.ingest.imports.mapping import FieldSpec
from hub.ingest.imports.nouns import noun_trace, noun_writer

FIELDS = {
    "kind": FieldSpec(
        "choice", required=True, choices={value: value for value in ActivityKind.values}, also=("type", "activity")
    ),
    "title": FieldSpec("text", longest=300, also=("subject", "topic", "name")),
    "url": FieldSpec("text", longest=300, also=("link", "permalink")),
    "occurred_at": FieldSpec("datetime", required=True, also=("created_at", "date", "posted_at", "at")),
}
ACTS = noun_trace(COMMUNITY_ACTIVITY)
ENTITY = Entity(
    "community_activity",
    FIELDS,
    noun_writer(COMMUNITY_ACTIVITY, ACTS),
    title="Community activity",
    names=("community", "forum", "posts"),
    traces=(ACTS,),
    ids=("activity_id", "post_id", "id"),
    names_contact=True,
    order=77,
)
