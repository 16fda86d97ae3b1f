"""What the record itself shows on an account's page: its people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string

from hub.accounts.models import Contact, ContactRole, ContactStatus
from hub.registry.panels import AccountPanel, account_panels

SHOWN = 30
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
        "more": len(contacts) > SHOWN,
    }
    return render_to_string("accounts/_people_panel.html", context, request=request)


def register() -> None:
    account_panels.register(AccountPanel("people", "People", 70, "accounts.view", people_panel))
