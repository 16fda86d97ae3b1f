"""What QBRs show on pages that other apps own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from hub.accounts.facts import today_of
from hub.registry.panels import (
    AccountPanel,
    HubSection,
    NavItem,
    NextStep,
    NextStepProvider,
    TodayPanel,
    account_panels,
    hub_sections,
    nav_items,
    next_steps,
    today_panels,
)
from hub.tenancy.models import Tenant
from qbr.models import Qbr, QbrComment
from qbr.selectors import STALE_AFTER_DAYS, shared_qbrs
from qbr.services import quarter_of


def account_panel(request: Any, account: Any) -> str | None:
    qbrs = list(Qbr.objects.filter(account=account).order_by("-quarter")[:4])
    return render_to_string("qbr/_account_panel.html", {"qbrs": qbrs, "account": account}, request=request)


def today_panel(request: Any) -> str | None:
    """Comments that wait for an answer, and this quarter's QBRs gone stale."""
    quarter = quarter_of(today_of(request.tenant))
    stale = Qbr.objects.filter(
        quarter=quarter.name, edited_at__lt=timezone.now() - timedelta(days=STALE_AFTER_DAYS)
    ).select_related("account")
    latest = QbrComment.objects.select_related("block__qbr", "account", "contact").order_by("block_id", "-at")
    waiting = [c for c in latest.distinct("block_id")[:200] if c.contact_id is not None]
    context = {
        "stale": list(stale.order_by("edited_at")[:5]),
        "stale_count": stale.count(),
        "waiting": sorted(waiting, key=lambda comment: comment.at, reverse=True)[:5],
    }
    if not context["stale"] and not waiting:
        return None
    return render_to_string("qbr/_today_panel.html", context, request=request)


def hub_section(request: Any, account: Any, contact: Any) -> str | None:
    latest = shared_qbrs(account).first()
    if latest is None:
        return None
    return render_to_string("qbr/_hub_section.html", {"qbr": latest}, request=request)


def unread_qbr(account: Any, contact: Any) -> NextStep | None:
    """A shared QBR that this contact has not opened yet."""
    latest = shared_qbrs(account).first()
    if latest is None or latest.reads.filter(contact=contact).exists():
        return None
    slug = Tenant.objects.values_list("slug", flat=True).get(pk=account.tenant_id)
    return NextStep(
        priority=30,
        text=f"Read your business review {latest.quarter}",
        url=reverse("qbr_hub:quarter", args=[slug, latest.quarter]),
    )


def register() -> None:
    nav_items.register(
        NavItem(
            "qbr",
            "QBRs",
            50,
            "qbr.view",
            "qbr:list",
            icon="presentation",
            what="Business reviews that customers read and comment in their own hub.",
        )
    )
    account_panels.register(AccountPanel("qbr", "QBRs", 50, "qbr.view", account_panel, beside=True))
    today_panels.register(TodayPanel("qbr", "QBRs", 40, "qbr.view", today_panel))
    hub_sections.register(HubSection("qbr", "Business review", 20, hub_section, "qbr_hub:read", "presentation"))
    next_steps.register(NextStepProvider("qbr", unread_qbr, order=30))
