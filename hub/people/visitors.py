"""Staff who keep a stream open: who they are when they connect, and whether they still may listen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone

from hub.people.models import Membership


@dataclass(frozen=True, slots=True)
class Visitor:
    """A signed-in member of a tenant's staff, by the session of one browser."""

    tenant_id: UUID
    user_id: UUID
    session_key: str


def visitor_of(*, session_key: str, slug: str) -> Visitor | None:
    """The member behind a session cookie at the tenant `slug`; None when there is none. Two queries."""
    user_id = _users({session_key}).get(session_key)
    if user_id is None:
        return None
    membership = _memberships().filter(tenant__slug=slug, user_id=user_id[0]).first()
    if membership is None or membership.user.get_session_auth_hash() != user_id[1]:
        return None
    return Visitor(membership.tenant_id, membership.user_id, session_key)


def still_welcome(visitors: Iterable[Visitor]) -> set[Visitor]:
    """Those who are still signed in and still members. Two queries, however many there are."""
    asked = set(visitors)
    users = _users({visitor.session_key for visitor in asked})
    members = {
        (membership.tenant_id, str(membership.user_id)): membership.user.get_session_auth_hash()
        for membership in _memberships().filter(user_id__in={visitor.user_id for visitor in asked})
    }
    return {
        visitor
        for visitor in asked
        if (user := users.get(visitor.session_key)) is not None
        and user[0] == str(visitor.user_id)
        and members.get((visitor.tenant_id, user[0])) == user[1]
    }


def _users(session_keys: set[str]) -> dict[str, tuple[str, str]]:
    """Session key → (user id, hash of the password it was opened with), of the sessions that live."""
    found = {}
    for session in Session.objects.filter(session_key__in=session_keys, expire_date__gt=timezone.now()):
        content = session.get_decoded()
        if SESSION_KEY in content:
            found[session.session_key] = (content[SESSION_KEY], content.get(HASH_SESSION_KEY, ""))
    return found


def _memberships() -> QuerySet[Membership]:
    return Membership.objects.select_related("user").filter(
        is_active=True, tenant__is_active=True, user__is_active=True
    )
