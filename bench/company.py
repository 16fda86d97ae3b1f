"""A company on a running hub, made the way that anybody would: by commands and files."""

from __future__ import annotations

import csv
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from bench.stack import Hub

SLUG = "northstar"
PASSWORD = "correct horse battery"
CSM = "csm@northstar.example"
MILESTONES = (("kick-off", "Hold the kick-off"), ("invite-team", "Invite your team"), ("first-report", "First report"))
MAPPING = """\
source: crm
files:
  - file: accounts.csv
    entity: account
    external_id: id
    fields: {name: name, signed_up_on: signed_up_on}
  - file: contacts.csv
    entity: contact
    external_id: id
    account: account
    fields: {email: email, name: name, roles: roles}
  - file: milestones.csv
    entity: milestone
    external_id: id
    account: account
    fields: {plan_started_on: plan_started_on, key: key, title: title, position: position, required: required}
  - file: usage.csv
    entity: usage
    external_id: id
    account: account
    fields: {day: day, name: feature, count: count}
"""
# No command and no file gives an account its owner.
OWN = """
from hub.accounts.models import Account
from hub.people.models import User
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
with tenant_context(Tenant.objects.get(slug={slug!r})):
    Account.objects.update(owner=User.objects.get(email={csm!r}))
"""
LINKS = """
from hub.portal.services import sign_in_prepare
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
with tenant_context(Tenant.objects.get(slug={slug!r})):
    for email in {emails!r}:
        print(sign_in_prepare(email=email).token)
"""


@dataclass(frozen=True)
class Customer:
    """An account of the company and its one contact."""

    id: str
    name: str
    email: str


class Company:
    """`customers` have a champion, a plan of three required milestones, and ten weeks of steady use."""

    def __init__(self, hub: Hub, *, customers: int) -> None:
        self.hub = hub
        self.customers = [Customer(f"c{n}", f"Customer {n:03}", f"kim{n}@customers.example") for n in range(customers)]
        hub.manage("create_tenant", SLUG, "--name=Northstar", "--timezone=UTC")
        hub.manage("create_user", CSM, f"--tenant={SLUG}", "--role=csm", "--name=Dana Reed", f"--password={PASSWORD}")
        today = datetime.now(UTC).date()
        self.monday = today - timedelta(days=today.weekday())
        self._import(
            accounts=[{"id": c.id, "name": c.name, "signed_up_on": today - timedelta(days=90)} for c in self.customers],
            contacts=[
                {"id": f"{c.id}-kim", "account": c.id, "email": c.email, "name": "Kim Park", "roles": "champion"}
                for c in self.customers
            ],
            milestones=[
                {
                    "id": f"{c.id}-{key}",
                    "account": c.id,
                    "plan_started_on": today - timedelta(days=5),
                    "key": key,
                    "title": title,
                    "position": position,
                    "required": True,
                }
                for c in self.customers
                for position, (key, title) in enumerate(MILESTONES)
            ],
            usage=[row for c in self.customers for row in self._use(c, [100] * 10)],
        )
        hub.manage("shell", "--no-imports", "-c", OWN.format(slug=SLUG, csm=CSM))
        self.settle()

    def _use(self, customer: Customer, totals: Sequence[int]) -> list[dict[str, Any]]:
        """A row of use a week; the last total is that of the last complete week."""
        weeks = range(len(totals), 0, -1)
        return [
            {
                "id": f"{customer.id}-w{back}",
                "account": customer.id,
                "day": self.monday - timedelta(days=7 * back),
                "feature": "Reports",
                "count": total,
            }
            for back, total in zip(weeks, totals, strict=True)
        ]

    def use_declines(self, customer: Customer) -> None:
        """The source restates the last two weeks: half of what was usual."""
        self._import(usage=self._use(customer, [50, 45]))

    def _import(self, **files: Iterable[dict[str, Any]]) -> None:
        with tempfile.TemporaryDirectory(prefix="tandem-company-") as folder:
            mapping = "\n".join(_entries(MAPPING, {f"{name}.csv" for name in files}))
            (Path(folder) / "mapping.yaml").write_text(mapping)
            for name, rows in files.items():
                listed = list(rows)
                with (Path(folder) / f"{name}.csv").open("w", newline="") as file:
                    writer = csv.DictWriter(file, list(listed[0]))
                    writer.writeheader()
                    writer.writerows(listed)
            self.hub.manage("import_data", folder, f"--tenant={SLUG}", f"--mapping={folder}/mapping.yaml")

    def links(self, customers: Sequence[Customer]) -> list[str]:
        """One-time addresses of their hubs."""
        emails = [customer.email for customer in customers]
        printed = self.hub.manage("shell", "--no-imports", "-c", LINKS.format(slug=SLUG, emails=emails))
        return [f"{self.hub.url}/hub/{SLUG}/enter/{token}/" for token in printed.split()]

    def settle(self, *, seconds: float = 60) -> None:
        """Wait until the workers have evaluated every account."""
        deadline = time.monotonic() + seconds
        with psycopg.connect(self.hub.run()["database_admin_url"], autocommit=True) as connection:
            while connection.execute("SELECT 1 FROM accounts_accountstate WHERE dirty_at IS NOT NULL").fetchone():
                if time.monotonic() > deadline:
                    raise TimeoutError("the accounts are not evaluated yet")
                time.sleep(0.05)


def _entries(mapping: str, files: set[str]) -> list[str]:
    """The lines of a mapping, of these files alone."""
    head, *entries = mapping.split("  - file: ")
    return [head.rstrip()] + ["  - file: " + entry.rstrip() for entry in entries if entry.split()[0] in files]
