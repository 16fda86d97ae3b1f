"""Opens the context of the customer's hub: the tenant for the sign-in pages, the contact's account behind them."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from hub.portal.services import session_for
from hub.tenancy.context import current_scope, tenant_context
from hub.tenancy.models import Tenant

HUB_PATH = re.compile(r"^/hub/(?P<slug>[a-z0-9-]+)/")
GetResponse = Callable[[HttpRequest], HttpResponse]


def cookie_name(slug: str) -> str:
    """The hub's own cookie, one per tenant; the staff session is another and neither opens the other's door."""
    return f"__Host-hub-{slug}" if settings.IS_HTTPS else f"tandem_hub_{slug}"


class PortalMiddleware:
    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        match = HUB_PATH.match(request.path_info)
        tenant = Tenant.objects.filter(slug=match["slug"], is_active=True).first() if match else None
        if tenant is None:
            return self.get_response(request)
        request.tenant = tenant  # type: ignore[attr-defined]
        with ExitStack() as stack:
            stack.enter_context(timezone.override(tenant.zone))
            stack.enter_context(tenant_context(tenant))
            secret = request.COOKIES.get(cookie_name(tenant.slug))
            session = session_for(secret) if secret else None
            request.hub_session = session  # type: ignore[attr-defined]
            if session is not None and session.account_id is not None:
                request.contact, request.account = session.contact, session.account  # type: ignore[attr-defined]
                stack.enter_context(tenant_context(tenant, account_id=session.account_id))
            response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        patch_vary_headers(response, ["HX-Request", "Cookie"])
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        if current_scope() is not None:
            transaction.set_rollback(True)
