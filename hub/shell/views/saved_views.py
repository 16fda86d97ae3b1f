"""Pages of saved views: keep this one, look after those there are."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.people.permissions import allowed
from hub.registry.lists import ViewedList, viewed_lists
from hub.shell.models import DefaultView, SavedView
from hub.shell.saved_views import list_url, view_url, views_seen
from hub.shell.services.views import ViewError, view_change, view_default, view_remove, view_save


@staff_page("views.keep")
@require_safe
def view_list(request: StaffRequest) -> HttpResponse:
    """Every view that the member sees, by list."""
    views = sorted(views_seen(request.user), key=lambda view: (view.list_key, view.shared, view.name.lower()))
    first = set(DefaultView.objects.filter(user=request.user).values_list("view_id", flat=True))
    lines = [
        (viewed_lists.get(view.list_key), view, view_url(view, request.tenant.slug), view.pk in first)
        for view in views
        if view.list_key in viewed_lists
    ]
    return render(request, "shell/views.html", {"lines": lines})


@staff_page("views.keep")
@require_http_methods(["GET", "HEAD", "POST"])
def view_new(request: StaffRequest) -> HttpResponse:
    """Keep the address of a list under a name."""
    given = request.POST if request.method == "POST" else request.GET
    listed = _listed(given.get("list", "accounts"))
    context = {
        "listed": listed,
        "params": listed.known(given.dict()),
        "name": given.get("name", "")[:80],
        "may_share": _may_share(request),
    }
    if request.method != "POST":
        return render(request, f"shell/view_new.html{'#drawer' if request.htmx else ''}", context)
    try:
        view = view_save(
            list_key=listed.key,
            name=given.get("name", ""),
            params=given.dict(),
            owner=request.user,
            shared=bool(given.get("shared")) and _may_share(request),
            actor=actor_of(request),
        )
    except ViewError as error:
        return render(request, "shell/view_new.html", {**context, "problem": str(error)}, status=422)
    if given.get("default"):
        view_default(user=request.user, list_key=listed.key, view=view, actor=actor_of(request))
    messages.success(request, f"“{view}” is kept.")
    return redirect(view_url(view, request.tenant.slug))


@staff_page("views.keep")
@require_http_methods(["GET", "HEAD", "POST"])
def view_page(request: StaffRequest, view_id: UUID) -> HttpResponse:
    """Rename a view, share it, begin with it."""
    view = _view(request, view_id)
    context = {
        "view": view,
        "listed": _listed(view.list_key),
        "url": view_url(view, request.tenant.slug),
        "may_change": _may_change(request, view),
        "may_share": _may_share(request),
        "is_default": DefaultView.objects.filter(user=request.user, view=view).exists(),
    }
    if request.method != "POST":
        return render(request, "shell/view.html", context)
    try:
        _change(request, view)
    except ViewError as error:
        return render(request, "shell/view.html", {**context, "problem": str(error)}, status=422)
    messages.success(request, f"“{view}” is changed.")
    return redirect(view_url(view, request.tenant.slug))


def _change(request: StaffRequest, view: SavedView) -> None:
    if _may_change(request, view):
        shared = bool(request.POST.get("shared")) if _may_share(request) and view.owner_id else None
        view_change(view=view, name=request.POST.get("name", ""), shared=shared, actor=actor_of(request))
    is_default = DefaultView.objects.filter(user=request.user, view=view).exists()
    if bool(request.POST.get("default")) is not is_default:
        chosen = None if is_default else view
        view_default(user=request.user, list_key=view.list_key, view=chosen, actor=actor_of(request))


@staff_page("views.keep")
@require_POST
def view_keep(request: StaffRequest, view_id: UUID) -> HttpResponse:
    """Let a view show what its list shows now."""
    view = _view(request, view_id)
    if not _may_change(request, view):
        messages.error(request, f"“{view}” is not yours to change. Keep what you see as a view of your own.")
        return redirect(view_url(view, request.tenant.slug))
    try:
        view_change(view=view, params=request.POST.dict(), actor=actor_of(request))
    except ViewError as error:
        messages.error(request, f"Nothing was changed: {error}.")
    else:
        messages.success(request, f"“{view}” shows this from now on.")
    return redirect(view_url(view, request.tenant.slug))


@staff_page("views.keep")
@require_POST
def view_forget(request: StaffRequest, view_id: UUID) -> HttpResponse:
    view = _view(request, view_id)
    if not _may_change(request, view):
        messages.error(request, f"“{view}” is not yours to remove.")
        return redirect(view_url(view, request.tenant.slug))
    if not request.POST.get("sure"):
        messages.info(request, f"“{view}” is still there: tick the box to remove it.")
        return redirect("shell:view", tenant=request.tenant.slug, view_id=view.pk)
    view_remove(view=view, actor=actor_of(request))
    messages.success(request, f"“{view}” is removed. Nothing that it showed was touched.")
    return redirect(list_url(_listed(view.list_key), request.tenant.slug))


def _view(request: StaffRequest, view_id: UUID) -> SavedView:
    # Somebody else's own view is nobody's business: as if it were not there.
    found = views_seen(request.user).filter(pk=view_id).first()
    if found is None:
        raise Http404
    return found


def _listed(key: str) -> ViewedList:
    if key not in viewed_lists:
        raise Http404
    return viewed_lists.get(key)


def _may_share(request: StaffRequest) -> bool:
    return allowed(request.membership.role, "views.share")


def _may_change(request: StaffRequest, view: SavedView) -> bool:
    """Their own; what everybody sees also by those who may share."""
    return view.owner_id == request.user.pk or (view.shared and _may_share(request))
