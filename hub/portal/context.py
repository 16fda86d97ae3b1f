from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from hub.registry.panels import hub_sections


def hub(request: HttpRequest) -> dict[str, Any]:
    """Template context of every page of the customer's hub; empty elsewhere."""
    tenant = getattr(request, "tenant", None)
    if tenant is None or not hasattr(request, "hub_session"):
        return {}
    session = request.hub_session
    contact = getattr(request, "contact", None)
    home = reverse("portal:home", args=[tenant.slug])
    return {
        "contact": contact,
        "account": getattr(request, "account", None),
        "hub_home_url": home,
        "hub_links": _links(request, tenant.slug, home) if contact else [],
        "preferences_url": reverse("portal:preferences", args=[tenant.slug]) if contact else "",
        "sign_out_url": reverse("portal:sign_out", args=[tenant.slug]),
        "viewing_as": bool(session and session.viewer_id),
        "leave_url": reverse("shell:today", args=[tenant.slug]) if session and session.viewer_id else "",
    }


def _links(request: HttpRequest, slug: str, home: str) -> list[dict[str, Any]]:
    plan = reverse("portal:plan", args=[slug])
    links = [("Home", home, "home"), ("Onboarding", plan, "list-check")]
    links += [(s.title, reverse(s.url_name, args=[slug]), s.icon) for s in hub_sections if s.url_name]
    return [{"title": title, "url": url, "icon": icon, "current": request.path == url} for title, url, icon in links]
