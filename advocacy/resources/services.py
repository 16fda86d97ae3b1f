"""Resources made, put away and unlocked."""

from __future__ import annotations

from itertools import count
from typing import Final

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from advocacy.resources.models import Resource, ResourceUnlock
from hub.accounts.models import Account
from hub.accounts.services import timeline_record
from hub.people.audit import Actor, audit

LARGEST: Final = 5 * 1024 * 1024
MOST: Final = 500


class ResourceError(ValueError):
    """A resource that cannot be; the message says why."""


@transaction.atomic
def resource_create(
    *, title: str, description: str = "", url: str = "", file_name: str = "", body: bytes | None = None, actor: Actor
) -> Resource:
    """Keep a link or a file of at most 5 MB for customers. Raises ResourceError."""
    title, url = title.replace("\0", "").strip()[:200], url.strip()
    if not title:
        raise ResourceError("give it a title")
    if bool(url) is bool(body):
        raise ResourceError("give either a link or a file")
    if url and not (url.startswith("https://") and len(url) <= 1000 and url.isprintable() and " " not in url):
        raise ResourceError("the link begins with https://")
    if body and len(body) > LARGEST:
        raise ResourceError("the file is larger than 5 MB")
    if Resource.objects.filter(archived_at__isnull=True).count() >= MOST:
        raise ResourceError(f"there are {MOST} already; put one away first")
    resource: Resource = Resource.objects.create(
        key=_free_key(title),
        title=title,
        description=description.replace("\0", "").strip()[:500],
        url=url,
        file_name=file_name.replace("\0", "")[-200:],
        body=body,
        size=len(body or b""),
    )
    audit(actor, "resource.create", resource)
    return resource


def _free_key(title: str) -> str:
    base = slugify(title)[:56] or "resource"
    taken = set(Resource.objects.values_list("key", flat=True))
    return next(key for n in count(1) if (key := base if n == 1 else f"{base}-{n}") not in taken)


@transaction.atomic
def resource_archive(*, resource: Resource, actor: Actor) -> bool:
    """Put a resource away: nobody gets it any more, accounts no longer see it. False when it was."""
    if not Resource.objects.filter(pk=resource.pk, archived_at__isnull=True).update(archived_at=timezone.now()):
        return False
    audit(actor, "resource.archive", resource)
    return True


@transaction.atomic
def resource_unlock(*, resource: Resource, account: Account, cause: str, actor: Actor | None = None) -> bool:
    """Let an account have a resource; False when it has it already."""
    made = ResourceUnlock(resource=resource, account=account, cause=cause[:200])
    ResourceUnlock.objects.bulk_create([made], ignore_conflicts=True)
    if not ResourceUnlock.objects.filter(pk=made.pk).exists():
        return False
    timeline_record(
        account_id=account.pk,
        kind="resource",
        key=f"unlock:{made.pk}",
        title=f"“{resource.title}” unlocked in the hub",
        occurred_at=made.unlocked_at,
        source="resources",
    )
    if actor is not None:
        audit(actor, "resource.unlock", resource, account=str(account.pk))
    return True


def unlock_opened(*, unlock: ResourceUnlock, actor: Actor) -> None:
    """Note that somebody at the account opened it; the first time counts."""
    if ResourceUnlock.objects.filter(pk=unlock.pk, opened_at__isnull=True).update(opened_at=timezone.now()):
        audit(actor, "resource.open", unlock)
