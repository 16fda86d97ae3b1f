"""What the outbox shows on pages of others: trouble on Today, messages at an account and in the customer's hub."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string

from hub.outbox.policy import sending_rules
from hub.outbox.preferences import preferences_of
from hub.outbox.pressure import ledger_of
from hub.outbox.reasons import reason_words
from hub.outbox.selectors import hub_messages, is_stopped, messages_page, troubled
from hub.outbox.services import messages_read
from hub.registry.panels import (
    AccountPanel,
    Banner,
    ContactPanel,
    HubSection,
    NavItem,
    TodayPanel,
    account_panels,
    banners,
    contact_panels,
    hub_sections,
    nav_items,
    today_panels,
)


def today_panel(request: Any) -> str | None:
    """Messages that want a person; nothing to show is the normal case."""
    counts = troubled()
    return render_to_string("outbox/_today_panel.html", {"counts": counts}, request=request) if counts else None


def account_panel(request: Any, account: Any) -> str | None:
    rows = messages_page(account_id=account.pk)[:6]
    shown = [(row, reason_words(row.reason) if row.reason else "") for row in rows]
    return render_to_string("outbox/_account_panel.html", {"rows": shown}, request=request)


def hub_section(request: Any, account: Any, contact: Any) -> str | None:
    """The contact's messages. Seeing them is reading them, except for staff who look over the contact's shoulder."""
    messages = list(hub_messages(contact))
    if not messages:
        return None
    html = render_to_string("outbox/_hub_section.html", {"messages": messages}, request=request)
    session = getattr(request, "hub_session", None)
    if session is not None and session.viewer_id is None and any(m.read_at is None for m in messages):
        messages_read(contact=contact)
    return html


def contact_panel(request: Any, contact: Any) -> str | None:
    """What a contact wants to hear about, as it counts now."""
    context = {"contact": contact, "preferences": preferences_of(contact, request.tenant)}
    return render_to_string("outbox/_contact_panel.html", context, request=request)


def pressure_panel(request: Any, account: Any) -> str | None:
    """How much of the budget is used; nothing to show while it is untouched."""
    ledger = ledger_of(account.pk, sending_rules(request.tenant.settings).policy)
    if not ledger.entries:
        return None
    context = {"ledger": ledger, "account": account}
    return render_to_string("outbox/_pressure_panel.html", context, request=request)


def stopped_banner(request: Any) -> str | None:
    """What is stopped, above every page: nobody should wonder why nothing leaves."""
    stops = is_stopped() if request.tenant.sending_stopped else []
    return render_to_string("outbox/_stopped.html", {"stops": stops}, request=request) if stops else None


def register() -> None:
    banners.register(Banner("stopped", 10, "outbox.view", stopped_banner))
    account_panels.register(AccountPanel("pressure", "Pressure", 62, "outbox.view", pressure_panel, beside=True))
    nav_items.register(
        NavItem(
            "sending",
            "Sending",
            85,
            "outbox.view",
            "outbox:rules",
            icon="mail",
            covers=("set-up/sending/",),
            what="Topics, brand, domains, quiet hours, limits, stops: what is sent, and what is not.",
        )
    )
    contact_panels.register(ContactPanel("consent", "Hears about", 10, "outbox.view", contact_panel))
    today_panels.register(TodayPanel("outbox", "Messages that need you", 60, "outbox.view", today_panel))
    account_panels.register(AccountPanel("outbox", "Messages", 60, "outbox.view", account_panel, beside=True))
    hub_sections.register(HubSection("messages", "Messages", 40, hub_section, icon="messages"))
