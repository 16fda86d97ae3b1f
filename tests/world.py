"""Small worlds for tests: tenants, people, accounts. Functions, so that a test says what it needs."""

from __future__ import annotations

from typing import Any

from hub.accounts.models import Account, Contact
from hub.accounts.services import account_upsert, contact_upsert
from hub.people.audit import command
from hub.people.models import Membership
from hub.people.services import member_add
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.services import triggers_install

ACTOR = command("test")
PASSWORD = "correct horse battery"


def make_tenant(slug: str = "acme", **fields: Any) -> Tenant:
    tenant = Tenant.objects.create(slug=slug, name=fields.pop("name", slug.title()), **fields)
    with tenant_context(tenant):
        triggers_install(actor=ACTOR)
    return tenant


def make_member(tenant: Tenant, role: str = "csm", email: str = "", password: str | None = PASSWORD) -> Membership:
    """A member; `password=None` saves the hashing where the test signs in by force."""
    return member_add(
        tenant=tenant, email=email or f"{role}@{tenant.slug}.example", role=role, password=password, actor=ACTOR
    )


def make_account(name: str = "Northwind", **fields: Any) -> Account:
    """An account of the tenant in context."""
    account, _ = account_upsert(source="test", external_id=name, fields={"name": name, **fields})
    return account


def make_contact(account: Account, email: str = "", **fields: Any) -> Contact:
    email = email or f"kim@{account.name.lower()}.example"
    contact, _ = contact_upsert(account=account, fields={"email": email, "name": "Kim", **fields})
    return contact
