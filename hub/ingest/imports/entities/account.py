from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from hub.accounts.models import Account, AccountExternalId
from hub.accounts.services import ACCOUNT_FIELDS
from hub.accounts.services.record import owner_ids
from hub.ingest.imports.entities import Batch, Entity, Record
from hub.ingest.imports.journal import Trace
from hub.ingest.imports.mapping import FieldSpec
from hub.ingest.imports.upsert import each

FIELDS = {
    "name": FieldSpec(
        "text",
        required=True,
        longest=200,
        also=(
            "company",
            "company_name",
            "account",
            "account_name",
            "customer",
            "customer_name",
            "organization",
            "organization_name",
            "organisation",
        ),
    ),
    "domain": FieldSpec("text", longest=200, also=("website", "url", "company_domain", "domain_name", "web_site")),
    "industry": FieldSpec("text", longest=100, also=("sector", "vertical", "branch")),
    "country": FieldSpec("text", longest=100, also=("land", "country_code", "billing_country", "region_country")),
    "segment": FieldSpec("text", longest=100, also=("customer_segment", "size_band", "market_segment")),
    "tier": FieldSpec("text", longest=100, also=("plan", "plan_tier", "plan_name", "package", "edition")),
    "seats": FieldSpec("integer", also=("licenses", "licences", "users", "seat_count", "number_of_seats")),
    "signed_up_on": FieldSpec(
        "date",
        also=(
            "signup_date",
            "sign_up_date",
            "created_at",
            "createdate",
            "created",
            "created_on",
            "customer_since",
            "since",
            "became_customer_on",
        ),
    ),
    "timezone": FieldSpec("text", longest=64, also=("time_zone", "tz")),
    "source_churned": FieldSpec("boolean", also=("churned", "churn_flag", "is_churned", "churn")),
    "owner_email": FieldSpec(
        "text", longest=254, also=("owner", "csm", "csm_email", "account_manager", "account_owner")
    ),
    "attributes": FieldSpec("text"),
}
ACCOUNTS = Trace(Account, (*sorted(ACCOUNT_FIELDS), "owner_id", "parent_id", "attributes"), owned_by="id")


def write(batch: Batch) -> None:
    """Upsert accounts by the source's id; attributes are merged key by key."""
    owners = owner_ids(record.values.get("owner_email") or "" for record in batch.records)
    records = each(batch.records, lambda record: _find_owner(record, owners))
    ids = [record.external_id for record in records]
    links = AccountExternalId.objects.select_related("account").filter(source=batch.source, value__in=ids)
    known = {link.value: link.account for link in links}
    new: list[Account] = []
    changed: list[Account] = []
    for record in records:
        attributes = {k.split(".", 1)[1]: v for k, v in record.values.items() if k.startswith("attributes.")}
        values = {name: value for name, value in record.values.items() if name in (*ACCOUNT_FIELDS, "owner_id")}
        account = known.get(record.external_id)
        if account is None:
            account = Account(attributes=attributes, **values)
            known[record.external_id] = account
            new.append(account)
            record.outcome = "created"
        else:
            values["attributes"] = {**account.attributes, **attributes}
            if not any(getattr(account, name) != value for name, value in values.items()):
                record.outcome = "unchanged"
                continue
            before = {name: getattr(account, name) for name, value in values.items() if getattr(account, name) != value}
            for name in before:
                setattr(account, name, values[name])
            batch.journal.changed(ACCOUNTS, account, before)
            changed.append(account)
            record.outcome = "updated"
        batch.touched.add(account.pk)
    Account.objects.bulk_create(new, batch_size=1000)
    batch.journal.created(ACCOUNTS, new)
    AccountExternalId.objects.bulk_create(
        [
            AccountExternalId(account=known[record.external_id], source=batch.source, value=record.external_id)
            for record in records
            if record.outcome == "created"
        ],
        batch_size=1000,
    )
    Account.objects.bulk_update(changed, [*sorted(ACCOUNT_FIELDS), "owner", "attributes"], batch_size=500)


def _find_owner(record: Record, owners: Mapping[str, UUID]) -> None:
    """An empty cell leaves the owner; an address that is no member's is refused."""
    address = (record.values.pop("owner_email", "") or "").strip()
    if not address:
        return
    if (owner := owners.get(address.lower())) is None:
        message = "not the address of a member who works here"
        record.refuse("bad_value", message, column="owner_email", value=address)
    else:
        record.values["owner_id"] = owner


ENTITY = Entity(
    "account",
    FIELDS,
    write,
    title="Accounts",
    names=("account", "company", "companie", "customer", "organization", "organisation", "client"),
    traces=(ACCOUNTS,),
    ids=("id", "account_id", "company_id", "customer_id", "organization_id", "external_id", "key"),
    needs_account=False,
    order=10,
)
