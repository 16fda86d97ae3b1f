"""A world of accounts in which causes have effects. Pure: a seed and a day in, plain rows out.

Fit decides how fast an account onboards, how broadly it uses the product and how happy it is; growth of use leads to
more seats, tiers and products; a champion who leaves takes use down for weeks and often the contract with it; an outage
brings tickets. The same seed and day give the same world.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

# fmt: off
FIRST = (
    "Alder", "Amber", "Aspen", "Atlas", "Beacon", "Birch", "Bright", "Canyon", "Cedar", "Cobalt", "Copper", "Coral",
    "Crescent", "Delta", "Ember", "Falcon", "Fern", "Flint", "Granite", "Harbor", "Hazel", "Indigo", "Iron",
    "Juniper", "Lantern", "Lark", "Linden", "Lumen", "Maple", "Meridian", "Mistral", "North", "Oak", "Onyx",
    "Orchard", "Osprey", "Pine", "Quarry", "Raven", "Ridge", "River", "Sable", "Sierra", "Silver", "Slate",
    "Solstice", "Spruce", "Summit", "Tidal", "Willow",
)
SECOND = (
    "Analytics", "Bank", "Care", "Clinics", "Commerce", "Dynamics", "Education", "Energy", "Foods", "Freight",
    "Health", "Hotels", "Insurance", "Labs", "Learning", "Logistics", "Media", "Mobility", "Networks", "Outfitters",
    "Payments", "Pharma", "Retail", "Robotics", "Security", "Software", "Studios", "Supply", "Travel",
)
PEOPLE = (
    "Ada", "Amir", "Ana", "Ben", "Bo", "Carla", "Chen", "Dana", "Diego", "Elif", "Emma", "Femi", "Grace", "Hana",
    "Ines", "Ivan", "Jana", "Jonas", "Kai", "Kim", "Lars", "Leila", "Lena", "Luis", "Mara", "Max", "Mei", "Mina",
    "Nadia", "Noor", "Olga", "Omar", "Paul", "Priya", "Rafael", "Rosa", "Sam", "Sara", "Sofia", "Tariq", "Tess",
    "Tom", "Uma", "Vera", "Will", "Yara", "Zoe",
)
FAMILIES = (
    "Abe", "Adler", "Ahmed", "Bauer", "Castro", "Costa", "Dahl", "Diaz", "Eriksen", "Fischer", "Fontaine", "Garcia",
    "Haas", "Hansen", "Ito", "Jansen", "Kaya", "Khan", "Klein", "Kowalski", "Larsen", "Lopez", "Martin", "Meyer",
    "Moreau", "Nakamura", "Novak", "Okafor", "Olsen", "Park", "Patel", "Ricci", "Rossi", "Sato", "Schmidt", "Silva",
    "Singh", "Tanaka", "Torres", "Vogel", "Wang", "Weber", "Wong", "Yilmaz", "Zhang",
)
# fmt: on
INDUSTRIES = {
    "Software": "Software Labs Security Networks Analytics Robotics",
    "Financial services": "Bank Insurance Payments",
    "Healthcare": "Care Clinics Health Pharma",
    "Retail": "Commerce Foods Outfitters Retail Supply",
    "Education": "Education Learning",
    "Travel and media": "Hotels Media Studios Travel",
    "Logistics": "Dynamics Energy Freight Logistics Mobility",
}
COUNTRIES = ("US", "US", "US", "GB", "DE", "FR", "NL", "ES", "SE", "CA", "AU", "BR")
ZONES = {
    "US": "America/New_York",
    "GB": "Europe/London",
    "DE": "Europe/Berlin",
    "FR": "Europe/Paris",
    "NL": "Europe/Amsterdam",
    "ES": "Europe/Madrid",
    "SE": "Europe/Stockholm",
    "CA": "America/Toronto",
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
}
FEATURES = (
    "Dashboard Viewed",
    "Report Shared",
    "Query Run",
    "Alert Created",
    "Data Source Connected",
    "Member Invited",
    "Export Downloaded",
    "Automation Run",
    "Comment Added",
    "Template Used",
    "API Called",
    "Forecast Built",
)
PRODUCTS = ("Platform", "Insights")
TIERS = (("Starter", 2_900), ("Growth", 5_900), ("Scale", 11_900))
TITLES = ("Head of Operations", "VP Revenue", "Product Manager", "Data Lead", "IT Director", "COO", "Analyst", "CFO")
SUBJECTS = (
    "Report does not load",
    "Permission question",
    "Import stops half-way",
    "Single sign-on fails",
    "Figures differ from the CRM",
    "How do I schedule an export?",
    "Slow dashboard",
)
PRAISE = ("Saves us hours every week.", "The team loves it.", "Best rollout we had.", "")
COMPLAINT = ("Too slow for our data.", "We miss our old reports.", "Nobody answers our questions.", "")
MILESTONES = (
    ("kick-off", "Hold the kick-off", "Agree on goals, people and dates with your CSM.", True, 7, ""),
    ("invite-team", "Invite your team", "Everybody who will work in the product.", True, 14, ""),
    ("connect-data", "Connect your data", "Bring in the systems you already use.", True, 21, ""),
    (
        "first-report",
        "Share the first report",
        "Send a result to somebody who asked for it: this is where value begins.",
        True,
        30,
        "Report Shared",
    ),
    ("automate", "Automate one weekly task", "Let the product do what you do every Monday.", False, 60, ""),
)
WEEK = timedelta(days=7)
BILLED_MONTHS = 8
# What a seat of any tier may query in a quarter; who fits well comes near it.
QUERIES_A_SEAT = 8


@dataclass(frozen=True)
class Contact:
    id: str
    email: str
    name: str
    title: str
    roles: tuple[str, ...]
    status: str


@dataclass(frozen=True)
class Line:
    id: str
    product: str
    tier: str
    seats: int
    mrr_minor: int
    starts_on: date
    ends_on: date | None
    renews_on: date | None


@dataclass(frozen=True)
class Use:
    id: str
    day: date
    feature: str
    count: int
    user: str


@dataclass(frozen=True)
class Ticket:
    id: str
    subject: str
    priority: str
    opened_at: datetime
    closed_at: datetime | None
    csat: int | None


@dataclass(frozen=True)
class Survey:
    id: str
    contact: str
    score: int
    comment: str
    answered_at: datetime


@dataclass(frozen=True)
class Milestone:
    id: str
    key: str
    title: str
    description: str
    position: int
    required: bool
    due_on: date
    event_name: str
    completed_at: datetime | None


@dataclass(frozen=True)
class Invoice:
    id: str
    status: str
    total_minor: int
    paid_minor: int
    currency: str
    issued_on: date
    due_on: date
    paid_at: datetime | None


@dataclass
class Account:
    """An account with everything that happened to it, in the order of the files that it is written to."""

    id: str
    name: str
    domain: str
    industry: str
    country: str
    timezone: str
    segment: str
    signed_up_on: date
    seats: int
    fit: float
    champion_left_on: date | None = None
    churned_on: date | None = None
    declining: bool = False
    contacts: list[Contact] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    tickets: list[Ticket] = field(default_factory=list)
    surveys: list[Survey] = field(default_factory=list)
    milestones: list[Milestone] = field(default_factory=list)
    invoices: list[Invoice] = field(default_factory=list)
    # By contact id: when they were last in the customer's hub.
    seen: dict[str, datetime] = field(default_factory=dict)
    # When they plan their next budget, where that is known.
    budget_on: date | None = None


def simulate(*, accounts: int, months: int, seed: int, today: date) -> list[Account]:
    """Accounts with `months` of history before `today`; about one in twelve declines in the last two weeks."""
    start = today - timedelta(days=round(months * 30.44))
    outage = start + timedelta(days=round((today - start).days * 0.7))
    world = [_account(n, seed, start, today, outage) for n in range(accounts)]
    _plant_declines(world, today)
    for account in world:
        rng = random.Random(f"{seed}:billing:{account.id}")
        account.invoices = list(_invoices(account, rng, today))
        rng = random.Random(f"{seed}:people:{account.id}")
        account.seen = dict(_seen(account, rng, today))
        if not account.churned_on and rng.random() < 0.6:
            account.budget_on = today + timedelta(days=rng.randrange(20, 160))
        rng = random.Random(f"{seed}:use:{account.id}")
        account.uses = list(_uses(account, rng, max(start, account.signed_up_on), today, outage))
    return world


def _plant_declines(world: list[Account], today: date) -> None:
    steady = [a for a in world if not a.churned_on and (today - a.signed_up_on).days > 100 and a.fit > 0.45]
    for account in steady[:: max(1, len(steady) // max(3, len(world) // 12))]:
        account.declining = True


def _account(n: int, seed: int, start: date, today: date, outage: date) -> Account:
    rng = random.Random(f"{seed}:{n}")
    # Every pair of words occurs once before any comes again.
    second = SECOND[(n + seed + n // len(FIRST)) % len(SECOND)]
    name = f"{FIRST[n % len(FIRST)]} {second}"
    country = rng.choice(COUNTRIES)
    seats = round(min(900, max(5, rng.lognormvariate(3.4, 1.0))))
    span = (today - start).days
    # Most were customers before the window opens; one in ten is new and still onboarding.
    offset = -rng.randrange(0, 600) if rng.random() < 0.65 else rng.randrange(0, max(1, span - 45))
    signed_up = start + timedelta(days=offset)
    if n % 10 == 4:
        signed_up = today - timedelta(days=rng.randrange(8, 40))
    slug = name.lower().replace(" ", "-")
    account = Account(
        id=f"acct-{n + 1:04d}",
        name=name,
        domain=f"{slug}-{n + 1}.example",
        industry=next(i for i, words in INDUSTRIES.items() if second in words.split()),
        country=country,
        timezone=ZONES[country],
        segment="Enterprise" if seats > 150 else "Mid-market" if seats > 30 else "SMB",
        signed_up_on=signed_up,
        seats=seats,
        fit=min(0.98, max(0.05, rng.betavariate(3.2, 2.0))),
    )
    _relationship(account, rng, today)
    account.contacts = list(_contacts(account, rng))
    account.lines = list(_lines(account, rng, today))
    account.milestones = list(_milestones(account, rng, today))
    seen_from = max(start, account.signed_up_on)
    account.tickets = list(_tickets(account, rng, seen_from, today, outage))
    account.surveys = list(_surveys(account, rng, seen_from, today))
    return account


def _relationship(account: Account, rng: random.Random, today: date) -> None:
    """Whether the champion leaves, and whether the account does: losing the champion makes it four times likelier."""
    age = (today - account.signed_up_on).days
    if age > 150 and rng.random() < 0.22:
        account.champion_left_on = account.signed_up_on + timedelta(days=rng.randrange(100, age - 20))
    chance = 0.015 + (0.16 if account.fit < 0.35 else 0.0) + (0.2 if account.champion_left_on else 0.0)
    renewal = account.signed_up_on + timedelta(days=365)
    while renewal <= today and account.churned_on is None:
        # A champion's leaving cannot take an account away before it happens.
        if rng.random() < chance and not (account.champion_left_on and account.champion_left_on > renewal):
            account.churned_on = renewal
        renewal += timedelta(days=365)


def _contacts(account: Account, rng: random.Random) -> Iterator[Contact]:
    roles: list[tuple[str, ...]] = [("champion", "admin"), ("executive_sponsor", "decision_maker"), ("user",)]
    for number, role in enumerate(roles[: 2 + (account.seats > 15)]):
        first, family = rng.choice(PEOPLE), rng.choice(FAMILIES)
        left = "champion" in role and account.champion_left_on is not None
        yield Contact(
            id=f"{account.id}-p{number + 1}",
            email=f"{first}.{family}@{account.domain}".lower(),
            name=f"{first} {family}",
            title=rng.choice(TITLES),
            roles=role,
            status="left" if left else "active",
        )


def _lines(account: Account, rng: random.Random, today: date) -> Iterator[Line]:
    """The main line, replaced where seats or tier change, and a second product for accounts that fit very well."""
    end = account.churned_on
    tier = 0 if account.seats < 20 else 1 if account.seats < 120 else 2
    seats, at, number = account.seats, account.signed_up_on, 1
    for day, new_seats, new_tier in _steps(account, rng, seats, tier, end or today):
        yield _line(account, number, "Platform", tier, seats, at, day, today)
        seats, tier, at, number = new_seats, new_tier, day, number + 1
    account.seats = seats
    yield _line(account, number, "Platform", tier, seats, at, end, today)
    bought = account.signed_up_on + timedelta(days=rng.randrange(150, 400))
    if account.fit > 0.72 and bought < (end or today):
        yield _line(account, number + 1, "Insights", tier, max(3, seats // 4), bought, end, today)


def _steps(account: Account, rng: random.Random, seats: int, tier: int, until: date) -> Iterator[tuple[date, int, int]]:
    day = account.signed_up_on
    while True:
        day += timedelta(days=rng.randrange(120, 240))
        if day >= until - timedelta(days=14):
            return
        if account.fit > 0.6 and rng.random() < 0.7:
            seats = round(seats * rng.uniform(1.08, 1.35)) + 1
            tier = min(2, tier + (account.fit > 0.8 and rng.random() < 0.5))
        elif account.fit < 0.4 and rng.random() < 0.6:
            seats = max(3, round(seats * rng.uniform(0.6, 0.9)))
        else:
            continue
        yield day, seats, tier


def _line(
    account: Account, number: int, product: str, tier: int, seats: int, start: date, end: date | None, today: date
) -> Line:
    """A line as it stands today: one that runs comes up a year after its start, or after it was renewed last."""
    name, price = TIERS[tier]
    years = max(today.year - start.year, 1)
    first = start + timedelta(days=1) if (start.month, start.day) == (2, 29) else start
    renewal = first.replace(year=start.year + years)
    if renewal <= today:
        renewal = renewal.replace(year=renewal.year + 1)
    factor = 1.0 if product == "Platform" else 0.5
    mrr = round(seats * price * factor)
    return Line(f"{account.id}-l{number}", product, name, seats, mrr, start, end, None if end else renewal)


def _milestones(account: Account, rng: random.Random, today: date) -> Iterator[Milestone]:
    """Well-fitting accounts finish early; poor ones late or never."""
    pace = 1.7 - account.fit
    for position, (key, title, description, required, due, event_name) in enumerate(MILESTONES):
        done_on = account.signed_up_on + timedelta(days=round(due * pace * rng.uniform(0.6, 1.2)))
        skipped = not required and rng.random() > account.fit
        done = done_on < today - timedelta(days=1) and not skipped
        at = datetime.combine(done_on, time(rng.randrange(8, 18), rng.randrange(60)))
        yield Milestone(
            id=f"{account.id}-m{position + 1}",
            key=key,
            title=title,
            description=description,
            position=position,
            required=required,
            due_on=account.signed_up_on + timedelta(days=due),
            event_name=event_name,
            completed_at=at if done else None,
        )


def _tickets(account: Account, rng: random.Random, first: date, today: date, outage: date) -> Iterator[Ticket]:
    day, number = first, 0
    rate = (0.02 + 0.05 * (1 - account.fit)) * math.sqrt(account.seats / 20)
    while day < (account.churned_on or today):
        in_outage = 0 <= (day - outage).days < 3
        if rng.random() < min(0.9, rate * (8 if in_outage else 1)):
            number += 1
            opened = datetime.combine(day, time(rng.randrange(7, 19), rng.randrange(60)))
            hours = rng.lognormvariate(2.6, 0.9) * (1.5 if in_outage else 1)
            closed = opened + timedelta(hours=hours)
            is_open = closed.date() >= today
            yield Ticket(
                id=f"{account.id}-t{number}",
                subject="Outage: nothing loads" if in_outage else rng.choice(SUBJECTS),
                priority="urgent" if in_outage else rng.choice(("low", "medium", "medium", "high")),
                opened_at=opened,
                closed_at=None if is_open else closed,
                csat=None
                if is_open or rng.random() < 0.5
                else max(1, min(5, round(2 + 3 * account.fit + rng.gauss(0, 0.7)))),
            )
        day += timedelta(days=1 if in_outage else rng.randrange(2, 6))


def _surveys(account: Account, rng: random.Random, first: date, today: date) -> Iterator[Survey]:
    day, number = first + timedelta(days=rng.randrange(60, 120)), 0
    while day < (account.churned_on or today):
        unhappy = account.champion_left_on is not None and day > account.champion_left_on
        score = max(0, min(10, round(2.5 + 8 * account.fit - (2.5 if unhappy else 0) + rng.gauss(0, 1.1))))
        number += 1
        asked = [contact for contact in account.contacts if contact.status == "active"]
        yield Survey(
            id=f"{account.id}-n{number}",
            contact=rng.choice(asked or account.contacts).id,
            score=score,
            comment=rng.choice(PRAISE if score >= 9 else COMPLAINT if score <= 6 else ("",)),
            answered_at=datetime.combine(day, time(rng.randrange(8, 18), rng.randrange(60))),
        )
        day += timedelta(days=rng.randrange(150, 210))


def _invoices(account: Account, rng: random.Random, today: date) -> Iterator[Invoice]:
    """One a month for what the lines cost then. Most are paid in time; who fits badly pays late, a few not at all."""
    late = account.fit < 0.4 and rng.random() < 0.5
    behind = rng.random() < 0.05
    for back in range(BILLED_MONTHS, -1, -1):
        issued = (today.replace(day=1) - timedelta(days=round(30.44 * back))).replace(day=1)
        total = sum(
            x.mrr_minor for x in account.lines if x.starts_on <= issued and (not x.ends_on or x.ends_on > issued)
        )
        if not total:
            continue
        due = issued + timedelta(days=30)
        on = due + timedelta(days=rng.randrange(3, 25) if late else -rng.randrange(5, 25))
        at = datetime.combine(on, time(rng.randrange(8, 18), rng.randrange(60)))
        paid = on < today and not (behind and back <= 1)
        yield Invoice(
            id=f"{account.id}-i{issued:%y%m}",
            status="paid" if paid else "open",
            total_minor=total,
            paid_minor=total if paid else 0,
            currency="USD",
            issued_on=issued,
            due_on=due,
            paid_at=at if paid else None,
        )


def _seen(account: Account, rng: random.Random, today: date) -> Iterator[tuple[str, datetime]]:
    """Who fits well comes often; sponsors come less often than champions."""
    for contact in account.contacts:
        usual = 40 if "executive_sponsor" in contact.roles else 12
        days = min(200, round(rng.expovariate(1 / (usual * (1.6 - account.fit))))) + 1
        if contact.status == "active" and not account.churned_on and rng.random() < 0.6 + account.fit / 2:
            at = today - timedelta(days=days)
            yield contact.id, datetime.combine(at, time(rng.randrange(8, 18), rng.randrange(60)))


def _uses(account: Account, rng: random.Random, first: date, today: date, outage: date) -> Iterator[Use]:
    """One row a week and feature, on a working day; what a day of the week holds is in its count.

    Whoever is about to leave uses less of everything: fewer features, fewer people, on fewer days.
    """
    features = FEATURES[: max(2, round(2 + 10 * account.fit * rng.uniform(0.7, 1.0)))]
    monday = first + timedelta(days=(7 - first.weekday()) % 7)
    this_monday = today - timedelta(days=today.weekday())
    users = [f"{account.id}-u{n + 1}" for n in range(min(12, max(2, account.seats // 4)))]
    level = account.seats * (0.6 + 2.4 * account.fit)
    while monday <= this_monday:
        strength = level * _strength(account, monday, this_monday, outage) * rng.uniform(0.93, 1.07)
        interest = _interest(account, monday)
        active = users[: math.ceil(len(users) * interest)]
        for rank, feature in enumerate(features[: math.ceil(len(features) * interest)]):
            count = round(strength / (1 + 0.5 * rank) / 2)
            day = monday + timedelta(days=rng.randrange(5))
            if count > 0 and day < today:
                yield Use(f"{account.id}-{day:%y%m%d}-{rank}", day, feature, count, rng.choice(active))
        monday += WEEK


def _strength(account: Account, monday: date, this_monday: date, outage: date) -> float:
    weeks_in = (monday - account.signed_up_on).days / 7
    strength = min(1.0, 0.25 + weeks_in / (6 + 10 * (1 - account.fit)))
    strength *= _interest(account, monday)
    if 0 <= (outage - monday).days < 7:
        strength *= 0.85
    if account.declining and monday >= this_monday - 2 * WEEK:
        strength *= 0.5
    return strength


def _interest(account: Account, monday: date) -> float:
    """How much of its former interest an account has left: less without its champion, fading before it leaves."""
    interest = 1.0
    if account.champion_left_on and monday > account.champion_left_on:
        interest -= 0.35 * min(1.0, (monday - account.champion_left_on).days / 56)
    if account.churned_on:
        interest *= max(0.0, min(1.0, (account.churned_on - monday).days / 7 / 20))
    return interest
