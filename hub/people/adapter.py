from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.sites.shortcuts import get_current_site
from django.http import HttpRequest

from hub.people.mail import staff_mail_queue


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth carries no types
    """Staff are invited, never self-registered; a worker sends their mail, so that no answer tells who is known."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        site = get_current_site(self.request)
        mail = self.render_mail(
            template_prefix, email, {"request": self.request, "email": email, "current_site": site, **context}
        )
        staff_mail_queue(mail)
