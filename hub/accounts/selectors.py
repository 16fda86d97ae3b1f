"""Reads of the record: the tree of accounts, people across accounts, attributes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from hub.accounts.models import (
    Account,
    AccountFacts,
    AttributeChange,
    AttributeDefinition,
    AttributeEntity,
    AttributeValue,
    Contact,
    Person,
    PersonEvent,
)
from hub.tenancy.context import current_tenant_id

# A circle cannot be written; should one ever be there, reading it must still end.
DEEPEST = 50


def ancestors(account_id: UUID) -> list[UUID]:
    """The accounts above, the nearest first. One query."""
    statement = """
        WITH RECURSIVE above (id, depth) AS (
            SELECT parent_id, 1 FROM accounts_account
            WHERE tenant_id = %(tenant)s AND id = %(id)s AND parent_id IS NOT NULL
            UNION ALL
            SELECT a.parent_id, depth + 1 FROM above JOIN accounts_account a
                ON a.tenant_id = %(tenant)s AND a.id = above.id AND a.parent_id IS NOT NULL WHERE depth < %(deepest)s
        ) SELECT id FROM above ORDER BY depth"""
    return [row[0] for row in _rows(statement, id=account_id)]


def levels_below(account_id: UUID, deepest: int) -> int:
    """How many levels of accounts lie below; 0 without any, counted no further than `deepest`. One query."""
    statement = """
        WITH RECURSIVE below (id, depth) AS (
            SELECT id, 1 FROM accounts_account WHERE tenant_id = %(tenant)s AND parent_id = %(id)s
            UNION ALL
            SELECT a.id, depth + 1 FROM below JOIN accounts_account a
                ON a.tenant_id = %(tenant)s AND a.parent_id = below.id WHERE depth < %(most)s
        ) SELECT coalesce(max(depth), 0) FROM below"""
    return int(_rows(statement, id=account_id, most=deepest)[0][0])


def _rows(statement: str, **values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"tenant": current_tenant_id(), "deepest": DEEPEST, **values})
        return list(cursor.fetchall())


@dataclass(frozen=True)
class Child:
    """An account right below, with its own figures rolled up; money in minor units."""

    account: Account
    facts: AccountFacts | None


@dataclass(frozen=True)
class Family:
    """Where an account lies in the tree: those above, the topmost first, and those right below, the largest first."""

    above: list[Account]
    children: list[Child]
    more: int
    facts: AccountFacts | None


def account_facts(account: Account) -> AccountFacts | None:
    """The fact row of an account; None before its first evaluation. Read once for an instance: a page has one."""
    kept: dict[str, AccountFacts | None] = account.__dict__
    if "_fact_row" not in kept:
        kept["_fact_row"] = AccountFacts.objects.filter(account_id=account.pk).first()
    return kept["_fact_row"]


def family_of(account: Account, *, shown: int = 20) -> Family:
    """The tree around an account; five queries at most, one of an account that nobody lies above or below."""
    ids = ancestors(account.pk) if account.parent_id else []
    named = {row.pk: row for row in Account.objects.filter(pk__in=ids)} if ids else {}
    below = list(Account.objects.filter(parent_id=account.pk))
    rows = {row.account_id: row for row in AccountFacts.objects.filter(account__parent_id=account.pk)} if below else {}
    children = [Child(child, rows.get(child.pk)) for child in below]
    children.sort(key=_by_weight)
    return Family(
        above=[named[pk] for pk in reversed(ids)],
        children=children[:shown],
        more=max(len(children) - shown, 0),
        facts=account_facts(account),
    )


def _by_weight(child: Child) -> tuple[bool, int, str]:
    # Those that were never evaluated come last.
    return child.facts is None, -child.facts.rollup_mrr_minor if child.facts else 0, child.account.name


# --- People -------------------------------------------------------------------------------------------------------


def person_contacts(person: Person) -> list[Contact]:
    """A person's places, those that are active first. One query."""
    contacts = Contact.objects.select_related("account").filter(person=person)
    return list(contacts.order_by("status", "account__name", "id"))


def person_history(person: Person) -> list[PersonEvent]:
    """Merges and splits that moved something to or from a person, newest first. Two queries."""
    moved = [*PersonEvent.objects.filter(person=person), *PersonEvent.objects.filter(other=person)]
    return sorted(moved, key=lambda event: event.at, reverse=True)


def people_alike(person: Person, *, limit: int = 5) -> list[Contact]:
    """Contacts of other people who have the name of one of this person's contacts: who may be the same. Two queries."""
    names = set(person.contacts.exclude(name="").values_list("name", flat=True))
    others = Contact.objects.select_related("account").filter(name__in=names, person__isnull=False)
    return list(others.exclude(person=person).order_by("name", "id")[:limit]) if names else []


# --- Attributes ---------------------------------------------------------------------------------------------------


def definitions(entity: str = "", *, archived: bool = False) -> list[AttributeDefinition]:
    """Attributes of the tenant, by entity and label. One query."""
    found = AttributeDefinition.objects.all()
    if entity:
        found = found.filter(entity=entity)
    if not archived:
        found = found.filter(archived_at__isnull=True)
    return list(found.order_by("entity", "label", "key"))


@dataclass(frozen=True)
class Shown:
    """An attribute with the value that an account or a contact has, None without one."""

    definition: AttributeDefinition
    value: AttributeValue | None


def account_attributes(account_id: UUID) -> list[Shown]:
    """Every attribute of accounts, with this account's value. Two queries, one where the tenant has no attribute."""
    defined = definitions(AttributeEntity.ACCOUNT)
    held = AttributeValue.objects.filter(account_id=account_id, contact__isnull=True) if defined else ()
    values = {value.definition_id: value for value in held}
    return [Shown(definition, values.get(definition.pk)) for definition in defined]


def attribute_history(account_id: UUID, *, limit: int = 20) -> list[AttributeChange]:
    """The latest changes of an account's attributes and of its contacts', newest first. One query."""
    changes = AttributeChange.objects.select_related("definition", "contact").filter(account_id=account_id)
    return list(changes.order_by("-at", "-id")[:limit])
