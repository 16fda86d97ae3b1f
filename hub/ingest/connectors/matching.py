"""Customers of sources whose account nobody knows: who they might be, and saying who they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from hub.accounts.models import Account, AccountExternalId
from hub.accounts.services import account_upsert, contact_upsert
from hub.ingest.connectors.applying import Applied, things_project
from hub.ingest.connectors.base import COMPANY, PERSON, Facts, company_domain, connectors
from hub.ingest.connectors.keeping import source_lock
from hub.ingest.connectors.nouns import account_checked, contact_checked
from hub.ingest.connectors.work import settle
from hub.ingest.models import SourceObject, SourceWord
from hub.people.audit import Actor, audit

PAGE: Final = 50
MOST_SUGGESTIONS: Final = 3


class MatchError(ValueError):
    """A match that cannot be; the text says why."""


@dataclass
class Stranger:
    """A customer or person of a source without an account: what is known, what waits, and who it might be."""

    thing: SourceObject
    name: str
    email: str
    domain: str
    waiting: int
    suggestions: list[Account] = field(default_factory=list)

    @property
    def title(self) -> str:
        return connectors.get(self.thing.connector).title

    @property
    def can_be_made(self) -> bool:
        return self.thing.kind == COMPANY and bool(self.name)


def strangers_query() -> QuerySet[SourceObject]:
    """Customers, people without a company, and things that only an address tells of, oldest first."""
    unknown = SourceObject.objects.filter(account__isnull=True)
    found: QuerySet[SourceObject] = unknown.filter(
        Q(kind=COMPANY) | Q(kind=PERSON, company="") | (Q(company="", person="") & ~Q(email=""))
    )
    return found.order_by("created_at", "pk")


def strangers_page(*, after: tuple[datetime, UUID] | None = None, limit: int = PAGE + 1) -> list[Stranger]:
    """Up to `limit` strangers with suggestions; six queries for any number."""
    query = strangers_query()
    if after:
        query = query.filter(Q(created_at__gt=after[0]) | Q(created_at=after[0], pk__gt=after[1]))
    things = list(query[:limit])
    facts = _facts(things)
    waiting = _waiting(things)
    strangers = [_stranger(thing, facts.get(thing.pk, {}), waiting.get(thing.pk, 0)) for thing in things]
    _suggest(strangers)
    return strangers


def _facts(things: Sequence[SourceObject]) -> dict[UUID, Facts]:
    words = SourceWord.objects.filter(thing__in=things).order_by("at", "rank", "event")
    found: dict[UUID, Facts] = defaultdict(dict)
    for pk, facts in words.values_list("thing_id", "facts"):
        found[pk].update(facts)
    return found


def _waiting(things: Sequence[SourceObject]) -> dict[UUID, int]:
    """How many things wait for each of these."""
    owners = {
        **{(thing.source, thing.external_id, ""): thing.pk for thing in things if thing.kind == COMPANY},
        **{(thing.source, "", thing.external_id): thing.pk for thing in things if thing.kind == PERSON},
    }
    unknown = SourceObject.objects.filter(account__isnull=True)
    named = Q(company__in=[key[1] for key in owners if key[1]]) | Q(person__in=[key[2] for key in owners if key[2]])
    counts: dict[UUID, int] = defaultdict(int)
    for source, company, person in unknown.filter(named).values_list("source", "company", "person"):
        pk = owners.get((source, company, "")) or owners.get((source, "", person))
        if pk is not None:
            counts[pk] += 1
    return counts


def _stranger(thing: SourceObject, facts: Facts, waiting: int) -> Stranger:
    email = str(facts.get("email") or thing.email or "")
    domain = str(facts.get("domain") or "") or company_domain(email)
    return Stranger(thing, str(facts.get("name") or thing.name), email, domain.lower(), waiting)


def _suggest(strangers: Iterable[Stranger]) -> None:
    """Accounts of the same domain, then of the same name."""
    strangers = list(strangers)
    domains = {stranger.domain for stranger in strangers if stranger.domain}
    names = {stranger.name for stranger in strangers if stranger.name}
    by_domain: dict[str, list[Account]] = defaultdict(list)
    by_name: dict[str, list[Account]] = defaultdict(list)
    for account in Account.objects.filter(domain__in=domains).order_by("name", "pk"):
        by_domain[account.domain.lower()].append(account)
    for account in Account.objects.filter(name__in=names).order_by("name", "pk"):
        by_name[account.name].append(account)
    for stranger in strangers:
        found = [*by_domain[stranger.domain], *(by_name[stranger.name] if stranger.name else [])]
        stranger.suggestions = list(dict.fromkeys(found))[:MOST_SUGGESTIONS]


@transaction.atomic
def thing_match(*, thing: SourceObject, account: Account, actor: Actor) -> Applied:
    """Say whose a stranger is; what waited for them is written. Raises MatchError when somebody was faster."""
    thing = _locked(thing)
    if thing.kind == COMPANY:
        AccountExternalId.objects.get_or_create(
            source=thing.source, value=thing.external_id, defaults={"account": account}
        )
    else:
        _contact(thing, account)
    audit(actor, "hook.match", thing, account=str(account.pk), source=thing.source)
    return _written(thing)


def _contact(thing: SourceObject, account: Account) -> None:
    facts = _facts([thing]).get(thing.pk, {})
    fields = {"email": str(facts.get("email") or thing.email), "name": str(facts.get("name") or "")}
    given = {name: value for name, value in fields.items() if value}
    external_id = thing.external_id if thing.kind == PERSON else thing.person
    if not given:
        raise MatchError("the source told neither a name nor an address: match the company instead")
    contact_upsert(
        account=account,
        source=thing.source,
        external_id=external_id,
        fields=contact_checked(given),
        as_of=_said_at(thing),
    )


def _said_at(thing: SourceObject) -> datetime | None:
    """When the source spoke of it last: what is written now is its word of then."""
    latest: datetime | None = thing.words.order_by("-at").values_list("at", flat=True).first()
    return latest


@transaction.atomic
def account_make(*, thing: SourceObject, actor: Actor) -> Applied:
    """Make an account of a customer that nobody knows. Raises MatchError."""
    thing = _locked(thing)
    if thing.kind != COMPANY or not thing.name:
        raise MatchError("the source did not tell what the customer is called")
    account, outcome = account_upsert(
        source=thing.source,
        external_id=thing.external_id,
        fields=account_checked({"name": thing.name}),
        as_of=_said_at(thing),
    )
    thing.made = outcome == "created"
    thing.save(update_fields=["made"])
    audit(actor, "hook.match", thing, account=str(account.pk), source=thing.source, made=True)
    return _written(thing)


def _locked(thing: SourceObject) -> SourceObject:
    source_lock(thing.source)
    found: SourceObject = SourceObject.objects.get(pk=thing.pk)
    if found.account_id is not None:
        raise MatchError("somebody has said in the meantime whose this is")
    return found


def _written(thing: SourceObject) -> Applied:
    try:
        with transaction.atomic():
            outcome = things_project(connectors.get(thing.connector), thing.source, [thing])
    except ValueError as error:
        # Whose it is stays said; the call that cannot be stored says why in its log.
        outcome = Applied()
        outcome.rows.append({"noun": "problem", "id": str(thing.pk), "account": "", "outcome": str(error)[:300]})
    settle(outcome)
    return outcome


def account_named(text: str) -> Account:
    """The account with this id or exact name. Raises MatchError."""
    text = text.strip()
    try:
        wanted = Q(pk=UUID(text))
    except ValueError:
        wanted = Q(name=text)
    found = list(Account.objects.filter(wanted)[:2]) if text else []
    if len(found) != 1:
        raise MatchError(
            "several accounts are called so: choose one of the suggestions" if found else "no account is called so"
        )
    account: Account = found[0]
    return account
