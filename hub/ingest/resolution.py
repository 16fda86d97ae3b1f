"""Whose events are these? Calls and what is known of their users and groups in, changes and accounts out. Pure.

A track call has no group: its account is that of the group which `group` calls or `context.groupId` last named for the
user. What is not known yet waits: with its own group if it names one, else with its user.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from hub.ingest.segment import Call, Event
from hub.usage.identities import IdentityChange, Key, Known

GROUP: Final = "group"
USER: Final = "user"
Accounts = Mapping[Key, UUID | None]


def user_of(event: Event) -> Key | None:
    """The person of a call: the signed-in user, else the visitor."""
    key = event.user_id or event.anonymous_id
    return (USER, key) if key else None


def group_of(event: Event) -> Key | None:
    return (GROUP, event.group_id) if event.group_id else None


def keys_of(events: Iterable[Event]) -> set[Key]:
    """Every identity that the calls name."""
    found: set[Key] = set()
    for event in events:
        if user := event.user_id or event.anonymous_id:
            found.add((USER, user))
        if event.group_id:
            found.add((GROUP, event.group_id))
        found.update((USER, alias) for alias in _aliases(event))
    return found


def traits_of(event: Event) -> Mapping[str, Any]:
    """What an identify or group call says of its subject. RudderStack clients put a user's traits into the context."""
    carried = event.context.get("traits") if event.call is Call.IDENTIFY and not event.traits else None
    return carried if isinstance(carried, dict) else event.traits


def _aliases(event: Event) -> tuple[str, ...]:
    """Other keys of the same person: the visitor before signing in, the id before an alias call."""
    if not event.user_id or not (event.anonymous_id or event.call is Call.ALIAS):
        return ()
    named = {event.anonymous_id, event.previous_id if event.call is Call.ALIAS else ""}
    return tuple(sorted(named - {"", event.user_id}))


class _Changes(dict[Key, IdentityChange]):
    def __missing__(self, key: Key) -> IdentityChange:
        self[key] = IdentityChange()
        return self[key]


def changes_of(events: Sequence[Event], known: Mapping[Key, Known]) -> dict[Key, IdentityChange]:
    """What the calls add to what is known; identities about which nothing new came in are left out."""
    changes = _Changes()
    for event in events:
        user, group = user_of(event), group_of(event)
        if user and group:
            _join(changes, known, user, group)
        if user:
            _same(changes, known, event, user)
        described = _subject(event, user, group)
        if described:
            changes[described].traits |= traits_of(event)
            changes[described].due = True
        awaited = group or user
        if awaited and (_account(known, awaited) is None or _moved_to_unknown(changes, awaited)):
            changes[awaited].waiting = True
    return dict(changes)


def _subject(event: Event, user: Key | None, group: Key | None) -> Key | None:
    """Whom the traits of a call describe."""
    if event.call is Call.IDENTIFY:
        return user
    return group if event.call is Call.GROUP else None


def _join(changes: _Changes, known: Mapping[Key, Known], user: Key, group: Key) -> None:
    before = changes[user].group_key if user in changes else ""
    if (before or known.get(user, Known()).group_key) != group[1]:
        changes[user].group_key = group[1]
        changes[user].account_id = _account(known, group)
        changes[user].due = True


def _moved_to_unknown(changes: _Changes, key: Key) -> bool:
    return key in changes and bool(changes[key].group_key) and changes[key].account_id is None


def _same(changes: _Changes, known: Mapping[Key, Known], event: Event, user: Key) -> None:
    for alias in _aliases(event):
        key = (USER, alias)
        if known.get(key, Known()).same_as != user[1]:
            changes[key].same_as = user[1]
            changes[key].account_id = _account(known, user)
            changes[key].due = True


def _account(known: Mapping[Key, Known], key: Key) -> UUID | None:
    return known[key].account_id if key in known else None


def accounts_of(events: Sequence[Event], known: Mapping[Key, Known], written: Accounts) -> list[UUID | None]:
    """The account of each call, None where it waits; `written` is what the changed identities belong to now.

    In the order of the batch: a user who changes groups half-way leaves the earlier events where they were.
    """
    current: dict[Key, UUID | None] = {key: entry.account_id for key, entry in known.items()}
    found: list[UUID | None] = []
    for event in events:
        user, group = user_of(event), group_of(event)
        if group:
            account = written.get(group) or current.get(group)
            if user:
                current[user] = account
        else:
            account = (current.get(user) or written.get(user)) if user else None
        found.append(account)
    return found
