"""The address a request comes from, behind proxies that we trust."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse


class ClientAddress:
    """Sets REMOTE_ADDR to what the outermost of `TRUSTED_PROXIES` proxies saw.

    Each proxy appends the address it was called from to X-Forwarded-For, so with n of them the n-th from the right is
    the last that we can believe; what stands further left anybody can write. Sign-in limits and audit rows read it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        proxies = settings.TRUSTED_PROXIES
        if proxies > 0:
            seen = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
            if len(seen) >= proxies:
                request.META["REMOTE_ADDR"] = seen[-proxies]
        return self.get_response(request)
