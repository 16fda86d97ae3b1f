"""What the record itself shows on an account's page: its people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string

from hub.accounts.models import CommunityActivity, Contact, ContactRole, ContactStatus
from hub.accounts.selectors import account_attributes, family_of
from hub.accounts.services.hierarchy import rollup_rule
from hub.registry.panels import AccountPanel, account_panels

SHOWN = 30
OTHERS_SHOWN = 50
ACTIVITIES_SHOWN = 6
# Without these nobody decides and nobody speaks for us.
WANTED = (ContactRole.CHAMPION, ContactRole.EXECUTIVE_SPONSOR, ContactRole.DECISION_MAKER)


@dataclass(frozen=True, slots=True)
class Person:
    """A contact with the names of their roles."""

    contact: Contact
    roles: list[str]

    @property
    def is_here(self) -> bool:
        return self.contact.status == ContactStatus.ACTIVE


def people_panel(request: Any, account: Any) -> str:
    contacts = list(Contact.objects.filter(account_id=account.pk).order_by("status", "name", "email")[: SHOWN + 1])
    people = [Person(contact, [ContactRole(role).label for role in contact.roles]) for contact in contacts[:SHOWN]]
    held = {role for person in people if person.is_here for role in person.contact.roles}
    context = {
        "people": people,
        "missing": [role.label.lower() for role in WANTED if role not in held],
        "single": None if len(contacts) > SHOWN else single_thread(people),
        "more": len(contacts) > SHOWN,
    }
    return render_to_string("accounts/_people_panel.html", context, request=request)


def single_thread(people: Sequence[Person]) -> Person | None:
    """The one person on whom everything hangs: nobody else is here, or they alone hold the roles that decide."""
    here = [person for person in people if person.is_here]
    deciding = [person for person in here if any(role in person.contact.roles for role in WANTED)]
    for few in (here, deciding):
        if len(few) == 1:
            return few[0]
    return None


def family_panel(request: Any, account: Any) -> str:
    """Where the account lies in the tree, and what the accounts below add up to."""
    context = {"account": account, "family": family_of(account), "rule": rollup_rule(request.tenant)}
    return render_to_string("accounts/_family_panel.html", context, request=request)


def attributes_panel(request: Any, account: Any) -> str | None:
    """The tenant's own fields of the account, and what came untyped beside them."""
    shown = account_attributes(account.pk)
    defined = {row.definition.key for row in shown}
    others = sorted((key, value) for key, value in account.attributes.items() if key not in defined)
    context = {"account": account, "attributes": shown, "others": others[:OTHERS_SHOWN]}
    return render_to_string("accounts/_attributes_panel.html", context, request=request) if shown or others else None


def community_panel(request: Any, account: Any) -> str | None:
    """What the account's people did in communities of late; nothing when they never did."""
    activities = CommunityActivity.objects.select_related("contact").filter(account_id=account.pk)
    latest = list(activities.order_by("-occurred_at")[:ACTIVITIES_SHOWN])
    context = {"activities": latest}
    return render_to_string("accounts/_community_panel.html", context, request=request) if latest else None


def register() -> None:
    account_panels.register(AccountPanel("community", "Community", 78, "accounts.view", community_panel, beside=True))
    account_panels.register(
        AccountPanel("family", "Accounts above and below", 75, "accounts.view", family_panel, beside=True)
    )
    account_panels.register(
        AccountPanel("attributes", "Attributes", 80, "accounts.view", attributes_panel, beside=True)
    )
    account_panels.register(AccountPanel("people", "People", 55, "accounts.view", people_panel))
