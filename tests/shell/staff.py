"""A signed-in member of staff, for the tests of their pages."""

from __future__ import annotations

from django.test import Client

from hub.tenancy.models import Tenant
from tests.world import make_member

HTMX = {"HX-Request": "true"}


def staff(tenant: Tenant, role: str = "csm", email: str = "") -> Client:
    client = Client()
    client.force_login(
        make_member(tenant, role, email).user, backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    return client
