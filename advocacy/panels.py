from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string
from django.urls import reverse

from advocacy.asks.models import Ask, AskStatus
from advocacy.models import Candidate
from advocacy.resources.views import unlocks_of
from hub.registry.panels import (
    AccountPanel,
    HubSection,
    NavItem,
    NextStep,
    NextStepProvider,
    account_panels,
    hub_sections,
    nav_items,
    next_steps,
)
from hub.tenancy.models import Tenant


def account_panel(request: Any, account: Any) -> str | None:
    candidates = list(Candidate.objects.select_related("contact").filter(account=account, qualifies=True)[:5])
    if not candidates:
        return None
    return render_to_string("advocacy/_account_panel.html", {"candidates": candidates}, request=request)


def hub_resources(request: Any, account: Any, contact: Any) -> str | None:
    unlocks = unlocks_of(account)[:3]
    if not unlocks:
        return None
    return render_to_string("advocacy/_hub_resources.html", {"unlocks": unlocks}, request=request)


def hub_asks(request: Any, account: Any, contact: Any) -> str | None:
    """Asks have a page of their own; home shows an open one as the next step."""
    return None


def open_ask(account: Any, contact: Any) -> NextStep | None:
    ask = Ask.objects.filter(account=account, contact=contact, status=AskStatus.OPEN).order_by("asked_at").first()
    if ask is None:
        return None
    slug = Tenant.objects.values_list("slug", flat=True).get(pk=account.tenant_id)
    return NextStep(60, f"Would you? {ask.get_kind_display()}", reverse("advocacy_hub:asks", args=[slug]))


def register() -> None:
    hub_sections.register(HubSection("resources", "Resources", 40, hub_resources, "advocacy_hub:resources", "book"))
    hub_sections.register(HubSection("asks", "Would you?", 60, hub_asks, "advocacy_hub:asks", "heart-handshake"))
    next_steps.register(NextStepProvider("ask", open_ask, order=60))
    nav_items.register(
        NavItem(
            "advocacy",
            "Advocacy",
            60,
            "advocacy.view",
            "advocacy:roster",
            icon="award",
            what="Customers who may speak for you: candidates, asks, resources.",
        )
    )
    account_panels.register(AccountPanel("advocacy", "Advocates", 60, "advocacy.view", account_panel, beside=True))
