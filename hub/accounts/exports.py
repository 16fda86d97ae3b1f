"""What can be taken out of this app as a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from hub.accounts.conflicts import Asked, conflicts_of
from hub.accounts.models import Contact, ContactStatus, FieldConflict
from hub.accounts.titles import value_text
from hub.registry.exports import Cell, Filters, export_lists
from hub.tenancy.chunks import list_of, of_account


def register() -> None:
    export_lists.register(
        list_of(
            "contacts",
            "Contacts",
            permission="accounts.view",
            columns=("Account", "Name", "E-mail", "Title", "Roles", "Status", "Last seen", "Created"),
            rows=_contacts,
            cells=_contact,
            filters=("account", "status"),
            order=20,
        )
    )
    export_lists.register(
        list_of(
            "conflicts",
            "Conflicts between sources",
            permission="accounts.view",
            columns=CONFLICT_COLUMNS,
            rows=_conflicts,
            cells=_conflict,
            filters=("state", "entity", "field", "source", "account"),
            order=25,
        )
    )


def _contacts(given: Filters) -> QuerySet[Any]:
    found: QuerySet[Contact] = Contact.objects.select_related("account")
    if status := given.get("status"):
        found = found.filter(status=status)
    return of_account(found, given)


def _contact(row: Contact) -> Sequence[Cell]:
    status = str(ContactStatus(row.status).label)
    roles = ", ".join(row.roles)
    return (row.account.name, row.name, row.email, row.title, roles, status, row.last_seen_at, row.created_at)


CONFLICT_COLUMNS = (
    "Account",
    "Contact",
    "Field",
    "State",
    "Stored",
    "Said by",
    "As of",
    "Against it",
    "Said against it by",
    "Against it as of",
    "Rule",
    "Opened",
    "Closed",
)


def _conflicts(given: Filters) -> QuerySet[Any]:
    found = conflicts_of(Asked.read(given)) if given.get("state") else FieldConflict.objects.all()
    return found.select_related("account", "contact")


def _conflict(row: FieldConflict) -> Sequence[Cell]:
    return (
        row.account.name,
        str(row.contact) if row.contact else "",
        row.field,
        str(row.get_state_display()),
        value_text(row.winner_value),
        row.winner_source,
        row.winner_at,
        value_text(row.other_value),
        row.other_source,
        row.other_at,
        row.rule,
        row.opened_at,
        row.closed_at,
    )
