from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from hub.people.models import Credential, Membership, User, hash_key
from hub.tenancy.models import Tenant


def memberships_of(user: User) -> list[Membership]:
    """Active memberships of a person, by tenant name; two tables, one query."""
    return list(
        Membership.objects.select_related("tenant")
        .filter(user=user, is_active=True, tenant__is_active=True)
        .order_by("tenant__name")
    )


def members(tenant: Tenant) -> list[User]:
    """The people who work for a tenant, by name; one query."""
    found = User.objects.filter(memberships__tenant=tenant, memberships__is_active=True, is_active=True)
    return sorted(found, key=lambda user: str(user).lower())


def credential_for(key: str) -> Credential | None:
    """The live credential of an API key with its tenant, or None."""
    return (
        Credential.objects.select_related("tenant")
        .filter(key_hash=hash_key(key), revoked_at=None, tenant__is_active=True)
        .first()
    )


def credentials_live(ids: Collection[UUID]) -> set[UUID]:
    """Those of the credentials that are neither revoked nor of a tenant that is switched off; one query."""
    live = Credential.objects.filter(pk__in=ids, revoked_at=None, tenant__is_active=True)
    return set(live.values_list("pk", flat=True))
