from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from hub.accounts.facts import today_of
from hub.people.answers import form_of
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.people.permissions import allowed
from hub.portal.guards import HubRequest, hub_page
from hub.portal.services import contact_actor
from hub.registry.lists import with_views
from qbr import services
from qbr.models import LineTag, Qbr, QbrBlock, QbrLine
from qbr.selectors import STALE_AFTER_DAYS, BlockView, bring_up_to_date, coverage, qbr_list, qbr_view, shared_qbrs

PAGE = 50


# --- Staff --------------------------------------------------------------------------------------------------------


@staff_page("qbr.view")
@with_views("qbrs")
def index(request: StaffRequest) -> HttpResponse:
    """This quarter's QBRs: who has one, what is shared, what has gone stale."""
    quarter = services.quarter_of(today_of(request.tenant))
    search, state = request.GET.get("q", "").strip(), request.GET.get("state", "")
    page = Paginator(qbr_list(quarter.name, search=search, state=state), PAGE).get_page(request.GET.get("page"))
    context = {
        "quarter": quarter,
        "coverage": coverage(quarter.name),
        "page": page,
        "search": search,
        "state": state,
        "stale_before": timezone.now() - timedelta(days=STALE_AFTER_DAYS),
        "may_generate": allowed(request.membership.role, "qbr.generate"),
    }
    return render(request, "qbr/list.html", context)


@staff_page("qbr.generate")
@require_POST
def generate(request: StaffRequest) -> HttpResponse:
    made = services.qbr_generate_all(tenant=request.tenant, actor=actor_of(request))
    messages.success(request, f"{made} QBRs made." if made else "Every account has this quarter’s QBR already.")
    return redirect("qbr:list", tenant=request.tenant.slug)


@staff_page("qbr.view")
def edit(request: StaffRequest, qbr_id: UUID) -> HttpResponse:
    """The page as the customer sees it, edited in place."""
    qbr = get_object_or_404(Qbr.objects.select_related("account", "account__owner"), pk=qbr_id)
    context = {
        "qbr": qbr,
        "account": qbr.account,
        "views": qbr_view(qbr, today=today_of(request.tenant), for_customer=False),
        "reads": list(qbr.reads.select_related("contact").order_by("-last_at")[:5]),
        **_rights(request),
    }
    return render(request, "qbr/edit.html", context)


def _rights(request: StaffRequest) -> dict[str, Any]:
    return {"may_edit": allowed(request.membership.role, "qbr.edit"), "tags": LineTag.choices}


def _line_partial(request: StaffRequest, line: QbrLine, **extra: Any) -> HttpResponse:
    bring_up_to_date(line.account, [line])
    return render(
        request, "qbr/_line.html", {"line": line, **_rights(request), **extra}, status=extra.pop("status", 200)
    )


@staff_page("qbr.edit")
@require_POST
def line_add(request: StaffRequest, block_id: UUID) -> HttpResponse:
    block = get_object_or_404(QbrBlock.objects.select_related("qbr"), pk=block_id)
    try:
        line = services.line_add(
            block=block,
            text=request.POST.get("text", ""),
            internal=request.POST.get("internal") == "on",
            user=request.user,
            actor=actor_of(request),
        )
    except ValueError as error:
        return _refused(request, block.qbr_id, str(error))
    if request.htmx:
        return _line_partial(request, line)
    return redirect("qbr:edit", tenant=request.tenant.slug, qbr_id=block.qbr_id)


@staff_page("qbr.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def line(request: StaffRequest, line_id: UUID) -> HttpResponse:
    """GET: the line's form (or the line itself with ?show). POST: save it, or show both texts when it moved on."""
    found = get_object_or_404(QbrLine.objects.select_related("block"), pk=line_id)
    if request.method != "POST":
        if "show" in request.GET:
            return _line_partial(request, found)
        bring_up_to_date(found.account, [found])
        return render(request, "qbr/_line_form.html", {"line": found, "text": found.text, **_rights(request)})
    text = request.POST.get("text", "")
    try:
        saved = services.line_edit(
            line_id=line_id,
            revision=_revision(request),
            text=text,
            internal=request.POST.get("internal") == "on",
            user=request.user,
            actor=actor_of(request),
        )
    except services.StaleEdit as stale:
        context = {"line": stale.current, "text": text, "conflict": True, **_rights(request)}
        return render(request, "qbr/_line_form.html", context, status=409)
    except ValueError as error:
        context = {"line": found, "text": text, "problem": str(error), **_rights(request)}
        return render(request, "qbr/_line_form.html", context, status=422)
    if request.htmx:
        return _line_partial(request, saved)
    return redirect("qbr:edit", tenant=request.tenant.slug, qbr_id=found.block.qbr_id)


def _revision(request: StaffRequest) -> int:
    value = request.POST.get("revision", "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0


@staff_page("qbr.edit")
@require_POST
def line_remove(request: StaffRequest, line_id: UUID) -> HttpResponse:
    found = get_object_or_404(QbrLine.objects.select_related("block"), pk=line_id)
    try:
        services.line_remove(line_id=line_id, revision=_revision(request), user=request.user, actor=actor_of(request))
    except services.StaleEdit as stale:
        return _line_partial(request, stale.current)
    if request.htmx:
        return HttpResponse("")
    return redirect("qbr:edit", tenant=request.tenant.slug, qbr_id=found.block.qbr_id)


@staff_page("qbr.edit")
@require_POST
def line_tag(request: StaffRequest, line_id: UUID) -> HttpResponse:
    found = get_object_or_404(QbrLine.objects.select_related("block"), pk=line_id)
    try:
        tagged = services.line_tag(
            line_id=line_id, tag=request.POST.get("tag", ""), user=request.user, actor=actor_of(request)
        )
    except ValueError as error:
        return _refused(request, found.block.qbr_id, str(error))
    if request.htmx:
        return _line_partial(request, tagged)
    return redirect("qbr:edit", tenant=request.tenant.slug, qbr_id=found.block.qbr_id)


@staff_page("qbr.edit")
@require_POST
def line_tick(request: StaffRequest, line_id: UUID) -> HttpResponse:
    found = get_object_or_404(QbrLine.objects.select_related("block"), pk=line_id)
    services.line_tick(line_id=line_id, done=request.POST.get("done") == "on", actor=actor_of(request))
    found.refresh_from_db()
    if request.htmx:
        return _line_partial(request, found)
    return redirect("qbr:edit", tenant=request.tenant.slug, qbr_id=found.block.qbr_id)


@staff_page("qbr.edit")
@require_POST
def share(request: StaffRequest, qbr_id: UUID) -> HttpResponse:
    qbr = get_object_or_404(Qbr.objects.all(), pk=qbr_id)
    services.qbr_share(qbr=qbr, user=request.user, actor=actor_of(request))
    messages.success(request, "Shared: the customer finds it in their hub.")
    return redirect("qbr:edit", tenant=request.tenant.slug, qbr_id=qbr_id)


@staff_page("qbr.edit")
@require_POST
def answer(request: StaffRequest, block_id: UUID) -> HttpResponse:
    """Staff answer a comment."""
    block = get_object_or_404(QbrBlock.objects.all(), pk=block_id)
    try:
        services.comment_add(
            block=block,
            body=request.POST.get("body", ""),
            user=request.user,
            actor=actor_of(request),
            form=form_of(request),
        )
    except ValueError as error:
        return _refused(request, block.qbr_id, str(error))
    return redirect("qbr:edit", tenant=request.tenant.slug, qbr_id=block.qbr_id)


def _refused(request: StaffRequest, qbr_id: UUID, problem: str) -> HttpResponse:
    messages.error(request, f"Not saved: {problem}.")
    return redirect("qbr:edit", tenant=request.tenant.slug, qbr_id=qbr_id)


# --- The customer's hub -------------------------------------------------------------------------------------------


@hub_page
def read(request: HubRequest, quarter: str = "") -> HttpResponse:
    """The shared QBR as the customer reads it: the latest, or that of a quarter."""
    shared = list(shared_qbrs(request.account).select_related("account"))
    chosen = shared[0] if shared else None
    if quarter:
        chosen = get_object_or_404(shared_qbrs(request.account).select_related("account"), quarter=quarter)
    views: list[BlockView] = []
    if chosen is not None:
        views = qbr_view(chosen, today=today_of(request.tenant), for_customer=True)
        if request.hub_session.viewer_id is None:
            services.read_record(qbr=chosen, contact=request.contact)
    return render(request, "qbr/read.html", {"qbr": chosen, "views": views, "shared": shared})


@hub_page
@require_POST
def comment(request: HubRequest, block_id: UUID) -> HttpResponse:
    """The customer comments on a block of a QBR that is shared with them."""
    block = get_object_or_404(
        QbrBlock.objects.select_related("qbr"), pk=block_id, qbr__shared_at__isnull=False, account=request.account
    )
    try:
        services.comment_add(
            block=block,
            body=request.POST.get("body", ""),
            contact=request.contact,
            actor=contact_actor(request.contact),
            form=form_of(request),
        )
    except ValueError as error:
        messages.error(request, f"Not saved: {error}.")
    return redirect("qbr_hub:quarter", tenant=request.tenant.slug, quarter=block.qbr.quarter)
