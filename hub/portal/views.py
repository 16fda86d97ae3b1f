"""The hub's own pages: signing in, choosing an account, home, milestones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from hub.accounts.facts import today_of
from hub.accounts.models import Contact
from hub.outbox.preferences import preferences_of
from hub.outbox.services import preferences_set, preferences_stop_all
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.plans.models import Milestone
from hub.plans.selectors import plan_progress
from hub.plans.services import milestone_complete
from hub.portal import services, throttle
from hub.portal.guards import HubRequest, hub_entrance, hub_page
from hub.portal.middleware import cookie_name
from hub.portal.selectors import contacts_of
from hub.registry.panels import hub_sections, next_step

PREFERENCES = "preference centre"


@hub_entrance
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for an address; the answer is the same for known and unknown ones."""
    tenant = request.tenant  # type: ignore[attr-defined]  # set by PortalMiddleware
    if request.method != "POST":
        return render(request, "hub/sign_in.html", {})
    email = request.POST.get("email", "").strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        return render(
            request, "hub/sign_in.html", {"email": email, "problem": "Enter your e-mail address."}, status=422
        )
    ip = request.META.get("REMOTE_ADDR", "")
    if throttle.allowed("hub-mail", f"{tenant.slug}:{email}", throttle.PER_ADDRESS) and throttle.allowed(
        "hub-mail-ip", ip, throttle.PER_IP
    ):
        services.sign_in_request(email=email)
    return render(request, "hub/sign_in_code.html", {"email": email})


@hub_entrance
@require_POST
def sign_in_code(request: HttpRequest) -> HttpResponse:
    """The code typed by hand."""
    tenant = request.tenant  # type: ignore[attr-defined]  # set by PortalMiddleware
    email, code = request.POST.get("email", ""), request.POST.get("code", "")
    secret = None
    if throttle.allowed("hub-code-ip", request.META.get("REMOTE_ADDR", ""), throttle.PER_IP):
        secret = services.sign_in_by_code(email=email, code=code)
    if secret is None:
        problem = "This code is not valid (any more). Check it, or ask for a new one."
        return render(request, "hub/sign_in_code.html", {"email": email, "problem": problem}, status=422)
    return _signed_in(tenant.slug, secret)


@hub_entrance
@require_http_methods(["GET", "HEAD", "POST"])
def enter(request: HttpRequest, token: str) -> HttpResponse:
    """A mailed link: GET shows a button, because mail scanners open links; only POST consumes it."""
    tenant = request.tenant  # type: ignore[attr-defined]  # set by PortalMiddleware
    if request.method != "POST":
        return render(request, "hub/enter.html", {"token": token})
    secret = services.sign_in_by_token(token=token)
    if secret is None:
        problem = "This link was used already or is older than 15 minutes. Ask for a new one."
        return render(request, "hub/sign_in.html", {"problem": problem}, status=410)
    return _signed_in(tenant.slug, secret)


def _signed_in(slug: str, secret: str) -> HttpResponse:
    response = redirect("portal:home", tenant=slug)
    response.set_cookie(
        cookie_name(slug),
        secret,
        max_age=int(services.SESSION_LIFE.total_seconds()),
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
        path="/",
    )
    return response


@hub_entrance
@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: HttpRequest) -> HttpResponse:
    """One person at several accounts says which one."""
    tenant, session = request.tenant, request.hub_session  # type: ignore[attr-defined]  # set by PortalMiddleware
    if session is None:
        return redirect("portal:sign_in", tenant=tenant.slug)
    if session.contact_id is not None:
        return redirect("portal:home", tenant=tenant.slug)
    contacts = contacts_of(session.email)
    if request.method != "POST":
        return render(request, "hub/choose.html", {"contacts": contacts})
    chosen = next((c for c in contacts if str(c.pk) == request.POST.get("contact")), None)
    if chosen is None:
        raise Http404
    services.account_choose(session=session, contact=chosen)
    return redirect("portal:home", tenant=tenant.slug)


@hub_entrance
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    tenant, session = request.tenant, request.hub_session  # type: ignore[attr-defined]  # set by PortalMiddleware
    if session is not None:
        services.sign_out(session=session)
    response = redirect("portal:sign_in", tenant=tenant.slug)
    response.delete_cookie(cookie_name(tenant.slug), path="/")
    return response


@hub_page
def home(request: HubRequest) -> HttpResponse:
    """Your next step first, then progress, then what the apps show."""
    sections = [
        {"key": section.key, "title": section.title, "html": html}
        for section in hub_sections
        if (html := section.render(request, request.account, request.contact))
    ]
    context = {
        "progress": plan_progress(request.account.pk, today_of(request.tenant)),
        "next_step": next_step(request.account, request.contact),
        "sections": sections,
    }
    return render(request, "hub/home.html", context)


@hub_page
def plan(request: HubRequest) -> HttpResponse:
    """The onboarding plan with every milestone."""
    return render(request, "hub/plan.html", {"progress": plan_progress(request.account.pk, today_of(request.tenant))})


@hub_page
@require_POST
def milestone_done(request: HubRequest, milestone_id: UUID) -> HttpResponse:
    """A contact completes a milestone themselves."""
    milestone = get_object_or_404(Milestone.objects.all(), pk=milestone_id, account=request.account)
    done = milestone_complete(
        milestone_id=milestone.pk,
        via="hub",
        actor=services.contact_actor(request.contact),
        contact=request.contact,
    )
    if done:
        messages.success(request, f"Done: {milestone.title}")
    if request.htmx:
        return render(request, "hub/plan.html#plan", _plan_context(request))
    return redirect("portal:plan", tenant=request.tenant.slug)


def _plan_context(request: HubRequest) -> dict[str, Any]:
    return {"progress": plan_progress(request.account.pk, today_of(request.tenant))}


@hub_page
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HubRequest) -> HttpResponse:
    """What the contact wants to hear about, by topic and channel."""
    chosen = preferences_of(request.contact, request.tenant)
    if request.method != "POST":
        return render(request, "hub/preferences.html", {"preferences": chosen})
    actor = replace(services.contact_actor(request.contact), ip=request.META.get("REMOTE_ADDR") or None)
    if "stop" in request.POST:
        preferences_stop_all(contact=request.contact, actor=actor, source=PREFERENCES)
    else:
        wanted = chosen.wanted(request.POST)
        preferences_set(contact=request.contact, wanted=wanted, before=chosen.before, actor=actor, source=PREFERENCES)
    messages.success(request, "Kept. It counts at once, for messages that were on their way too.")
    return redirect("portal:preferences", tenant=request.tenant.slug)


@staff_page("portal.view_as")
@require_POST
def view_as(request: StaffRequest, contact_id: UUID) -> HttpResponse:
    """Staff open a contact's hub, to read it only."""
    contact = get_object_or_404(Contact.objects.select_related("account"), pk=contact_id)
    secret = services.view_as(contact=contact, user=request.user, actor=actor_of(request))
    return _signed_in(request.tenant.slug, secret)
