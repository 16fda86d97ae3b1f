"""Guards of staff pages and of state changes: every view says which permission it needs, and a test reads it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase

from hub.people.models import Membership, User
from hub.people.permissions import PERMISSIONS, allowed
from hub.tenancy.models import Tenant

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class StaffRequest(HttpRequest):
    """A request that StaffMiddleware has let through: the person, their tenant and their role there."""

    user: User
    tenant: Tenant
    membership: Membership
    htmx: Any


def staff_page(permission: str) -> Callable[[View], View]:
    """Let the view run for members whose role holds `permission`; others get 403, strangers never come this far."""
    if permission not in PERMISSIONS:
        raise ValueError(f"unknown permission {permission!r}: add it to hub/people/permissions.py")

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, tenant: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
            membership = getattr(request, "membership", None)
            if membership is None:
                raise Http404
            if not allowed(membership.role, permission):
                raise PermissionDenied(f"your role ({membership.get_role_display()}) lacks {permission}")
            return view(cast(StaffRequest, request), *args, **kwargs)

        guarded.permission = permission  # type: ignore[attr-defined]  # read by the isolation matrix test
        guarded.surface = "staff"  # type: ignore[attr-defined]  # the same
        return cast(View, guarded)

    return decorate
