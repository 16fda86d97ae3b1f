"""Navigation, and the notice of endpoints that were switched off."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string

from hub.outbound.models import EndpointStatus, WebhookEndpoint
from hub.registry.panels import NavItem, TodayPanel, nav_items, today_panels


def register() -> None:
    nav_items.register(
        NavItem(
            "exports",
            "Exports",
            84,
            "exports.take",
            "outbound:exports",
            icon="download",
            what="Files that were asked for, ready to be taken.",
        )
    )
    nav_items.register(
        NavItem(
            "webhooks",
            "Webhooks",
            86,
            "webhooks.manage",
            "outbound:webhooks",
            icon="webhook",
            what="Addresses of your own systems that are told what happens here.",
        )
    )
    today_panels.register(TodayPanel("webhooks", "Webhooks", 15, "webhooks.manage", _broken))


def _broken(request: Any) -> str | None:
    """Endpoints that nothing is sent to any more, until somebody has looked."""
    broken = list(WebhookEndpoint.objects.filter(status=EndpointStatus.BROKEN).order_by("changed_at"))
    if not broken:
        return None
    return render_to_string("outbound/_today_panel.html", {"endpoints": broken, "tenant": request.tenant}, request)
