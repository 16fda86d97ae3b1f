"""Search of accounts and contacts, by the start of a word of the name, of the domain or of the address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.urls import reverse

from hub.accounts.models import Contact
from hub.people.guards import StaffRequest
from hub.people.permissions import allowed
from hub.registry.search import SearchHit, SearchSource, search_sources
from hub.shell.account_list import AccountQuery, accounts_page

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
    by_name = Q(name__istartswith=text) | Q(name__icontains=f" {text}") | Q(email__istartswith=text)
    contacts = Contact.objects.select_related("account").filter(by_name).order_by("name", "id")[:limit]
    slug = request.tenant.slug
    return [
        SearchHit(
            str(contact), f"{_account_url(slug, contact.account_id)}#people", f"{contact.account} · {contact.email}"
        )
        for contact in contacts
    ]


def _account_url(slug: str, account_id: object) -> str:
    return reverse("accounts:page", kwargs={"tenant": slug, "account_id": account_id})


def register() -> None:
    search_sources.register(SearchSource("accounts", "Accounts", 10, "accounts.view", find_accounts, "building"))
    search_sources.register(SearchSource("contacts", "Contacts", 20, "accounts.view", find_contacts, "user-circle"))
