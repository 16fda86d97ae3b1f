from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeAlias
from uuid import UUID

from hub.accounts.attribute_values import AttributeValueError, read
from hub.accounts.models import Account, AccountExternalId, AccountState, AttributeDefinition, AttributeEntity
from hub.accounts.services import (
    ACCOUNT_FIELDS,
    FIGURE_FIELDS,
    HierarchyError,
    Voice,
    account_parent_set,
    attributes_set_many,
    figures_touch,
    owner_ids,
    states_lock,
    words_restore,
)
from hub.accounts.words import ATTRIBUTE, PARENT, words_of
from hub.ingest.imports.bulk import copy_create
from hub.ingest.imports.entities import Batch, Entity, Record
from hub.ingest.imports.journal import Trace
from hub.ingest.imports.mapping import FieldSpec
from hub.ingest.imports.upsert import each
from hub.people.audit import SYSTEM, Actor

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
    "parent": FieldSpec(
        "text", longest=200, also=("parent_id", "parent_account", "parent_account_id", "parent_company")
    ),
    "attributes": FieldSpec("text"),
}
Definitions: TypeAlias = Mapping[str, AttributeDefinition]


def write(batch: Batch) -> None:
    """Upsert accounts by the source's id; attributes are merged key by key, typed where the tenant defines them."""
    definitions = _definitions(batch.records)
    owners = owner_ids(record.values.get("owner_email") or "" for record in batch.records)
    records = each(batch.records, lambda record: _prepare(record, owners, definitions))
    known = _known(batch, records)
    voice = Voice(batch.source, batch.as_of)
    before = {account.pk: _state(account) for account in known.values()}
    new: list[Account] = []
    changed: list[Account] = []
    for record in records:
        account = known.get(record.external_id)
        if account is None:
            account = known[record.external_id] = Account()
            _assign(account, record, definitions, voice)
            new.append(account)
            record.outcome = "created"
        else:
            words = account.words
            record.outcome = "updated" if _assign(account, record, definitions, voice) else "unchanged"
            if record.outcome == "updated" or account.words is not words:
                changed.append(account)
    _store(batch, records, known, new)
    with batch.released():
        columns = [*sorted(ACCOUNT_FIELDS), "owner", "attributes", "words"]
        Account.objects.bulk_update(changed, columns, batch_size=500)
        _type_attributes(batch, records, known, definitions, voice)
        _put_below(batch, records, known, voice)
        voice.note()
    batch.touched.update(known[record.external_id].pk for record in records if record.outcome in ("created", "updated"))
    if not batch.pretend:
        # A check must not even mark the queue: everybody else's mark would wait for its end.
        figures_touch(batch.touched, FIGURE_FIELDS)
    batch.journal.created(ACCOUNTS, new)
    for account in known.values():
        if (was := before.get(account.pk)) and (differs := {k: v for k, v in was.items() if getattr(account, k) != v}):
            batch.journal.changed(ACCOUNTS, account, differs)


def _known(batch: Batch, records: Sequence[Record]) -> dict[str, Account]:
    """The accounts that are there already, by the source's id; locked, for what others say of them counts, too."""
    links = AccountExternalId.objects.filter(source=batch.source, value__in=[record.external_id for record in records])
    ids = dict(links.values_list("value", "account_id"))
    if not batch.pretend:
        states_lock(ids.values())
    accounts = Account.objects.in_bulk(set(ids.values())) if ids else {}
    return {value: accounts[pk] for value, pk in ids.items()}


def _prepare(record: Record, owners: Mapping[str, UUID], definitions: Definitions) -> None:
    _find_owner(record, owners)
    for name, value in record.values.items():
        definition = definitions.get(name.partition(".")[2]) if name.startswith("attributes.") else None
        if definition is not None and value:
            try:
                read(definition.kind, value, definition.choices)
            except AttributeValueError as error:
                record.refuse("bad_value", str(error)[:500], column=name, value=str(value))
                return


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


def _definitions(records: Sequence[Record]) -> Definitions:
    """The tenant's own attributes of accounts, when any row brings one."""
    if not any(name.startswith("attributes.") for record in records[:1] for name in record.values):
        return {}
    rows = AttributeDefinition.objects.filter(entity=AttributeEntity.ACCOUNT, archived_at__isnull=True)
    return {row.key: row for row in rows}


def _state(account: Account) -> dict[str, Any]:
    names = (*ACCOUNT_FIELDS, "owner_id", "parent_id", "words")
    return {name: getattr(account, name) for name in names} | {"attributes": dict(account.attributes)}


def _fields(record: Record) -> dict[str, Any]:
    return {name: value for name, value in record.values.items() if name in ACCOUNT_FIELDS or name == "owner_id"}


def _attributes(record: Record, definitions: Definitions) -> dict[str, Any]:
    """What nobody has defined, kept as it came."""
    given = {name.partition(".")[2]: value for name, value in record.values.items() if name.startswith("attributes.")}
    return {key: value for key, value in given.items() if key not in definitions}


def _assign(account: Account, record: Record, definitions: Definitions, voice: Voice) -> bool:
    """Keep what the row says in the account's words, and set what wins; False when that is what it had."""
    untyped = {f"{ATTRIBUTE}{key}": value for key, value in _attributes(record, definitions).items()}
    won = voice.says(account, _fields(record) | untyped)
    attributes = {name.removeprefix(ATTRIBUTE): won.pop(name) for name in untyped}
    if attributes:
        won["attributes"] = {**account.attributes, **attributes}
    differing = [name for name, value in won.items() if getattr(account, name) != value]
    for name in differing:
        setattr(account, name, won[name])
    return bool(differing)


def _store(
    batch: Batch,
    records: Sequence[Record],
    known: Mapping[str, Account],
    new: Sequence[Account],
) -> None:
    copy_create(new)
    copy_create([AccountState(account_id=account.pk) for account in new])
    copy_create(
        [
            AccountExternalId(account=known[record.external_id], source=batch.source, value=record.external_id)
            for record in records
            if record.outcome == "created"
        ]
    )


def _type_attributes(
    batch: Batch, records: Sequence[Record], known: Mapping[str, Account], definitions: Definitions, voice: Voice
) -> None:
    rows: list[tuple[Record, dict[str, object]]] = []
    for record in records:
        given = {key: record.values[f"attributes.{key}"] for key in definitions if f"attributes.{key}" in record.values}
        if given:
            rows.append((record, given))
    told = attributes_set_many(
        [(known[record.external_id], None, given) for record, given in rows],
        source=batch.source,
        label=f"import of {batch.source}",
        voice=voice,
    )
    for (record, _), keys in zip(rows, told, strict=True):
        if keys and record.outcome == "unchanged":
            record.outcome = "updated"


def _put_below(batch: Batch, records: Sequence[Record], known: Mapping[str, Account], voice: Voice) -> None:
    """Put accounts below those that their rows name; a circle is refused, and the account stays where it was."""
    wanted = {record.external_id: str(record.values.get("parent") or "").strip() for record in records}
    parents = _parents(batch.source, {ref for ref in wanted.values() if ref}, known)
    actor = Actor("command", label=f"import of {batch.source}")
    for record in records:
        if not (ref := wanted[record.external_id]):
            continue
        account, parent = known[record.external_id], parents.get(ref)
        if parent is None:
            _lacks_parent(record, "no account with this id is known yet", ref)
        elif not _lies_below(account, parent, voice):
            try:
                moved = account_parent_set(account=account, parent=parent, actor=actor, voice=voice)
            except HierarchyError as error:
                _lacks_parent(record, str(error), ref)
                continue
            if moved and record.outcome == "unchanged":
                record.outcome = "updated"


def _lies_below(account: Account, parent: Account, voice: Voice) -> bool:
    """Whether it is there already, by this source's word alone: then there is nothing to say anew."""
    words = words_of(account.words, PARENT)
    said = [(word.source, word.value) for word in words] == [(voice.name, str(parent.pk))]
    return said and account.parent_id == parent.pk


def _lacks_parent(record: Record, message: str, ref: str) -> None:
    record.refuse("bad_parent", f"{message}; the rest of the row is imported", column="parent", value=ref)


def _parents(source: str, refs: set[str], known: Mapping[str, Account]) -> dict[str, Account]:
    others = refs - set(known)
    links = AccountExternalId.objects.select_related("account").filter(source=source, value__in=others)
    return {ref: known[ref] for ref in refs if ref in known} | {link.value: link.account for link in links}


def take_back(gone: Sequence[Account], restored: Sequence[tuple[Account, dict[str, Any]]]) -> None:
    """Typed attributes and the tree have rules of their own: they are put back by their services."""
    definitions = {row.key: row for row in AttributeDefinition.objects.filter(entity=AttributeEntity.ACCOUNT)}
    words_restore(restored)
    rows: list[tuple[Account, None, dict[str, object]]] = []
    for account, values in restored:
        if "attributes" in values:
            now, then = account.attributes, values["attributes"]
            differing = [key for key in definitions if now.get(key) != then.get(key)]
            rows.append((account, None, {key: then.get(key) for key in differing}))
        if "parent_id" in values:
            parent = Account.objects.filter(pk=values.pop("parent_id")).first()
            with suppress(HierarchyError):
                account_parent_set(account=account, parent=parent, actor=SYSTEM)
            account.parent_id = Account.objects.values_list("parent_id", flat=True).get(pk=account.pk)
    attributes_set_many(rows, label="undone import")
    # Children leave before an account does: what they lie below may be removed with them.
    Account.objects.filter(pk__in=[account.pk for account in gone], parent__isnull=False).update(parent=None)


ACCOUNTS = Trace(
    Account, (*sorted(ACCOUNT_FIELDS), "owner_id", "parent_id", "attributes"), undo=take_back, owned_by="id"
)
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
