"""Writing to Salesforce: fields of accounts, two hundred accounts a call, each for itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from hub.ingest.connectors.base import JSON, Malformed, items, mapping, text
from hub.ingest.connectors.salesforce.pull import FIELDS, VERSION
from hub.ingest.pulling.base import Ask
from hub.ingest.writing.base import Entry, Writer, plain, writers

MOST: Final = 200


def ask(entries: Sequence[Entry]) -> Ask:
    records: list[dict[str, Any]] = [
        {"attributes": {"type": "Account"}, "id": entry.external_id, **entry.values} for entry in entries
    ]
    # Otherwise one record that is refused would take the others back.
    body = {"allOrNone": False, "records": records}
    return Ask("PATCH", f"/services/data/{VERSION}/composite/sobjects", body)


def refused(body: JSON, entries: Sequence[Entry]) -> dict[str, str]:
    """Answers stand in the order of the records."""
    if not isinstance(body, list) or len(body) != len(entries):
        raise Malformed("the answer does not speak of every record")
    answers = [mapping(entry, "an answer") for entry in body]
    return {
        entry.external_id: _errors(answer.get("errors"))
        for entry, answer in zip(entries, answers, strict=True)
        if answer.get("success") is not True
    }


def _errors(found: JSON) -> str:
    told = [
        f"{text(error.get('statusCode') or error.get('errorCode'))}: {text(error.get('message'), 300)}"
        for error in items(found)
    ]
    return plain("; ".join(told)) or "refused"


def words(body: JSON) -> str:
    return _errors(body)


writers.register(
    Writer(
        key="salesforce",
        thing="Account",
        most=MOST,
        ask=ask,
        refused=refused,
        words=words,
        name=re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}"),
        reserved=frozenset({"id", "attributes", "systemmodstamp", "lastmodifieddate"})
        | {name.lower() for name in FIELDS["Account"].split(", ")},
        defaults={
            "health_score": "Tandem_Health__c",
            "health_band": "Tandem_Health_Band__c",
            "stage": "Tandem_Stage__c",
            "renews_on": "Tandem_Renews_On__c",
        },
        steps=(
            "In Salesforce: Setup › Object Manager › Account › Fields & Relationships. Make a field for each value "
            "(text for stages and bands, number for scores, date for days) and let the user of the connected app edit "
            "them."
        ),
    )
)
