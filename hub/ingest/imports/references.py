"""Finding the account and the contact that a row names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from hub.accounts.models import Account, AccountExternalId, ContactExternalId
from hub.ingest.imports.entities import Entity, Record
from hub.ingest.imports.mapping import FileMapping
from hub.revenue.models import ContractLine


def domain_of(text: str) -> str:
    """The domain of an e-mail address or a web address, in lower case: ``Kim@North.example`` → ``north.example``."""
    host = text.strip().lower().rpartition("@")[2].partition("://")[2] or text.strip().lower().rpartition("@")[2]
    return host.partition("/")[0].partition(":")[0].removeprefix("www.")


def _single(pairs: Iterable[tuple[str, UUID]]) -> dict[str, UUID]:
    """What stands for one account alone: two of a name are nobody's."""
    found: dict[str, UUID | None] = {}
    for key, pk in pairs:
        found[key] = None if key in found else pk
    return {key: pk for key, pk in found.items() if pk is not None}


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
                self._refuse(record)
            elif record.contact_ref:
                record.contact_id = contacts.get((record.account_id, record.contact_ref))
                if record.contact_id is None:
                    message = "no contact with this id is known at the account"
                    record.refuse("unknown_contact", message, column=self.item.contact, value=record.contact_ref)

    def _refuse(self, record: Record) -> None:
        through, reason = self.item.through, "unknown_account"
        if through in ("name", "domain"):
            message = f"no account, or more than one, has this {through}"
        else:
            what = through or "account"
            reason = f"unknown_{what}"
            message = f"no {what.replace('_', ' ')} with this id is known from {self.source}"
        record.refuse(reason, message, column=self.item.account, value=record.account_ref)

    def _accounts(self, refs: set[str]) -> dict[str, UUID]:
        if self.item.through == "contract_line":
            lines = ContractLine.objects.filter(source=self.source, external_id__in=refs)
            return dict(lines.values_list("external_id", "account_id"))
        if self.item.through == "name":
            return _single(Account.objects.filter(name__in=refs).values_list("name", "pk"))
        if self.item.through == "domain":
            domains = {ref: domain_of(ref) for ref in refs}
            known = _single(Account.objects.filter(domain__in={*domains.values()} - {""}).values_list("domain", "pk"))
            return {ref: known[domain] for ref, domain in domains.items() if domain in known}
        model = ContactExternalId if self.item.through == "contact" else AccountExternalId
        return dict(model.objects.filter(source=self.source, value__in=refs).values_list("value", "account_id"))

    def _contacts(self, refs: set[str]) -> dict[tuple[UUID, str], UUID]:
        if not refs:
            return {}
        links = ContactExternalId.objects.filter(source=self.source, value__in=refs)
        return {
            (account, value): contact for account, value, contact in links.values_list("account", "value", "contact")
        }
