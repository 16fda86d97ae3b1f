"""What steps may know of the accounts in their hands, read once for a whole batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property, lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse

from hub.accounts.facts import today_of
from hub.accounts.models import Account, Contact, ContactStatus
from hub.outbox.models import Story
from hub.outbox.situations import zone_of
from hub.outbox.stories import NO_STORY, story_for
from hub.people.models import User
from hub.plans.models import Milestone, Objective
from hub.registry.facts import known_facts
from hub.rules.compile import Clock, evaluate
from hub.rules.explain import findings, reason_code
from hub.rules.language import Node as Rule
from hub.rules.language import facts_of_days, parse_stored
from hub.rules.reading import read_facts
from hub.rules.workdays import BusinessCalendar, calendar_of
from hub.tenancy.context import current_tenant_id
from hub.tenancy.models import Tenant
from hub.tenancy.prepared import Places, Prepared
from hub.tenancy.remembering import configured
from hub.tenancy.statements import ask
from journeys.experiments.dealer import Dealer
from journeys.graph import Graph, read
from journeys.models import Enrollment, Journey, JourneyVersion
from journeys.node_kinds import DAYS
from journeys.waits import OnDate, due_at, parse_wait
from signals.models import Signal
from signals.segments.models import Segment, SegmentMember


@dataclass
class World:
    """A batch of accounts at one moment. Everything is read lazily, set-based, inside the tenant's context."""

    tenant: Tenant
    account_ids: Sequence[UUID]
    now: datetime
    graphs: dict[tuple[UUID, int], Graph] = field(default_factory=dict)
    _rules: dict[int, Rule | None] = field(default_factory=dict)
    _dates: dict[str, dict[UUID, date | None]] = field(default_factory=dict)
    _measured: dict[int, dict[UUID, dict[str, Any]]] = field(default_factory=dict)

    @cached_property
    def clock(self) -> Clock:
        return Clock(self.now, today_of(self.tenant, self.now))

    @cached_property
    def accounts(self) -> dict[UUID, Account]:
        return {account.pk: account for account in _accounts(accounts=list(self.account_ids))}

    @cached_property
    def owners(self) -> dict[UUID, User]:
        ids = {account.owner_id for account in self.accounts.values() if account.owner_id}
        return {user.pk: user for user in User.objects.filter(pk__in=ids)}

    @cached_property
    def journeys(self) -> dict[UUID, Journey]:
        return configured("journeys", lambda: {journey.pk: journey for journey in _journeys()})

    @cached_property
    def contacts(self) -> dict[UUID, list[Contact]]:
        """Active contacts with an address, those seen last first."""
        found: dict[UUID, list[Contact]] = defaultdict(list)
        for contact in _contacts(accounts=list(self.account_ids)):
            found[contact.account_id].append(contact)
        for people in found.values():
            people.sort(key=lambda person: -(person.last_seen_at.timestamp() if person.last_seen_at else 0))
        return found

    @cached_property
    def facts(self) -> dict[UUID, dict[str, Any]]:
        """Every registered fact of every account of the batch, in one statement."""
        known = known_facts()
        names = list(known)
        columns = ", ".join(f"({known[name].sql})" for name in names)
        statement = (
            f"SELECT a.id, {columns} FROM accounts_account a "
            "JOIN accounts_accountstate s ON s.tenant_id = a.tenant_id AND s.account_id = a.id "
            "LEFT JOIN accounts_accountfacts f ON f.tenant_id = a.tenant_id AND f.account_id = a.id "
            "WHERE a.tenant_id = %s AND a.id = ANY(%s)"
        )
        rows = ask(statement, [current_tenant_id(), list(self.account_ids)])
        return {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows}

    @cached_property
    def milestones(self) -> dict[UUID, list[Milestone]]:
        found: dict[UUID, list[Milestone]] = defaultdict(list)
        for milestone in _plans(accounts=list(self.account_ids)):
            found[milestone.account_id].append(milestone)
        return found

    @cached_property
    def objectives(self) -> dict[UUID, list[Objective]]:
        found: dict[UUID, list[Objective]] = defaultdict(list)
        for objective in _objectives(accounts=list(self.account_ids)):
            found[objective.account_id].append(objective)
        return found

    @cached_property
    def signals(self) -> dict[UUID, Signal]:
        """The signals that the active enrollments of the batch began with."""
        return {signal.pk: signal for signal in _signals(accounts=list(self.account_ids))}

    @cached_property
    def segments(self) -> frozenset[str]:
        """Keys of the segments that count."""
        return frozenset(Segment.objects.filter(is_active=True).values_list("key", flat=True))

    @cached_property
    def memberships(self) -> set[tuple[UUID, str]]:
        """Which accounts of the batch lie in which segments, as of the last evaluation."""
        rows = SegmentMember.objects.filter(account_id__in=list(self.account_ids), left_on__isnull=True)
        return set(rows.values_list("account_id", "segment__key"))

    @cached_property
    def dealer(self) -> Dealer:
        return Dealer(self.account_ids, self.now)

    @cached_property
    def calendar(self) -> BusinessCalendar:
        return calendar_of(self.tenant.settings)

    def zone(self, account_id: UUID) -> ZoneInfo:
        return zone_of(self.accounts[account_id].timezone, self.tenant.timezone)

    def until(self, account_id: UUID, raw: object, start: datetime) -> datetime | None:
        """When a wait that began at ``start`` is over for an account; None while the date that it is for is missing."""
        rule = parse_wait(raw, dates=True)
        day = self.day_of(account_id, rule.fact) if isinstance(rule, OnDate) else None
        if isinstance(rule, OnDate) and day is None:
            return None
        return due_at(rule, start, self.zone(account_id), self.calendar, day=day)

    def day_of(self, account_id: UUID, fact: str) -> date | None:
        """The day that a fact names, None when it is missing, no day, or gone."""
        if fact not in self._dates:
            known = known_facts()
            asked = {fact: known[fact]} if fact in known and known[fact].kind in DAYS else {}
            rows = read_facts(asked, self.account_ids, self.clock) if asked else {}
            self._dates[fact] = {pk: self._day(row[fact]) for pk, row in rows.items()}
        return self._dates[fact].get(account_id)

    def _day(self, value: Any) -> date | None:
        found: date | None = self.day(value) if isinstance(value, datetime) else value
        return found

    def graph(self, journey_id: UUID, version: int) -> Graph:
        """The published graph; parsed once per batch."""
        key = (journey_id, version)
        if key not in self.graphs:
            self.graphs[key] = published_graph(journey_id, version)
        return self.graphs[key]

    # --- Rules ----------------------------------------------------------------------------------------------------

    def rule(self, raw: Any) -> Rule | None:
        """The typed rule; None when what it reads is gone since it was published."""
        # By identity: the graphs that hold the rules live as long as this object.
        if id(raw) not in self._rules:
            self._rules[id(raw)] = parse_stored(raw, known_facts())
        return self._rules[id(raw)]

    def seen(self, raw: Any, account_id: UUID) -> dict[str, Any]:
        """The facts of an account, with what a rule measures beside them."""
        facts, measured = self.facts.get(account_id, {}), self._measures(raw).get(account_id)
        # A copy of all facts for each rule and account was a tenth of a step.
        return facts | measured if measured else facts

    def _measures(self, raw: Any) -> dict[UUID, dict[str, Any]]:
        """What a rule asks for that is no fact of its own, of every account of the batch."""
        if id(raw) not in self._measured:
            rule = self.rule(raw)
            named = facts_of_days(rule) if rule is not None else {}
            asked = {name: fact for name, fact in named.items() if fact.measure or fact.ago}
            self._measured[id(raw)] = read_facts(asked, self.account_ids, self.clock) if asked else {}
        return self._measured[id(raw)]

    def holds(self, raw: Any, account_id: UUID) -> bool:
        """Whether a rule (as JSON) is true about an account; one that reads what is gone is true of nobody."""
        rule = self.rule(raw)
        return rule is not None and evaluate(rule, self.seen(raw, account_id), self.clock)

    def holds_since(self, raw: Any, account_id: UUID, since: datetime) -> bool:
        """Whether a rule is true by what has happened since a day: dates before it count as missing."""
        rule = self.rule(raw)
        if rule is None:
            return False
        return evaluate(rule, since_entry(self.seen(raw, account_id), self.day(since)), self.clock)

    def day(self, moment: datetime) -> date:
        return today_of(self.tenant, moment)

    def reason(self, raw: Any, account_id: UUID) -> str:
        """The reason code of a rule that is false, "" of a true one."""
        rule = self.rule(raw)
        return reason_code(rule, self.seen(raw, account_id), self.clock) if rule is not None else "rule_gone"

    def evidence(self, raw: Any, account_id: UUID) -> list[str]:
        """Each comparison of a rule with the value seen."""
        rule = self.rule(raw)
        return [f.text for f in findings(rule, self.seen(raw, account_id), self.clock)] if rule is not None else []

    # --- Values of messages ---------------------------------------------------------------------------------------

    def values(self, account_id: UUID, contact: Contact | None, signal: Signal | None) -> dict[str, Any]:
        """What a template may show; the names are the vocabulary of marketers (docs/recipes/step-kind.md)."""
        account = self.accounts[account_id]
        owner = self.owners.get(account.owner_id) if account.owner_id else None
        return {
            "account": {"name": account.name, "industry": account.industry, "tier": account.tier},
            "contact": _person(contact.name if contact else "", contact.email if contact else ""),
            "csm": _person(owner.name if owner else "", owner.email if owner else ""),
            "company": {"name": self.tenant.name, "currency": self.tenant.currency},
            "facts": self.facts.get(account_id) or dict.fromkeys(known_facts()),
            "signal": _told(signal),
            "milestones": _milestones(self.milestones.get(account_id, [])),
            "objectives": [
                {"title": o.title, "target": o.target, "current": o.current, "unit": o.unit, "due_on": o.due_on}
                for o in self.objectives.get(account_id, [])
            ],
            "story": dict(NO_STORY),
            **self.urls,
        }

    @cached_property
    def stories(self) -> list[Story]:
        """What customers agreed to have told."""
        return list(Story.objects.filter(is_off=False, agreed_on__isnull=False))

    def story(self, account_id: UUID) -> dict[str, str]:
        """The story that fits an account, for messages that tell one."""
        account = self.accounts[account_id]
        return story_for(self.stories, account_id=account_id, industry=account.industry, seats=account.seats)

    @cached_property
    def urls(self) -> dict[str, str]:
        return {"hub_url": hub_url(self.tenant, "portal:home"), "plan_url": hub_url(self.tenant, "portal:plan")}


# --- What is read, for every batch --------------------------------------------------------------------------------


@Prepared[Account]
def _accounts(the: Places) -> Any:
    return Account.objects.filter(pk__in=the.uuids("accounts"))


@Prepared[Journey]
def _journeys(the: Places) -> Any:
    return Journey.objects.all()


@Prepared[Contact]
def _contacts(the: Places) -> Any:
    rows = Contact.objects.filter(account_id__in=the.uuids("accounts"), status=ContactStatus.ACTIVE)
    return rows.exclude(email="").order_by("created_at", "id")


@Prepared[Milestone]
def _plans(the: Places) -> Any:
    return Milestone.objects.filter(account_id__in=the.uuids("accounts")).order_by("position", "id")


@Prepared[Objective]
def _objectives(the: Places) -> Any:
    return Objective.objects.filter(account_id__in=the.uuids("accounts")).order_by("due_on", "id")


@Prepared[Signal]
def _signals(the: Places) -> Any:
    active = Enrollment.objects.filter(account_id__in=the.uuids("accounts"), status="active", signal__isnull=False)
    return Signal.objects.filter(pk__in=active.values("signal_id"))


# --- Pure ---------------------------------------------------------------------------------------------------------


def since_entry(values: Mapping[str, Any], day: date) -> dict[str, Any]:
    """Facts as far as they have come about since `day`: what happened on an earlier date has not happened."""
    return {name: None if isinstance(v, date) and _day_of(v) < day else v for name, v in values.items()}


def _day_of(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value


@lru_cache(maxsize=256)
def published_graph(journey_id: UUID, number: int) -> Graph:
    """A published version's graph; it never changes, so a process reads it once.

    It was checked when it was published: what it asks for may be gone by now, and the step that needs it says so.
    """
    published = JourneyVersion.objects.get(journey_id=journey_id, number=number)
    return read(published.graph, known_facts())


def hub_url(tenant: Tenant, name: str) -> str:
    """A page of the customer's hub as an absolute address."""
    return settings.PUBLIC_URL + reverse(name, kwargs={"tenant": tenant.slug})


def _person(name: str, email: str) -> dict[str, str]:
    return {"name": name, "first_name": name.split()[0] if name.strip() else "", "email": email}


def _told(signal: Signal | None) -> dict[str, Any]:
    data: Mapping[str, Any] = (signal.evidence.get("data") or {}) if signal else {}
    return {
        "sentence": signal.sentence if signal else "",
        "title": str(data.get("title", "")),
        "text": str(data.get("text", "")),
    }


def _milestones(milestones: Sequence[Milestone]) -> dict[str, Any]:
    required = [m for m in milestones if m.required]
    done = [m for m in required if m.completed_at]
    completed = [(m.completed_at, m.position, m.title) for m in milestones if m.completed_at]
    following = next((m for m in required if not m.completed_at), None)
    return {
        "done": len(done),
        "total": len(required),
        "left": len(required) - len(done),
        "latest": max(completed)[2] if completed else "",
        "next": following.title if following else "",
        "next_description": following.description if following else "",
    }
