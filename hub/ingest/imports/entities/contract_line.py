from __future__ import annotations

from hub.accounts.models import TimelineEntry
from hub.accounts.services import timeline_record_many
from hub.ingest.imports.entities import Batch, Entity, Record
from hub.ingest.imports.mapping import FieldSpec
from hub.ingest.imports.upsert import each, upsert_by_source
from hub.ingest.imports.when import midnight
from hub.revenue.models import ContractLine
from hub.revenue.services import LINE_FIELDS

FIELDS = {
    "product": FieldSpec("text"),
    "tier": FieldSpec("text"),
    "seats": FieldSpec("integer"),
    "mrr": FieldSpec("money", required=True),
    "currency": FieldSpec("text"),
    "starts_on": FieldSpec("date", required=True),
    "ends_on": FieldSpec("date"),
    "renews_on": FieldSpec("date"),
    "notice_days": FieldSpec("integer"),
    "is_trial": FieldSpec("boolean"),
    "auto_renew": FieldSpec("boolean"),
    "billing_period": FieldSpec("text"),
    "source_churned": FieldSpec("boolean"),
}


def write(batch: Batch) -> None:
    """Upsert contract lines; months and movements follow once per file."""

    def check(record: Record) -> None:
        values = record.values
        values["mrr_minor"] = values.pop("mrr", None)
        values.setdefault("currency", batch.currency)
        if values["mrr_minor"] is None or values["mrr_minor"] < 0:
            record.refuse("bad_value", "MRR must be there and not negative", column="mrr")
        elif values["currency"] != batch.currency:
            message = f"currency {values['currency']} differs from the tenant's {batch.currency}"
            record.refuse("other_currency", message, column="currency", value=values["currency"])
        elif values.get("ends_on") and values["ends_on"] < values["starts_on"]:
            record.refuse("ends_before_start", f"ends {values['ends_on']}, starts {values['starts_on']}")
        for optional in ("is_trial",):
            if values.get(optional) is None:
                values[optional] = False

    kept = Batch(batch.source, batch.historical, batch.currency, each(batch.records, check), batch.touched)
    new = upsert_by_source(kept, ContractLine, fields=sorted(LINE_FIELDS), updated="updated_at")
    timeline_record_many(
        [
            TimelineEntry(
                account_id=line.account_id,
                kind="contract",
                key=f"line:{line.pk}",
                title=f"Contract line starts: {line.tier or line.product or line.external_id}",
                source=batch.source,
                occurred_at=midnight(line.starts_on),
            )
            for line in new
        ]
    )


ENTITY = Entity("contract_line", FIELDS, write, changes_revenue=True, order=30)
