"""Makes the demo tenant: a simulated world through the real doors, then two weeks of life, so that signals are real."""

from __future__ import annotations

import json
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.utils import timezone

from config.demo.decisions import decisions_make
from config.demo.experiments import experiments_make
from config.demo.files import write_files
from config.demo.simulator import PRODUCTS, QUERIES_A_SEAT, TIERS, simulate
from config.demo.simulator import Account as SimulatedAccount
from config.demo.work import tasks_live
from config.embedded.home import write_secret
from hub.accounts.models import Account, Contact
from hub.accounts.services.attributes import attribute_define, attributes_set
from hub.accounts.services.locks import states_lock
from hub.feedback.models import SurveyResponse
from hub.ingest.imports.engine import import_folder
from hub.ingest.imports.preflight import mapping_load
from hub.people.audit import Actor, command
from hub.people.models import Membership, Role
from hub.people.services import member_add
from hub.plans.models import Milestone, Objective
from hub.plans.services import milestone_complete
from hub.revenue.services.catalogue import Allowance, entitlement_put, ranks_set
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.decisions.plays import plays_install
from journeys.engine import step_batch
from journeys.services import journeys_install
from metrics.planning.models import Priority, Side
from metrics.planning.quarters import Quarter
from metrics.planning.services import commitment_add, focus_add
from qbr.models import Qbr, QbrBlock
from qbr.services import comment_add, line_add, line_tag, qbr_generate_all, qbr_share
from signals.backtest.services import backtest_start, draft_of
from signals.engine import evaluate_batch
from signals.health.models import Scorecard
from signals.health.selectors import current_version
from signals.health.services import scorecards_install
from signals.readiness.models import ExpansionReadiness
from signals.segments.services import segment_create
from signals.services import triggers_install

SLUG = "demo"
STAFF = (
    ("admin", "Robin Ayers", Role.ADMIN),
    ("csm", "Dana Whitfield", Role.CSM),
    ("csm2", "Luca Moretti", Role.CSM),
    ("marketer", "Mira Castell", Role.MARKETER),
    ("leader", "Sam Okonkwo", Role.LEADER),
)
# Nothing of the demo leaves the house, whatever mail server is configured: its people do not exist.
DEMO_SETTINGS = {"delivery": "viewer", "demo": True, "outbox": {"assume_consent": True}}
LIVE = timedelta(days=14)
EXPANSIONS = (
    "They roll out to a second team in spring and ask for 20 more seats.",
    "The COO wants Insights for the finance department.",
    "They hit the limit of their tier twice this month.",
)
# What both sides work on together this quarter: a name and a rule; why, what is to be reached, what each side promised.
TOGETHER = (
    (
        "Still onboarding",
        {"fact": "stage", "op": "eq", "value": "onboarding"},
        Priority.ONBOARDING,
        "Nine in ten activated within 30 days of signing up",
        "Call everybody whose first report is overdue",
        "Send the story of a first report that saved a week",
    ),
    (
        "Use going down",
        {"fact": "usage_drop_pct", "op": "gt", "value": 20},
        Priority.AT_RISK,
        "Half of them back to their former use, no renewal lost unheard",
        "Find out what has changed, account by account",
        "Invite their users to the clinic on automation",
    ),
    (
        "Near their quota",
        {"fact": "quota_used", "op": "gt", "value": 80},
        Priority.EXPANSION,
        "Three higher tiers sold",
        "Bring the figures of their quota into the review",
        "Write up what a higher tier did for somebody like them",
    ),
)
Say = Callable[[str], None]


def demo_make(*, accounts: int, months: int, seed: int, say: Say) -> dict[str, Any]:
    """Make the demo tenant anew; returns what HUB_HOME/demo.json holds: the sign-ins and a contact's address."""
    if Tenant.objects.filter(slug=SLUG).exists():
        demo_remove()
    tenant = Tenant.objects.create(
        slug=SLUG, name="Lumora", timezone="Europe/Berlin", currency="USD", settings=DEMO_SETTINGS
    )
    actor = command("demo")
    password = _password()
    members = [_member(tenant, name, full, role, password, actor) for name, full, role in STAFF]
    today = timezone.localdate(timezone=tenant.zone)
    world = simulate(accounts=accounts, months=months, seed=seed, today=today)
    with tenant_context(tenant):
        triggers_install(actor=actor)
        scorecards_install(actor=actor)
        journeys_install(actor=actor)
        plays_install(actor=actor)
        for product in PRODUCTS:
            row = ranks_set(product=product, ranks={name: rank for rank, (name, _) in enumerate(TIERS, 1)}, actor=actor)
            if product == PRODUCTS[0]:
                for tier in row.tiers.all():
                    allowance = Allowance("Query Run", "quota", QUERIES_A_SEAT, "quarter", per_seat=True)
                    entitlement_put(tier=tier, allowance=allowance, actor=actor)
        attribute_define(entity="account", key="budget_on", label="Next budget", kind="date", actor=actor)
    say(f"{len(world)} accounts: history")
    _import(tenant, world, actor, (date.min, today - LIVE), historical=True)
    with _whole(tenant):
        _own(members)
        _known(tenant, world, actor)
        _baseline(tenant, today)
    say("two weeks of life")
    _import(tenant, world, actor, (today - LIVE, today), historical=False)
    with tenant_context(tenant):
        guest = _guest()
    _live(tenant, members, actor, guest)
    decisions_make(tenant, members)
    return _remember(tenant, password, guest)


def demo_remove() -> None:
    """Delete the demo tenant with everything in it, as the migrator: the app role may not touch audit rows."""
    connection = connections["migrator"]
    with transaction.atomic(using="migrator"), connection.cursor() as cursor:
        cursor.execute("SELECT id FROM tenancy_tenant WHERE slug = %s", [SLUG])
        (tenant_id,) = cursor.fetchone()
        for table in _children_first(cursor):
            cursor.execute(f'DELETE FROM "{table}" WHERE tenant_id = %s', [tenant_id])
        cursor.execute("DELETE FROM tenancy_tenant WHERE id = %s", [tenant_id])


def _children_first(cursor: Any) -> list[str]:
    """Every table with a tenant, each before the tables that its foreign keys point to."""
    cursor.execute(
        "SELECT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " WHERE a.attname = 'tenant_id' AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        " AND c.relnamespace = 'public'::regnamespace"
    )
    parents: dict[str, set[str]] = {name: set() for (name,) in cursor.fetchall()}
    cursor.execute(
        "SELECT s.relname, t.relname FROM pg_constraint k JOIN pg_class s ON s.oid = k.conrelid"
        " JOIN pg_class t ON t.oid = k.confrelid WHERE k.contype = 'f' AND k.conrelid <> k.confrelid"
    )
    for source, target in cursor.fetchall():
        if source in parents and target in parents:
            parents[source].add(target)
    return list(reversed(list(TopologicalSorter(parents).static_order())))


def _password() -> str:
    path = settings.HUB_HOME / "demo.json"
    if path.exists():
        kept: str = json.loads(path.read_text())["sign_ins"][0]["password"]
        return kept
    return secrets.token_urlsafe(9)


def _member(tenant: Tenant, name: str, full: str, role: Role, password: str, actor: Actor) -> Membership:
    return member_add(
        tenant=tenant, email=f"{name}@lumora.example", role=role, name=full, password=password, actor=actor
    )


def _import(
    tenant: Tenant, world: list[SimulatedAccount], actor: Actor, uses: tuple[date, date], *, historical: bool
) -> None:
    with tempfile.TemporaryDirectory(prefix="tandem-demo-") as folder:
        write_files(
            world if historical else [replace(a, milestones=[], tickets=[], surveys=[], invoices=[]) for a in world],
            Path(folder),
            uses=uses,
        )
        mapping = Path(__file__).with_name("mapping.yaml")
        import_folder(
            tenant=tenant,
            mapping=mapping_load(mapping),
            mapping_name=mapping.name,
            folder=Path(folder),
            actor=actor,
            historical=historical,
        )


@contextmanager
def _whole(tenant: Tenant) -> Iterator[None]:
    """The tenant with the locks of all its accounts: a running hub may evaluate them meanwhile, in its own order."""
    with tenant_context(tenant):
        states_lock(Account.objects.values_list("pk", flat=True))
        yield


def _own(members: list[Membership]) -> None:
    """Share the accounts between the CSMs."""
    csms = [member.user for member in members if member.role == Role.CSM]
    ids = list(Account.objects.order_by("pk").values_list("pk", flat=True))
    for number, user in enumerate(csms):
        Account.objects.filter(pk__in=ids[number :: len(csms)]).update(owner=user)
    for account in Account.objects.filter(pk__in=ids[::3]):
        Objective.objects.create(
            account=account,
            title="Cut the time of the monthly report",
            metric="Hours a month",
            unit="h",
            baseline=40,
            current=22,
            target=10,
            due_on=timezone.localdate() + timedelta(days=60),
        )


def _known(tenant: Tenant, world: list[SimulatedAccount], actor: Actor) -> None:
    """When people were last in their hub, and when their budgets are made."""
    contacts = {contact.email: contact for contact in Contact.objects.all()}
    for simulated in world:
        for person in simulated.contacts:
            if person.id in simulated.seen and person.email in contacts:
                contacts[person.email].last_seen_at = simulated.seen[person.id].replace(tzinfo=tenant.zone)
    Contact.objects.bulk_update(contacts.values(), ["last_seen_at"], batch_size=500)
    budgets = {simulated.name: simulated.budget_on for simulated in world if simulated.budget_on}
    for account in Account.objects.filter(name__in=budgets):
        attributes_set(account=account, values={"budget_on": budgets[account.name].isoformat()}, actor=actor)


def _baseline(tenant: Tenant, today: date) -> None:
    """Evaluate the history as of two weeks ago: what was true then is no news now."""
    then = datetime.combine(today - LIVE, time(12), tzinfo=UTC)
    while evaluate_batch(tenant, now=then):
        pass


def _guest() -> Contact | None:
    """The contact whose hub the demo opens first: a champion who has something to do there."""
    found: Contact | None = (
        Contact.objects.filter(status="active", roles__contains=["champion"])
        .filter(account__milestones__completed_at__isnull=True, account__milestones__required=True)
        .order_by("-account__signed_up_on", "pk")
        .first()
    ) or Contact.objects.filter(status="active").order_by("pk").first()
    return found


def _live(tenant: Tenant, members: list[Membership], actor: Actor, guest: Contact | None) -> None:
    """What happened today: milestones done in the hub, reviews written, shared, tagged and answered."""
    csm = next(member.user for member in members if member.role == Role.CSM)
    with _whole(tenant):
        _go_on(tenant)
        qbr_generate_all(tenant=tenant, actor=actor)
        open_ones = Milestone.objects.filter(completed_at__isnull=True, required=True).order_by(
            "account_id", "position"
        )
        for milestone in open_ones.distinct("account_id")[:2]:
            contact = Contact.objects.filter(account_id=milestone.account_id, status="active").order_by("pk").first()
            milestone_complete(milestone_id=milestone.pk, via="hub", actor=actor, contact=contact)
        if guest is not None:
            qbr_share(qbr=Qbr.objects.get(account_id=guest.account_id), user=csm, actor=actor)
        reviews = [*_promising(), *_happy()][:12]
        for number, qbr in enumerate(reviews):
            qbr_share(qbr=qbr, user=csm, actor=actor)
            block = QbrBlock.objects.get(qbr=qbr, kind="narrative")
            if number < len(EXPANSIONS):
                line = line_add(block=block, text=EXPANSIONS[number], user=csm, actor=actor, internal=True)
                line_tag(line_id=line.pk, tag="expansion", user=csm, actor=actor)
            contact = Contact.objects.filter(account=qbr.account, status="active").order_by("pk").first()
            if number == 4 and contact is not None:
                comment_add(block=block, body="Can we add the Nordic team’s figures?", contact=contact, actor=actor)
        _go_on(tenant)
        tasks_live([member.user for member in members if member.role == Role.CSM], actor)
        _plan(members, actor, timezone.localdate(timezone=tenant.zone))
        marketer = next(member.user for member in members if member.role == Role.MARKETER)
        experiments_make(tenant=tenant, marketer=marketer, actor=actor)
        card = Scorecard.objects.get()
        draft = draft_of(current_version(card))
        backtest_start(draft=draft, name=card.name, position=card.position, scorecard=card, actor=actor)


def _go_on(tenant: Tenant) -> None:
    """What the workers do at once: signals are told, and journeys take their first steps."""
    while evaluate_batch(tenant) or step_batch(tenant.pk):
        pass


def _plan(members: list[Membership], actor: Actor, today: date) -> None:
    """Three segments, planned together for the quarter."""
    owner = {member.role: member.user for member in reversed(members)}
    for name, rule, priority, target, *promised in TOGETHER:
        segment = segment_create(name=name, rule=rule, user=owner[Role.LEADER], actor=actor)
        focus = focus_add(
            quarter=Quarter.of(today),
            segment=segment,
            priority=priority,
            cs_owner=owner[Role.CSM].pk,
            marketing_owner=owner[Role.MARKETER].pk,
            target=target,
            actor=actor,
        )
        for side, text in zip((Side.CS, Side.MARKETING), promised, strict=True):
            commitment_add(focus=focus, side=side, text=text, due_on=today + timedelta(days=21), actor=actor)


def _promising() -> list[Qbr]:
    """Reviews of accounts that are ready to buy more, but for somebody saying what for."""
    nearly = ExpansionReadiness.objects.filter(lacks=1).order_by("-rank", "pk").values_list("account_id", flat=True)
    return list(Qbr.objects.filter(account__in=list(nearly)[: len(EXPANSIONS) - 1]).select_related("account"))


def _happy() -> list[Qbr]:
    happy = SurveyResponse.objects.filter(score__gte=9).values("account_id")
    nearly = ExpansionReadiness.objects.filter(lacks=1).values("account_id")
    found = Qbr.objects.filter(account__in=happy).exclude(account__in=nearly).exclude(account__stage="churned")
    return list(found.select_related("account").order_by("pk")[:12])


def _remember(tenant: Tenant, password: str, guest: Contact | None) -> dict[str, Any]:
    remembered = {
        "tenant": tenant.slug,
        "sign_ins": [
            {"role": role.value, "email": f"{name}@lumora.example", "password": password}
            for name, _, role in STAFF
            if name != "csm2"
        ],
        "contact": guest.email if guest else "",
    }
    write_secret(settings.HUB_HOME / "demo.json", json.dumps(remembered, indent=2))
    return remembered
