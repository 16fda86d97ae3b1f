from __future__ import annotations

from hub.accounts.models import Account, AccountExternalId
from hub.accounts.services import ACCOUNT_FIELDS
from hub.ingest.imports.entities import Batch, Entity
from hub.ingest.imports.mapping import FieldSpec

FIELDS = {
    "name": FieldSpec("text", required=True),
    "domain": FieldSpec("text"),
    "industry": FieldSpec("text"),
    "country": FieldSpec("text"),
    "segment": FieldSpec("text"),
    "tier": FieldSpec("text"),
    "seats": FieldSpec("integer"),
    "signed_up_on": FieldSpec("date"),
    "timezone": FieldSpec("text"),
    "source_churned": FieldSpec("boolean"),
    "attributes": FieldSpec("text"),
}


def write(batch: Batch) -> None:
    """Upsert accounts by the source's id; attributes are merged key by key."""
    ids = [record.external_id for record in batch.records]
    links = AccountExternalId.objects.select_related("account").filter(source=batch.source, value__in=ids)
    known = {link.value: link.account for link in links}
    new: list[Account] = []
    changed: list[Account] = []
    for record in batch.records:
        attributes = {k.split(".", 1)[1]: v for k, v in record.values.items() if k.startswith("attributes.")}
        values = {name: value for name, value in record.values.items() if name in ACCOUNT_FIELDS}
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
            for name, value in values.items():
                setattr(account, name, value)
            changed.append(account)
            record.outcome = "updated"
        batch.touched.add(account.pk)
    Account.objects.bulk_create(new, batch_size=1000)
    AccountExternalId.objects.bulk_create(
        [
            AccountExternalId(account=known[record.external_id], source=batch.source, value=record.external_id)
            for record in batch.records
            if record.outcome == "created"
        ],
        batch_size=1000,
    )
    Account.objects.bulk_update(changed, [*sorted(ACCOUNT_FIELDS), "attributes"], batch_size=500)


ENTITY = Entity("account", FIELDS, write, needs_account=False, order=10)
