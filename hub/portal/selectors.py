from __future__ import annotations

from django.db.models import QuerySet

from hub.accounts.models import Contact, ContactStatus


def contacts_of(email: str) -> QuerySet[Contact]:
    """The contacts behind an address that may come in, with their accounts, by account name."""
    found: QuerySet[Contact] = (
        Contact.objects.select_related("account")
        .filter(email=email.strip().lower())
        .exclude(email="")
        .exclude(status=ContactStatus.LEFT)
        .order_by("account__name", "id")
    )
    return found
