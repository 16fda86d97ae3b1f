"""Playbooks: the list, a new one, one with its versions."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.people.permissions import allowed
from hub.work.forms import PlaybookForm, playbook_initial
from hub.work.models import Playbook
from hub.work.selectors import playbooks_listed
from hub.work.services import PlaybookChanged, playbook_archive, playbook_save


@staff_page("today.view")
@require_safe
def playbook_list(request: StaffRequest) -> HttpResponse:
    """How each kind of task is done."""
    archived = request.GET.get("archived") == "1"
    context = {"playbooks": playbooks_listed(archived=archived), "archived": archived}
    return render(request, "work/playbooks.html", context)


@staff_page("playbooks.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def playbook_new(request: StaffRequest) -> HttpResponse:
    """Write a playbook."""
    form = PlaybookForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        playbook = playbook_save(
            playbook=None,
            name=form.cleaned_data["name"],
            description=form.cleaned_data["description"],
            content=form.content,
            actor=actor_of(request),
            user=request.user,
        )
        messages.success(request, "The playbook is kept. Tasks can name it from now on.")
        return redirect("work:playbook", tenant=request.tenant.slug, playbook_id=playbook.pk)
    status = 422 if form.is_bound else 200
    return render(request, "work/playbook_new.html", {"form": form}, status=status)


@staff_page("today.view")
@require_http_methods(["GET", "HEAD", "POST"])
def playbook_page(request: StaffRequest, playbook_id: UUID) -> HttpResponse:
    """What a playbook says, and saving its next version."""
    playbook = get_object_or_404(Playbook, pk=playbook_id)
    may_edit = allowed(request.membership.role, "playbooks.edit")
    live = playbook.versions.select_related("playbook").get(number=playbook.live)
    form = PlaybookForm(request.POST if request.method == "POST" and may_edit else None, initial=playbook_initial(live))
    if form.is_bound and form.is_valid():
        try:
            saved = playbook_save(
                playbook=playbook,
                name=form.cleaned_data["name"],
                description=form.cleaned_data["description"],
                content=form.content,
                seen=form.cleaned_data["seen"],
                actor=actor_of(request),
                user=request.user,
            )
        except PlaybookChanged as error:
            told = f"Somebody saved version {error.live} meanwhile. What you typed is kept below;"
            form.add_error(None, f"{told} open the page again beside it to compare.")
        else:
            messages.success(request, f"Version {saved.live} counts for new tasks. Open tasks keep theirs.")
            return redirect("work:playbook", tenant=request.tenant.slug, playbook_id=playbook.pk)
    context = {
        "playbook": playbook,
        "live": live,
        "form": form,
        "may_edit": may_edit,
        "versions": playbook.versions.select_related("saved_by").order_by("-number")[:20],
    }
    return render(request, "work/playbook.html", context, status=422 if form.is_bound else 200)


@staff_page("playbooks.edit")
@require_POST
def playbook_put_away(request: StaffRequest, playbook_id: UUID) -> HttpResponse:
    """Put a playbook away, or take it back."""
    playbook = get_object_or_404(Playbook, pk=playbook_id)
    archived = request.POST.get("archived") == "1"
    playbook_archive(playbook_id=playbook.pk, archived=archived, actor=actor_of(request))
    messages.success(request, "Put away: new tasks open without it." if archived else "It can be named again.")
    return redirect("work:playbook", tenant=request.tenant.slug, playbook_id=playbook.pk)
