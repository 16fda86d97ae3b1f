from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string

from advocacy.models import Candidate
from hub.registry.panels import AccountPanel, NavItem, account_panels, nav_items


def account_panel(request: Any, account: Any) -> str | None:
    candidates = list(Candidate.objects.select_related("contact").filter(account=account, qualifies=True)[:5])
    if not candidates:
        return None
    return render_to_string("advocacy/_account_panel.html", {"candidates": candidates}, request=request)


def register() -> None:
    nav_items.register(NavItem("advocacy", "Advocacy", 60, "advocacy.view", "advocacy:roster", icon="award"))
    account_panels.register(AccountPanel("advocacy", "Advocates", 60, "advocacy.view", account_panel, beside=True))
