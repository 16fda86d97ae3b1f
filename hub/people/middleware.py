"""Opens the tenant's transaction around a staff request: view, inner middleware and rendering alike."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from hub.people.models import Membership
from hub.tenancy.context import current_scope, tenant_context

STAFF_PATH = re.compile(r"^/t/(?P<slug>[a-z0-9-]+)/")
GetResponse = Callable[[HttpRequest], HttpResponse]


class StaffMiddleware:
    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        match = STAFF_PATH.match(request.path_info)
        if match is None:
            return self.get_response(request)
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        membership = self._membership(request, match["slug"])
        if membership is None:
            # Whether the tenant exists is nobody's business who does not belong to it.
            raise Http404
        request.tenant, request.membership = membership.tenant, membership  # type: ignore[attr-defined]
        with tenant_context(membership.tenant), timezone.override(membership.tenant.zone):
            response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        patch_vary_headers(response, ["HX-Request", "Cookie"])
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        # Django turns the exception into a page inside our transaction; without this the half-done work would commit.
        if current_scope() is not None:
            transaction.set_rollback(True)

    @staticmethod
    def _membership(request: HttpRequest, slug: str) -> Membership | None:
        return (
            Membership.objects.select_related("tenant")
            .filter(tenant__slug=slug, tenant__is_active=True, user_id=str(request.user.pk), is_active=True)
            .first()
        )
