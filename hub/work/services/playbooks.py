from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from django.db import transaction

from hub.people.audit import Actor, audit
from hub.people.models import User
from hub.tenancy.ids import uuid7
from hub.work.models import Playbook, PlaybookVersion
from hub.work.playbooks import Content, Spec, steps_of

_SLUG: Final = re.compile(r"[^a-z0-9]+")


class PlaybookChanged(Exception):
    """Somebody has saved the playbook meanwhile; ``live`` is the version that counts now."""

    def __init__(self, live: int) -> None:
        self.live = live
        super().__init__(f"version {live} was saved meanwhile")


@transaction.atomic
def playbook_save(
    *,
    playbook: Playbook | None,
    name: str,
    description: str,
    content: Content,
    actor: Actor,
    user: User | None = None,
    seen: int | None = None,
    key: str = "",
) -> Playbook:
    """A new playbook, or the next version of one; raises PlaybookChanged when another version than `seen` is live.

    Open tasks keep the version that they were opened with. A save that changes no content makes no version.
    """
    if playbook is None:
        made = _made(key or _key_of(name), name, description)
        _version(made, 1, content, (), user)
        audit(actor, "playbook.create", made)
        return made
    row: Playbook = Playbook.objects.select_for_update().get(pk=playbook.pk)
    if seen is not None and seen != row.live:
        raise PlaybookChanged(row.live)
    live = row.versions.get(number=row.live)
    if Content.of(live) != content:
        row.live += 1
        _version(row, row.live, content, live.steps, user)
    row.name, row.description = name, description
    row.save(update_fields=["name", "description", "live"])
    audit(actor, "playbook.save", row, version=row.live)
    return row


def _version(
    playbook: Playbook, number: int, content: Content, before: Sequence[dict[str, str]], user: User | None
) -> PlaybookVersion:
    version: PlaybookVersion = PlaybookVersion.objects.create(
        playbook=playbook,
        number=number,
        steps=steps_of(content.steps, before),
        talk_track=content.talk_track,
        links=[{"label": label, "url": url} for label, url in content.links],
        respond_hours=content.respond_hours,
        clock=content.clock,
        saved_by=user,
    )
    return version


def _made(key: str, name: str, description: str) -> Playbook:
    """A new playbook under a key; under a longer one where another has it, also one that is being made meanwhile."""
    told = {"name": name, "description": description}
    made: Playbook
    made, is_new = Playbook.objects.get_or_create(key=key, defaults=told)
    if not is_new:
        made = Playbook.objects.create(key=f"{key[:48]}-{uuid7().hex[-8:]}", **told)
    return made


def _key_of(name: str) -> str:
    return _SLUG.sub("-", name.lower()).strip("-")[:48] or "playbook"


@transaction.atomic
def playbooks_ensure(*, specs: Iterable[Spec], actor: Actor) -> int:
    """Give the tenant in context the shipped playbooks that it lacks; returns how many. What it has stays as it is."""
    known, count = set(Playbook.objects.values_list("key", flat=True)), 0
    for spec in specs:
        if spec.key not in known:
            playbook = playbook_save(
                playbook=None, key=spec.key, name=spec.name, description=spec.description, content=spec.content,
                actor=actor,
            )  # fmt: skip
            Playbook.objects.filter(pk=playbook.pk).update(ships=True)
            known.add(spec.key)
            count += 1
    return count


@transaction.atomic
def playbook_archive(*, playbook_id: UUID, archived: bool, actor: Actor) -> bool:
    """Put a playbook away or take it back; new tasks that name one that is away open without it."""
    changed = Playbook.objects.filter(pk=playbook_id, is_active=archived).update(is_active=not archived)
    if changed:
        audit(actor, "playbook.archive" if archived else "playbook.return", Playbook.objects.get(pk=playbook_id))
    return bool(changed)
