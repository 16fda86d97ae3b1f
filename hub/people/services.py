from __future__ import annotations

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from hub.people.audit import Actor, audit
from hub.people.models import Credential, Membership, Role, User, hash_key
from hub.tenancy.context import tenant_context
from hub.tenancy.live import announce
from hub.tenancy.models import Tenant


@transaction.atomic
def member_add(
    *, tenant: Tenant, email: str, role: str, actor: Actor, name: str = "", password: str | None = None
) -> Membership:
    """Give the person with `email` a role at `tenant`, making the user when new.

    Raises ValidationError for an unknown role or a weak password. An existing user keeps their password unless a
    new one is given.
    """
    if role not in Role.values:
        raise ValidationError(f"unknown role {role!r}: one of {', '.join(Role.values)}")
    if password:
        validate_password(password)
    user = User.objects.filter(email__iexact=email).first()
    if user is None:
        user = User.objects.create_user(email, password, name=name)
        EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    elif password:
        user.set_password(password)
        user.save(update_fields=["password"])
    membership, _ = Membership.objects.update_or_create(
        tenant=tenant, user=user, defaults={"role": role, "is_active": True}
    )
    with tenant_context(tenant):
        audit(actor, "member.add", membership, role=role)
    return membership


def member_remove(*, membership: Membership, actor: Actor) -> None:
    """Take a person's access to the tenant away; their next request is refused."""
    with tenant_context(membership.tenant):
        Membership.objects.filter(pk=membership.pk).update(is_active=False)
        audit(actor, "member.remove", membership)
        # Pages of theirs that are open stop being told at once.
        announce("access")


def credential_create(
    *, tenant: Tenant, name: str, actor: Actor, scopes: list[str] | None = None
) -> tuple[Credential, str]:
    """Make an API key; the key itself is returned once and only its hash is kept."""
    scopes = scopes or list(Credential.SCOPES)
    if unknown := set(scopes) - set(Credential.SCOPES):
        raise ValidationError(f"unknown scope {', '.join(sorted(unknown))}: any of {', '.join(Credential.SCOPES)}")
    key = Credential.new_key()
    with tenant_context(tenant):
        credential = Credential.objects.create(
            tenant=tenant, name=name, key_hash=hash_key(key), hint=key[:10], scopes=scopes
        )
        audit(actor, "key.create", credential, scopes=scopes)
    return credential, key


def credential_revoke(*, credential: Credential, actor: Actor) -> None:
    with tenant_context(credential.tenant):
        Credential.objects.filter(pk=credential.pk, revoked_at=None).update(revoked_at=timezone.now())
        audit(actor, "key.revoke", credential)
