"""Search of accounts and contacts, by the start of a word of the name, of the domain or of the address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.urls import reverse

from hub.accounts.models import Contact
from hub.people.guards import StaffRequest
from hub.people.permissions import allowed
from hub.registry.search import SearchHit, SearchSource, search_sources
from hub.shell.account_list import AccountQuery, accounts_page
from hub.shell.account_list.reading import beginning
from hub.tenancy.context import current_tenant_id

PER_KIND = 10


@dataclass(frozen=True, slots=True)
class Found:
    """What one source has found; ``more`` says that there is more than is shown."""

    key: str
    title: str
    icon: str
    hits: Sequence[SearchHit]
    more: bool


def search(request: StaffRequest, text: str) -> list[Found]:
    """Ask every source that the member may see; sources that find nothing are left out."""
    if not text:
        return []
    results = []
    for source in search_sources:
        if not allowed(request.membership.role, source.permission):
            continue
        hits = source.find(request, text, PER_KIND + 1)
        if hits:
            results.append(Found(source.key, source.title, source.icon, hits[:PER_KIND], len(hits) > PER_KIND))
    return results


def find_accounts(request: StaffRequest, text: str, limit: int) -> Sequence[SearchHit]:
    rows = accounts_page(AccountQuery(q=text, columns=()), size=limit).rows
    slug = request.tenant.slug
    return [SearchHit(row.name, _account_url(slug, row.id), row.domain or row.stage_label) for row in rows]


def find_contacts(request: StaffRequest, text: str, limit: int) -> Sequence[SearchHit]:
    contacts = Contact.objects.select_related("account").filter(pk__in=_contacts_found(text, limit))
    contacts = contacts.order_by("name", "id")
    slug = request.tenant.slug
    return [
        SearchHit(
            str(contact), f"{_account_url(slug, contact.account_id)}#people", f"{contact.account} · {contact.email}"
        )
        for contact in contacts
    ]


def _contacts_found(text: str, limit: int) -> list[UUID]:
    """Contacts of whom the name, its second word or the address begins with a text, by name. One statement."""
    found = beginning("accounts_contact", ("list_name", "list_second", "list_email"), text)
    statement = (
        "SELECT c.id FROM accounts_contact c WHERE c.tenant_id = %s"
        f" AND (c.tenant_id, c.id) IN ({found.sql}) ORDER BY c.name, c.id LIMIT %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, (current_tenant_id(), *found.params, limit))
        return [row[0] for row in cursor.fetchall()]


def _account_url(slug: str, account_id: object) -> str:
    return reverse("accounts:page", kwargs={"tenant": slug, "account_id": account_id})


def register() -> None:
    search_sources.register(SearchSource("accounts", "Accounts", 10, "accounts.view", find_accounts, "building"))
    search_sources.register(SearchSource("contacts", "Contacts", 20, "accounts.view", find_contacts, "user-circle"))
