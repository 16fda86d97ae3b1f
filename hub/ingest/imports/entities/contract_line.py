from __future__ import annotations

from hub.accounts.models import TimelineEntry
from hub.ingest.imports.bulk import copy_create
from hub.ingest.imports.entities import Batch, Entity, Record
from hub.ingest.imports.journal import Trace
from hub.ingest.imports.mapping import FieldSpec
from hub.ingest.imports.upsert import each, upsert_by_source
from hub.ingest.imports.when import midnight
from hub.revenue.models import ContractLine
from hub.revenue.services import CurrencyError
from hub.revenue.services.lines import LINE_FIELDS, home_values

FIELDS = {
    "product": FieldSpec("text", longest=100, also=("product_name", "sku", "item")),
    "tier": FieldSpec("text", longest=100, also=("plan", "plan_tier", "plan_name", "edition")),
    "seats": FieldSpec("integer", also=("quantity", "licenses", "licences", "seat_count")),
    "mrr": FieldSpec("money", required=True, also=("mrr_amount", "amount", "monthly_amount", "monthly_price")),
    "currency": FieldSpec("text", longest=3, also=("currency_code",)),
    "starts_on": FieldSpec(
        "date",
        required=True,
        also=("start", "start_date", "starts_at", "from", "valid_from", "period_start"),
    ),
    "ends_on": FieldSpec("date", also=("end", "end_date", "ends_at", "until", "valid_to", "period_end")),
    "renews_on": FieldSpec("date", also=("renewal", "renewal_date", "next_renewal")),
    "notice_days": FieldSpec("integer", also=("notice_period", "notice")),
    "is_trial": FieldSpec("boolean", also=("trial",)),
    "auto_renew": FieldSpec("boolean", also=("auto_renew_flag", "auto_renewal", "renews_automatically")),
    "billing_period": FieldSpec("text", longest=20, also=("billing_frequency", "interval", "billing_interval")),
    "source_churned": FieldSpec("boolean", also=("churn_flag", "churned", "cancelled")),
}
STORED = sorted({*LINE_FIELDS, "billed_minor", "billed_currency"})
LINES = Trace(ContractLine, (*STORED, "account_id"), timeline=("contract", "line:{}"))


def write(batch: Batch) -> None:
    """Upsert contract lines; months and movements follow once per file."""

    def check(record: Record) -> None:
        values = record.values
        values["mrr_minor"] = values.pop("mrr", None)
        values["currency"] = (values.get("currency") or batch.currency).upper()
        if values["mrr_minor"] is None or values["mrr_minor"] < 0:
            record.refuse("bad_value", "MRR must be there and not negative", column="mrr")
        elif values.get("ends_on") and values["ends_on"] < values["starts_on"]:
            record.refuse("ends_before_start", f"ends {values['ends_on']}, starts {values['starts_on']}")
        else:
            _count_at_home(record, batch.currency)
        for optional in ("is_trial",):
            if values.get(optional) is None:
                values[optional] = False

    new = upsert_by_source(batch.of(each(batch.records, check)), LINES, fields=STORED, updated="updated_at")
    copy_create(
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
        ],
        strict=False,
    )


def _count_at_home(record: Record, home: str) -> None:
    """MRR in the tenant's currency at the dated rate; a currency without a rate, or that nobody knows, is refused."""
    billed = record.values["currency"]
    if billed == home:
        record.values.update(billed_minor=None, billed_currency="")
        return
    try:
        record.values = home_values(record.values)
    except CurrencyError as error:
        record.refuse("other_currency", str(error), column="currency", value=billed)


ENTITY = Entity(
    "contract_line",
    FIELDS,
    write,
    title="Contract lines",
    names=("subscription", "contract", "line", "licence", "license"),
    traces=(LINES,),
    ids=("subscription_id", "contract_id", "line_id", "id"),
    changes_revenue=True,
    order=30,
)
