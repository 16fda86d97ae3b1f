"""Passwordless sign-in of contacts, and what a contact does in the hub."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from hub.accounts.models import Contact, ContactStatus
from hub.people.audit import Actor, audit
from hub.people.models import Membership, User
from hub.people.permissions import allowed
from hub.portal.models import HubSession, SignIn, SignInRequest
from hub.portal.selectors import contacts_of
from hub.tenancy.models import Tenant
from hub.tenancy.wake import wake

SIGN_IN: Final = "sign-in"
LINK_LIFE: Final = timedelta(minutes=15)
SESSION_LIFE: Final = timedelta(days=30)
VIEW_AS_LIFE: Final = timedelta(hours=1)
CODE_ATTEMPTS: Final = 5


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True)
class Invitation:
    """The secrets of a sign-in, known only here and in the mail."""

    token: str
    code: str


@transaction.atomic
def sign_in_prepare(*, email: str) -> Invitation:
    """Make a one-time link and code for an address of the tenant in context; earlier ones end."""
    email = email.strip().lower()
    now = timezone.now()
    SignIn.objects.filter(email=email, consumed_at__isnull=True).update(consumed_at=now)
    # No look-alikes: a code is typed from a phone.
    invitation = Invitation(
        secrets.token_urlsafe(32), "".join(secrets.choice("ACDEFGHJKMNPQRTUVWXY3479") for _ in range(8))
    )
    SignIn.objects.create(
        email=email,
        token_hash=_hash(invitation.token),
        code_hash=_hash(f"{email}:{invitation.code}"),
        expires_at=now + LINK_LIFE,
    )
    return invitation


@transaction.atomic
def sign_in_request(*, email: str) -> None:
    """Have a worker mail a link and a code if the address belongs to a contact.

    Nobody is looked up here: known and unknown addresses cost the caller the same work, and the same time.
    """
    SignInRequest.objects.create(email=email.strip().lower(), due_at=timezone.now())
    wake(SIGN_IN)


@transaction.atomic
def sign_in_by_token(*, token: str) -> str | None:
    """Consume a link; returns a session's secret, or None when it is unknown, used or too old."""
    return _consume(SignIn.objects.select_for_update().filter(token_hash=_hash(token)).first())


@transaction.atomic
def sign_in_by_code(*, email: str, code: str) -> str | None:
    """Consume a code typed by hand; five wrong ones end the invitation."""
    email = email.strip().lower()
    code = "".join(character for character in code.upper() if character.isalnum())
    found = SignIn.objects.select_for_update().filter(email=email).order_by("-created_at").first()
    if found is None or found.attempts >= CODE_ATTEMPTS:
        return None
    if not secrets.compare_digest(found.code_hash, _hash(f"{email}:{code}")):
        SignIn.objects.filter(pk=found.pk).update(attempts=F("attempts") + 1)
        return None
    return _consume(found)


def _consume(found: SignIn | None) -> str | None:
    now = timezone.now()
    if found is None or found.consumed_at or found.expires_at <= now:
        return None
    contacts = list(contacts_of(found.email))
    if not contacts:
        return None
    SignIn.objects.filter(pk=found.pk).update(consumed_at=now)
    only = contacts[0] if len(contacts) == 1 else None
    return _open_session(email=found.email, contact=only, life=SESSION_LIFE)


def _open_session(*, email: str, contact: Contact | None, life: timedelta, viewer: User | None = None) -> str:
    secret = secrets.token_urlsafe(32)
    HubSession.objects.create(
        email=email,
        contact=contact,
        account_id=contact.account_id if contact else None,
        viewer=viewer,
        token_hash=_hash(secret),
        expires_at=timezone.now() + life,
    )
    if contact is not None and viewer is None:
        _welcome(contact)
    return secret


def _welcome(contact: Contact) -> None:
    Contact.objects.filter(pk=contact.pk).update(last_seen_at=timezone.now())
    audit(contact_actor(contact), "hub.sign_in", contact)


@transaction.atomic
def account_choose(*, session: HubSession, contact: Contact) -> None:
    """Give a session the contact that the person chose among their own."""
    if contact.email != session.email or session.viewer_id is not None:
        raise ValueError("a session may only become one of its own address's contacts")
    HubSession.objects.filter(pk=session.pk).update(contact=contact, account_id=contact.account_id)
    _welcome(contact)


@transaction.atomic
def view_as(*, contact: Contact, user: User, actor: Actor) -> str:
    """Open a read-only hub session of a contact for a staff user; returns its secret."""
    audit(actor, "hub.view_as", contact)
    return _open_session(email=contact.email, contact=contact, life=VIEW_AS_LIFE, viewer=user)


def session_for(secret: str) -> HubSession | None:
    """The live session of a secret with contact and account; None when it ended, or its contact may not come in."""
    session = (
        HubSession.objects.select_related("contact", "account", "viewer", "tenant")
        .filter(token_hash=_hash(secret), expires_at__gt=timezone.now())
        .first()
    )
    if session is None:
        return None
    contact = session.contact
    # The session was given to an address: whoever has another by now signs in with that one.
    if contact is not None and (contact.status == ContactStatus.LEFT or contact.email != session.email):
        return None
    if session.viewer is not None and not _may_view(session.viewer, session.tenant):
        return None
    found: HubSession = session
    return found


def _may_view(viewer: User, tenant: Tenant) -> bool:
    """Whether a staff user still belongs to the tenant in a role that may look at hubs."""
    members = Membership.objects.filter(tenant=tenant, user=viewer, is_active=True, user__is_active=True)
    membership = members.first()
    return membership is not None and allowed(membership.role, "portal.view_as")


def sign_out(*, session: HubSession) -> None:
    HubSession.objects.filter(pk=session.pk).delete()


def contact_actor(contact: Contact) -> Actor:
    """The contact as an actor of audit rows: the id only, names live in the person's own row."""
    return Actor("contact", str(contact.pk))
