"""Pages behind the signed links of a mail: unsubscribe, and the preference centre without signing in."""

from __future__ import annotations

from collections.abc import Callable

from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from hub.outbox.models import Message
from hub.outbox.preferences import preferences_of
from hub.outbox.services import preferences_set, preferences_stop_all, unsubscribe, unsubscribe_read
from hub.outbox.services.clicks import click_read, click_record
from hub.outbox.topics import topic_names
from hub.outbox.tracking import links_of
from hub.people.audit import Actor
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant

LINK = "unsubscribe link"
PREFERENCES = "preference centre, by link"
Page = Callable[[HttpRequest, Message], HttpResponse]


def _by_token(view: Page) -> Callable[[HttpRequest, str], HttpResponse]:
    """Open the context of the tenant that a signed token names; a token that is not ours is a page that is not."""

    def opened(request: HttpRequest, token: str) -> HttpResponse:
        try:
            tenant_id, message_id = unsubscribe_read(token)
        except (signing.BadSignature, ValueError):
            raise Http404 from None
        tenant = get_object_or_404(Tenant, pk=tenant_id, is_active=True)
        with tenant_context(tenant):
            message = get_object_or_404(Message.objects.select_related("contact"), pk=message_id)
            request.token = token  # type: ignore[attr-defined]  # for the links of the page
            response = view(request, message)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        return response

    opened.surface = "public"  # type: ignore[attr-defined]  # read by the isolation matrix test
    return opened


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@_by_token
def unsubscribe_page(request: HttpRequest, message: Message) -> HttpResponse:
    """RFC 8058: a POST unsubscribes, from a mail program or from the button; a GET (a link scanner's too) never does.

    Without a CSRF token: whoever holds the signed link may unsubscribe its reader, that is what it is for.
    """
    done = request.method == "POST"
    if done:
        unsubscribe(message_id=message.pk, source=LINK, ip=request.META.get("REMOTE_ADDR") or None)
    context = {
        "message": message,
        "topic": topic_names().get(message.topic, message.topic),
        "sender": message.tenant.name,
        "done": done,
        "token": request.token,  # type: ignore[attr-defined]  # set by _by_token
    }
    return render(request, "outbox/unsubscribe.html", context)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@_by_token
def preferences_page(request: HttpRequest, message: Message) -> HttpResponse:
    """Topics by channel, without signing in. As with unsubscribing, only a POST changes anything."""
    contact, tenant = message.contact, message.tenant
    preferences = preferences_of(contact, tenant, also=message.topic)
    token = request.token  # type: ignore[attr-defined]  # set by _by_token
    if request.method == "POST":
        actor = Actor("contact", str(contact.pk), "contact", request.META.get("REMOTE_ADDR") or None)
        if "stop" in request.POST:
            preferences_stop_all(contact=contact, actor=actor, source=PREFERENCES)
        else:
            wanted, before = preferences.wanted(request.POST), preferences.before
            preferences_set(contact=contact, wanted=wanted, before=before, actor=actor, source=PREFERENCES)
        return redirect(f"{request.path}?kept=1")
    context = {
        "preferences": preferences,
        "sender": tenant.name,
        "kept": "kept" in request.GET,
        "token": token,
    }
    return render(request, "outbox/preferences.html", context)


@require_http_methods(["GET", "HEAD"])
def click_page(request: HttpRequest, token: str) -> HttpResponse:
    """Count a click and lead on to where the message leads; what it leads to is read from the message alone."""
    try:
        tenant_id, message_id, link = click_read(token)
    except (signing.BadSignature, ValueError, IndexError):
        raise Http404 from None
    tenant = get_object_or_404(Tenant, pk=tenant_id, is_active=True)
    with tenant_context(tenant):
        message = get_object_or_404(Message, pk=message_id)
        links = links_of(message.body_html)
        if link >= len(links):
            raise Http404
        agent = request.headers.get("User-Agent", "")
        click_record(message=message, link=link, method=request.method or "", agent=agent)
    response = HttpResponse(status=302, headers={"Location": links[link]})
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


for _page in (click_page, unsubscribe_page, preferences_page):
    _page.surface = "public"  # type: ignore[attr-defined]  # read by the isolation matrix test
