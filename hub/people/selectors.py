from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from hub.people.models import Credential, Membership, User, hash_key
from hub.people.permissions import PERMISSIONS
from hub.tenancy.context import current_tenant_id
from hub.tenancy.models import Tenant
from hub.tenancy.statements import Statement, send

LIVE = """
SELECT c.id FROM people_credential c JOIN tenancy_tenant t ON t.id = c.tenant_id
WHERE c.id = ANY(%(ids)s::uuid[]) AND c.revoked_at IS NULL AND t.is_active
"""


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


def members_with(tenant: Tenant, permission: str) -> list[User]:
    """The people who work for a tenant and may do what `permission` says, by name; one query."""
    roles = PERMISSIONS[permission]
    found = User.objects.filter(
        memberships__tenant=tenant, memberships__is_active=True, memberships__role__in=roles, is_active=True
    )
    return sorted(found, key=lambda user: str(user).lower())


def works_here(user_id: UUID) -> bool:
    """Whether a person works for the tenant in context now."""
    active = Membership.objects.filter(tenant_id=current_tenant_id(), user_id=user_id, is_active=True)
    found: bool = active.filter(user__is_active=True).exists()
    return found


def credential_for(key: str) -> Credential | None:
    """The live credential of an API key with its tenant, or None."""
    return (
        Credential.objects.select_related("tenant")
        .filter(key_hash=hash_key(key), revoked_at=None, tenant__is_active=True)
        .first()
    )


def credentials_live(ids: Collection[UUID]) -> set[UUID]:
    """Those of the credentials that are live, and so are their tenants; needs an open transaction."""
    [rows] = send([Statement(LIVE, {"ids": list(ids)})])
    return {pk for (pk,) in rows}
