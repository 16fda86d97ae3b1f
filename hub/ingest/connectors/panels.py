"""The alarm on Today: connections that have gone quiet or whose calls are refused."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone

from hub.ingest.connectors.selectors import alarms
from hub.registry.panels import TodayPanel, today_panels


def register() -> None:
    today_panels.register(TodayPanel("connections", "Connections", 14, "sources.edit", _alarms))


def _alarms(request: Any) -> str | None:
    found = alarms(timezone.now())
    if not found:
        return None
    return render_to_string("sources/_today_panel.html", {"connections": found, "tenant": request.tenant}, request)
