from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.db import transaction
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth carries no types
    """Staff are invited, never self-registered; mail leaves only after what it speaks of is committed."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        # Robust: a mail server that is down is logged, and known and unknown addresses still get the same answer.
        transaction.on_commit(
            lambda: super(AccountAdapter, self).send_mail(template_prefix, email, context), robust=True
        )
