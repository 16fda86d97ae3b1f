"""What the apps put on the pages of the shell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from hub.accounts.models import Account
from hub.people.guards import StaffRequest
from hub.people.permissions import allowed
from hub.registry.base import Registry
from hub.registry.panels import AccountPanel, account_panels, account_stats, today_panels


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel ready to show: its title and its safe HTML, and whether it stands in the narrow column."""

    key: str
    title: str
    html: str
    beside: bool = False


def panels_of_today(request: StaffRequest) -> list[Panel]:
    """The panels that the member's role may see and that have something to say, in their order."""
    panels = []
    for panel in today_panels:
        if not allowed(request.membership.role, panel.permission):
            continue
        html = panel.render(request)
        if html:
            panels.append(Panel(key=panel.key, title=panel.title, html=html))
    return panels


def panels_of_account(request: StaffRequest, account: Account) -> list[Panel]:
    """The panels of the account page, by the same rules."""
    return _of_account(account_panels, request, account)


def stats_of_account(request: StaffRequest, account: Account) -> list[Panel]:
    """The figures above them, by the same rules."""
    return _of_account(account_stats, request, account)


def _of_account(registered: Registry[AccountPanel], request: StaffRequest, account: Account) -> list[Panel]:
    panels = []
    for panel in registered:
        if not allowed(request.membership.role, panel.permission):
            continue
        html = panel.render(request, account)
        if html:
            panels.append(Panel(key=panel.key, title=panel.title, html=html, beside=panel.beside))
    return panels


# What differs between two answers that show the same: the token is masked anew, the way back names the request.
HIDDEN = re.compile(r'name="(csrfmiddlewaretoken|next)" value="[^"]*"')


def digest_of(panels: Sequence[Panel]) -> str:
    """A short hash of what the panels show: equal as long as there is nothing new."""
    text = "\n".join(panel.html for panel in panels)
    return sha256(HIDDEN.sub("", text).encode()).hexdigest()[:16]
