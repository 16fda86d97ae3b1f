"""Saved views as pages show them: the tabs of a list, and the view with which it opens."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse

from hub.people.guards import StaffRequest
from hub.people.models import User
from hub.registry.lists import ViewedList, viewed_lists
from hub.shell.models import DefaultView, SavedView

# Asks for the whole list, where a member begins with a view of theirs.
EVERYTHING = "all"


@dataclass(frozen=True, slots=True)
class Tab:
    """A view as a tab: its address, and whether the page shows it."""

    view: SavedView | None
    title: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Tabs:
    """The tabs of a list; ``current`` is the view that is shown, ``changed`` that the address is another by now."""

    tabs: list[Tab]
    current: SavedView | None
    changed: bool


def views_seen(user: User, list_key: str = "") -> QuerySet[SavedView]:
    """Views that a member sees: their own, and those that are shared."""
    seen: QuerySet[SavedView] = SavedView.objects.filter(Q(owner=user) | Q(shared=True)).select_related("owner")
    return seen.filter(list_key=list_key) if list_key else seen


def list_url(listed: ViewedList, slug: str, **params: str) -> str:
    base = reverse(listed.url_name, kwargs={"tenant": slug})
    return f"{base}?{urlencode(params)}" if params else base


def view_url(view: SavedView, slug: str) -> str:
    """The address of a view, all of it: a link that works for whoever may see the list, without the view."""
    listed = viewed_lists.get(view.list_key)
    return list_url(listed, slug, **{**listed.known(view.params), "view": str(view.pk)})


def tabs_of(request: StaffRequest, list_key: str) -> Tabs:
    """The tabs of a list for the page that is asked for. One query."""
    listed, slug = viewed_lists.get(list_key), request.tenant.slug
    views = sorted(views_seen(request.user, list_key), key=lambda view: (view.shared, view.name.lower()))
    asked = request.GET.get("view", "")
    current = next((view for view in views if str(view.pk) == asked), None)
    title = f"All {_within(listed.title)}"
    tabs = [Tab(None, title, list_url(listed, slug, view=EVERYTHING) if views else list_url(listed, slug), not current)]
    tabs += [Tab(view, view.name, view_url(view, slug), view == current) for view in views]
    changed = current is not None and listed.known(request.GET.dict()) != current.params
    return Tabs(tabs, current, changed)


def list_opening(request: StaffRequest, list_key: str) -> HttpResponse | None:
    """Where a request for a list leads: to a view asked for by its id, or to the member's own without any question."""
    if request.htmx or request.method != "GET" or set(request.GET) - {"view"}:
        return None
    asked = request.GET.get("view", "")
    if asked == EVERYTHING:
        return None
    if asked:
        pk = _id(asked)
        found = views_seen(request.user, list_key).filter(pk=pk).first() if pk else None
        # A view that shows the whole list has nothing to add to its address.
        return HttpResponseRedirect(view_url(found, request.tenant.slug)) if found and found.params else None
    first = DefaultView.objects.select_related("view").filter(user=request.user, list_key=list_key).first()
    return HttpResponseRedirect(view_url(first.view, request.tenant.slug)) if first else None


def _within(title: str) -> str:
    """A title within a sentence; what is written in capitals stays."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
