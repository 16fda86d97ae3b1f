"""Writing to HubSpot: properties of companies, a hundred companies a call."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from hub.ingest.connectors.base import JSON, items, mapping, text
from hub.ingest.connectors.hubspot import COMPANY_FIELDS
from hub.ingest.pulling.base import Ask
from hub.ingest.writing.base import Entry, Writer, plain, writers

MOST: Final = 100


def ask(entries: Sequence[Entry]) -> Ask:
    inputs = [
        {"id": entry.external_id, "properties": {name: _value(value) for name, value in entry.values.items()}}
        for entry in entries
    ]
    return Ask("POST", "/crm/v3/objects/companies/batch/update", {"inputs": inputs})


def _value(value: Any) -> str:
    """HubSpot takes every value as a text; an empty one empties the property."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def refused(body: JSON, entries: Sequence[Entry]) -> dict[str, str]:
    """The companies that the answer's errors name. An error that names none is everybody's who is not among results."""
    answer = mapping(body, "the answer")
    done = {text(result.get("id")) for result in items(answer.get("results"))}
    found: dict[str, str] = {}
    for error in items(answer.get("errors")):
        named = mapping(error.get("context") or {}, "the context of an error").get("ids")
        ids = {text(pk) for pk in named} if isinstance(named, list) else set()
        ids = ids or {entry.external_id for entry in entries} - done
        found |= dict.fromkeys(ids, plain(text(error.get("message"), 300)) or "refused")
    return found


def words(body: JSON) -> str:
    return plain(text(mapping(body).get("message"), 300))


writers.register(
    Writer(
        key="hubspot",
        thing="company",
        most=MOST,
        ask=ask,
        refused=refused,
        words=words,
        name=re.compile(r"[a-z][a-z0-9_]{0,99}"),
        reserved=frozenset({*COMPANY_FIELDS, "hs_object_id", "createdate", "hs_lastmodifieddate"}),
        defaults={
            "health_score": "tandem_health",
            "health_band": "tandem_health_band",
            "stage": "tandem_stage",
            "renews_on": "tandem_renews_on",
        },
        steps=(
            "In HubSpot: Settings › Properties › Company properties. Make one for each value (single-line text for "
            "stages and bands, number for scores, date for days), and let the private app write companies "
            "(crm.objects.companies.write)."
        ),
    )
)
