"""What can be taken out of this app as a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from hub.accounts.models import Contact, ContactStatus
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


def _contacts(given: Filters) -> QuerySet[Any]:
    found: QuerySet[Contact] = Contact.objects.select_related("account")
    if status := given.get("status"):
        found = found.filter(status=status)
    return of_account(found, given)


def _contact(row: Contact) -> Sequence[Cell]:
    status = str(ContactStatus(row.status).label)
    roles = ", ".join(row.roles)
    return (row.account.name, row.name, row.email, row.title, roles, status, row.last_seen_at, row.created_at)
