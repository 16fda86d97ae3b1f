"""Finding the account and the contact that a row names."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from hub.accounts.models import AccountExternalId, ContactExternalId
from hub.ingest.imports.entities import Entity, Record
from hub.ingest.imports.mapping import FileMapping
from hub.revenue.models import ContractLine


class References:
    """The references of one file's rows, resolved batch by batch."""

    def __init__(self, item: FileMapping, entity: Entity, source: str) -> None:
        self.item = item
        self.entity = entity
        self.source = source

    def resolve(self, records: Sequence[Record]) -> None:
        """Fill in the ids of account and contact; refuse records that name one nobody knows."""
        if not self.entity.needs_account or not records:
            return
        known = self._accounts({record.account_ref for record in records})
        contacts = self._contacts({record.contact_ref for record in records if record.contact_ref})
        for record in records:
            record.account_id = known.get(record.account_ref)
            if record.account_id is None:
                what = self.item.through or "account"
                record.refuse(
                    f"unknown_{what}",
                    f"no {what.replace('_', ' ')} with this id is known from {self.source}",
                    column=self.item.account,
                    value=record.account_ref,
                )
            elif record.contact_ref:
                record.contact_id = contacts.get((record.account_id, record.contact_ref))
                if record.contact_id is None:
                    message = "no contact with this id is known at the account"
                    record.refuse("unknown_contact", message, column=self.item.contact, value=record.contact_ref)

    def _accounts(self, refs: set[str]) -> dict[str, UUID]:
        if self.item.through == "contract_line":
            lines = ContractLine.objects.filter(source=self.source, external_id__in=refs)
            return dict(lines.values_list("external_id", "account_id"))
        model = ContactExternalId if self.item.through == "contact" else AccountExternalId
        return dict(model.objects.filter(source=self.source, value__in=refs).values_list("value", "account_id"))

    def _contacts(self, refs: set[str]) -> dict[tuple[UUID, str], UUID]:
        if not refs:
            return {}
        links = ContactExternalId.objects.filter(source=self.source, value__in=refs)
        return {
            (account, value): contact for account, value, contact in links.values_list("account", "value", "contact")
        }
