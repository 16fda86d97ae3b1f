"""The page of help: what each part is for, and who can change what one cannot."""

from __future__ import annotations

import pytest
from django.test import Client

from hub.people.models import Membership
from hub.registry.panels import nav_items
from hub.tenancy.models import Tenant
from tests.world import make_member, make_tenant

pytestmark = pytest.mark.django_db


def help_of(tenant: Tenant, role: str) -> str:
    client = Client()
    client.force_login(make_member(tenant, role).user)
    answer = client.get(f"/t/{tenant.slug}/help/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_part_says_what_it_is_for(acme: Tenant) -> None:
    assert all(item.what.endswith(".") for item in nav_items)
    page = help_of(acme, "admin")
    assert all(item.what in page for item in nav_items)


def test_nobody_is_told_of_parts_that_they_may_not_open(acme: Tenant) -> None:
    page = help_of(acme, "csm")
    assert "What needs you now" in page
    assert "Addresses of your own systems" not in page


def test_those_who_give_roles_are_named_and_those_of_others_are_not(acme: Tenant) -> None:
    make_member(acme, "admin", email="ada@acme.example")
    gone = make_member(acme, "admin", email="gone@acme.example")
    Membership.objects.filter(pk=gone.pk).update(is_active=False)
    make_member(make_tenant("globex"), "admin", email="boss@globex.example")
    page = help_of(acme, "csm")
    assert "ada@acme.example" in page
    assert "gone@acme.example" not in page
    assert "boss@globex.example" not in page


def test_every_page_leads_to_help(acme: Tenant) -> None:
    client = Client()
    client.force_login(make_member(acme, "leader").user)
    assert 'href="/t/acme/help/"' in client.get("/t/acme/").content.decode()
