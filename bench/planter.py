"""Lives of accounts, written through the services that the doors, connectors and imports use.

The moment at which a contact was last seen is written as it is: only a sign-in of theirs would.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from hub.accounts.models import Account, Contact
from hub.accounts.services import (
    account_upsert,
    change_record,
    community_activity_upsert,
    contact_left,
    contact_upsert,
    facts_touch,
)
from hub.feedback.models import ReadText
from hub.feedback.services import survey_response_upsert, ticket_upsert
from hub.people.audit import command
from hub.plans.services import MilestoneSpec, milestone_complete, milestone_upsert, plan_create
from hub.revenue.services.billing import invoice_upsert, payment_upsert
from hub.revenue.services.catalogue import Allowance, entitlements_set, ranks_set
from hub.revenue.services.lines import contract_line_upsert
from hub.tenancy.ids import uuid7
from hub.tenancy.models import Tenant
from hub.usage.rows import EventRow
from hub.usage.store import write_events
from signals.catalogue import QBR_LINE_TAGGED

ACTOR = command("planted")
EVENTS = ("Report", "Export", "Share", "Comment", "Import")
USERS = 10


@dataclass
class Stage:
    """The tenant in which is planted, at a moment; events are gathered and written at once."""

    tenant: Tenant
    now: datetime
    events: list[EventRow] = field(default_factory=list)
    _ids: Iterator[int] = field(default_factory=count)

    @property
    def today(self) -> date:
        return self.now.date()

    def day(self, ago: int) -> date:
        return self.today - timedelta(days=ago)

    def at(self, ago: int) -> datetime:
        return datetime.combine(self.day(ago), datetime.min.time(), UTC) + timedelta(hours=9)

    def key(self) -> str:
        return f"x{next(self._ids)}"

    def flush(self) -> None:
        """Write the events that were gathered."""
        write_events(self.tenant, self.events)
        self.events = []

    def account(self, name: str) -> Account:
        account, _ = account_upsert(source="planted", external_id=name, fields={"name": name})
        return account

    # --- What can be done with an account -------------------------------------------------------------------------

    def use(self, account: Account, ago: int, name: str = "Report", *, user: int = 0, times: int = 1) -> None:
        row = EventRow(
            id=uuid4().hex, day=self.day(ago), kind="track", name=name, occurred_at=self.at(ago),
            received_at=self.at(ago), message_id=self.key(), source="planted", account_id=account.pk,
            user_key=f"u{user}", quantity=times,
        )  # fmt: skip
        self.events.append(row)

    def works(self, account: Account, first: int = 83, last: int = 0, *, events: int = 5, every: int = 1) -> None:
        """One use by one of ten users on every so many days, each event in turn."""
        for ago in range(last, first + 1):
            if ago % every == 0:
                self.use(account, ago, EVENTS[ago // every % events], user=ago % USERS)

    def pays(self, account: Account, began: int = 400, renews: int = 300, **fields: Any) -> None:
        given = {"mrr_minor": 100_00, "starts_on": self.day(began), "renews_on": self.day(-renews)} | fields
        contract_line_upsert(source="planted", external_id=f"line-{account.pk}", account=account, fields=given)

    def renews(self, account: Account, days: int) -> None:
        self.pays(account, renews=days)

    def person(self, account: Account, *roles: str, seen: int = 3) -> Contact:
        fields = {"email": f"{self.key()}@planted.example", "name": "Kim", "roles": list(roles)}
        contact, _ = contact_upsert(account=account, fields=fields)
        self.seen(contact, seen)
        return contact

    def seen(self, contact: Contact, ago: int) -> None:
        Contact.objects.filter(pk=contact.pk).update(created_at=self.at(100), last_seen_at=self.at(ago))

    def people(self, account: Account) -> None:
        for roles in (["champion"], ["executive_sponsor"], []):
            self.person(account, *roles)

    def ticket(self, account: Account, ago: int = 2, **fields: Any) -> None:
        given = {"subject": "How do I", "opened_at": self.at(ago), "closed_at": self.at(ago)} | fields
        ticket_upsert(source="planted", external_id=self.key(), account=account, fields=given)

    def said(self, account: Account, theme: str) -> None:
        """A text that was read, with what it is about."""
        at = self.at(2)
        ReadText.objects.create(account=account, kind="ticket", object_id=uuid7(), at=at, read_at=at, themes=[theme])
        facts_touch([account.pk])

    def answer(self, account: Account, score: int) -> None:
        given = {"kind": "nps", "score": score, "answered_at": self.at(1)}
        survey_response_upsert(source="planted", external_id=self.key(), account=account, fields=given)

    def activity(self, account: Account, kind: str) -> None:
        given = {"kind": kind, "occurred_at": self.at(1)}
        community_activity_upsert(source="planted", external_id=self.key(), account=account, fields=given)

    def invoice(self, account: Account, due: int = 30, paid: int | None = None, key: str = "") -> None:
        given: dict[str, Any] = {
            "total_minor": 100_00, "currency": "EUR", "issued_on": self.day(due + 30), "due_on": self.day(due),
        }  # fmt: skip
        if paid is not None:
            given |= {"status": "paid", "paid_minor": 100_00, "paid_at": self.at(paid)}
        invoice_upsert(source="planted", external_id=key or self.key(), account=account, fields=given)

    def payment(self, account: Account, status: str) -> None:
        given = {"status": status, "amount_minor": 100_00, "currency": "EUR", "occurred_at": self.now}
        payment_upsert(source="planted", external_id=self.key(), account=account, fields=given)

    def signed_up(self, account: Account, ago: int) -> None:
        fields = {"name": account.name, "signed_up_on": self.day(ago)}
        account_upsert(source="planted", external_id=account.name, fields=fields)

    def plan(self, account: Account, due: int = -9) -> None:
        """A plan with one required milestone, due so many days ago."""
        spec = MilestoneSpec("first", "First report", due_days=None)
        plan_create(account=account, started_on=self.day(10), actor=ACTOR, milestones=(spec,))
        self.due(account, due)

    def due(self, account: Account, ago: int) -> None:
        milestone_upsert(
            account=account, key="first", plan="Onboarding", started_on=self.day(10),
            fields={"due_on": self.day(ago)}, actor=ACTOR,
        )  # fmt: skip

    def reach(self, account: Account, *, historical: bool = False) -> None:
        milestone = account.milestones.get(key="first")
        milestone_complete(milestone_id=milestone.pk, via="api", actor=ACTOR, at=self.now, historical=historical)

    def tagged(self, account: Account, tag: str, *, historical: bool = False) -> None:
        change_record(
            account_id=account.pk, kind=QBR_LINE_TAGGED, key=self.key(), occurred_at=self.now,
            data={"tag": tag, "text": "a line"}, historical=historical,
        )  # fmt: skip

    def allow(self, account: Account, measure: str, kind: str, limit: int, period: str = "") -> None:
        """Put the account on a product of its own that allows so much."""
        name = f"Product {account.name}"
        tier = ranks_set(product=name, ranks={"Pro": 1}, actor=ACTOR).tiers.get(name="Pro")
        entitlements_set(tier=tier, allowances=[Allowance(measure, kind, limit, period)], actor=ACTOR)
        self.pays(account, product=name, tier="Pro")

    def leave(self, account: Account, role: str = "") -> None:
        found = account.contacts.order_by("pk")
        contact = (found.filter(roles__contains=[role]) if role else found.filter(roles=[]))[0]
        contact_left(contact=contact, left_on=self.today, source="planted", actor=ACTOR)
