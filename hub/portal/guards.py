"""Guards of the customer's hub: who is signed in as which contact, and what a viewer may not do."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from hub.accounts.models import Account, Contact
from hub.portal.models import HubSession
from hub.tenancy.models import Tenant

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class HubRequest(HttpRequest):
    """A request of a signed-in contact: PortalMiddleware has narrowed the context to the contact's account."""

    tenant: Tenant
    hub_session: HubSession
    contact: Contact
    account: Account
    htmx: Any


def hub_page(view: View) -> View:
    """Let signed-in contacts in; others go to the sign-in page. Whoever views as a contact may only read."""

    @wraps(view)
    def guarded(request: HttpRequest, tenant: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
        session: HubSession | None = getattr(request, "hub_session", None)
        if getattr(request, "tenant", None) is None:
            raise Http404
        if session is None:
            return redirect("portal:sign_in", tenant=tenant)
        if session.contact_id is None:
            return redirect("portal:choose", tenant=tenant)
        if session.viewer_id is not None and request.method not in ("GET", "HEAD"):
            raise PermissionDenied("You see this hub as a contact: nothing can be changed.")
        return view(cast(HubRequest, request), *args, **kwargs)

    guarded.surface = "hub"  # type: ignore[attr-defined]  # read by the isolation matrix test
    return cast(View, guarded)


def hub_entrance(view: View) -> View:
    """A page of the hub that needs nobody signed in (sign-in itself); the tenant must exist."""

    @wraps(view)
    def guarded(request: HttpRequest, tenant: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if getattr(request, "tenant", None) is None:
            raise Http404
        return view(request, *args, **kwargs)

    guarded.surface = "entrance"  # type: ignore[attr-defined]  # read by the isolation matrix test
    return cast(View, guarded)
