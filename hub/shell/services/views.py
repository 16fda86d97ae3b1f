"""Saved views: kept, changed, shared, removed, and opened first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.db import IntegrityError, transaction

from hub.people.audit import Actor, audit
from hub.people.models import User
from hub.registry.lists import ViewedList, viewed_lists
from hub.shell.models import DefaultView, SavedView

MOST: Final = 200
LONGEST: Final = 20_000
GONE: Final = "somebody has removed it in the meantime"


class ViewError(ValueError):
    """A view that cannot be; the message says why."""


@transaction.atomic
def view_save(
    *,
    list_key: str,
    name: str,
    params: Mapping[str, str],
    owner: User | None,
    shared: bool,
    actor: Actor,
) -> SavedView:
    """Keep an address under a name; without an owner it is the team's. Raises ViewError."""
    listed = _listed(list_key)
    if SavedView.objects.filter(list_key=list_key, owner=owner).count() >= MOST:
        raise ViewError(f"there are {MOST} views of this list already")
    kept = _params(listed, params)
    try:
        with transaction.atomic():
            view: SavedView = SavedView.objects.create(
                list_key=list_key, name=_name(name), params=kept, owner=owner, shared=shared or owner is None
            )
    except IntegrityError:
        raise ViewError(f"there is a view “{name.strip()}” already") from None
    audit(actor, "view.save", view, list=list_key, shared=view.shared)
    return view


@transaction.atomic
def view_change(
    *,
    view: SavedView,
    actor: Actor,
    name: str | None = None,
    params: Mapping[str, str] | None = None,
    shared: bool | None = None,
) -> None:
    """Rename a view, give it another address, share it or take it back; what is None stays. Raises ViewError."""
    if not _held(view):
        raise ViewError(GONE)
    if name is not None:
        view.name = _name(name)
    if params is not None:
        view.params = _params(_listed(view.list_key), params)
    if shared is not None:
        if not shared and view.owner_id is None:
            raise ViewError("a view of the team is everybody's")
        view.shared = shared
    try:
        with transaction.atomic():
            view.save(update_fields=["name", "params", "shared", "updated_at"])
    except IntegrityError:
        raise ViewError(f"there is a view “{view.name}” already") from None
    if shared is False:
        # Who began with it begins with the whole list again.
        DefaultView.objects.filter(view=view).exclude(user=view.owner_id).delete()
    audit(actor, "view.change", view, name=name is not None, params=params is not None, shared=shared)


@transaction.atomic
def view_remove(*, view: SavedView, actor: Actor) -> None:
    """Forget a view; the rows that it showed stay, and one that is gone already is gone."""
    if not _held(view):
        return
    audit(actor, "view.remove", view, list=view.list_key)
    view.delete()


@transaction.atomic
def view_default(*, user: User, list_key: str, view: SavedView | None, actor: Actor) -> None:
    """Open a list with this view for the user, or with everything. Raises ViewError for a view that is gone."""
    if view is None:
        DefaultView.objects.filter(user=user, list_key=list_key).delete()
    elif not _held(view):
        raise ViewError(GONE)
    else:
        DefaultView.objects.update_or_create(user=user, list_key=list_key, defaults={"view": view})
    audit(actor, "view.default", view, list=list_key)


def _held(view: SavedView) -> bool:
    """Hold a view, so that nobody begins with it while somebody removes it; False when it is gone."""
    return bool(SavedView.objects.select_for_update().filter(pk=view.pk).exists())


def _listed(key: str) -> ViewedList:
    if key not in viewed_lists:
        raise ViewError(f"there is no list “{key}”: one of {', '.join(item.key for item in viewed_lists)}")
    return viewed_lists.get(key)


def _name(name: str) -> str:
    name = name.replace("\x00", "").strip()[:80]
    if not name:
        raise ViewError("the view needs a name")
    return name


def _params(listed: ViewedList, given: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value.replace("\x00", "") for name, value in listed.known(given).items()}
    if sum(map(len, kept.values())) > LONGEST:
        raise ViewError(f"its address is longer than {LONGEST} characters")
    if problem := listed.check(kept):
        raise ViewError(problem)
    return kept
