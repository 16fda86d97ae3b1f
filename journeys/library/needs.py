"""What ready journeys need of a tenant, and whether it is there: data, triggers, people with roles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q

from hub.accounts.models import Account, Contact, ContactStatus
from hub.feedback.models import ReadText, SurveyResponse, Ticket
from hub.plans.models import OnboardingPlan
from hub.revenue.models import ContractLine, Entitlement
from hub.usage.models import UsageDaily
from journeys.library.base import ReadyJourney
from journeys.recipients import SIGNAL_CONTACT
from signals.models import Signal, Trigger


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of data: what it is called, whether the tenant has any, and where it comes from (a URL's name)."""

    words: str
    there: Callable[[], bool]
    url_name: str


SOURCES: Final[Mapping[str, Source]] = {
    "plans": Source("onboarding plans", lambda: OnboardingPlan.objects.exists(), "accounts:list"),
    "usage": Source("usage of the product", lambda: UsageDaily.objects.exists(), "imports:list"),
    "contracts": Source("contract lines", lambda: ContractLine.objects.exists(), "imports:list"),
    "contacts": Source("contacts with roles", lambda: Contact.objects.exclude(roles=[]).exists(), "imports:list"),
    "seats": Source("seats of accounts", lambda: Account.objects.filter(seats__gt=0).exists(), "imports:list"),
    "entitlements": Source("what a tier allows", lambda: Entitlement.objects.exists(), "revenue:products"),
    "tickets": Source("support tickets", lambda: Ticket.objects.exists(), "imports:list"),
    "surveys": Source("survey answers", lambda: SurveyResponse.objects.exists(), "imports:list"),
    "texts": Source("texts of customers", lambda: ReadText.objects.exists(), "imports:list"),
    "qbrs": Source(
        "lines tagged in reviews", lambda: Signal.objects.filter(trigger__family="qbr").exists(), "qbr:list"
    ),
}


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that a journey needs. ``url_name`` leads to where it is made, with ``url_args`` beside the tenant."""

    words: str
    met: bool
    url_name: str
    url_args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Have:
    """What the tenant in context has, read once for all journeys."""

    sources: Mapping[str, bool]
    triggers: Mapping[str, Trigger]
    roles: frozenset[str]

    @classmethod
    def read(cls) -> Have:
        """A query for each kind of data, one for the triggers, one for the roles."""
        active = Contact.objects.filter(~Q(roles=[]), status=ContactStatus.ACTIVE).values_list("roles", flat=True)
        return cls(
            {key: source.there() for key, source in SOURCES.items()},
            {trigger.key: trigger for trigger in Trigger.objects.all()},
            frozenset(role for roles in active.distinct() for role in roles),
        )


def signals_of(ready: ReadyJourney) -> list[str]:
    """The signals that a journey begins with or waits for, each once."""
    nodes = ready.graph["nodes"]
    named = [ready.graph["entry"].get("trigger"), *(node.get("signal") for node in nodes)]
    named += [arm.get("signal") for node in nodes for arm in node.get("arms", ())]
    return list(dict.fromkeys(key for key in named if key))


def roles_of(ready: ReadyJourney) -> list[tuple[str, ...]]:
    """The roles of each message, in order of preference; each list once."""
    told = [node["to"]["roles"] for node in ready.graph["nodes"] if "to" in node]
    named = [tuple(role for role in roles if role != SIGNAL_CONTACT) for roles in told]
    return list(dict.fromkeys(roles for roles in named if roles))


def needs_of(ready: ReadyJourney, have: Have) -> list[Need]:
    """Everything that a journey needs, and whether it is there."""
    found = [Need(SOURCES[key].words, have.sources[key], SOURCES[key].url_name, {}) for key in ready.needs]
    for key in signals_of(ready):
        trigger = have.triggers.get(key)
        words = f"the trigger “{trigger.name if trigger else key}”"
        where = ("signals:trigger", {"trigger_id": trigger.pk}) if trigger else ("signals:triggers", {})
        found.append(Need(words, bool(trigger and trigger.is_active), *where))
    for roles in roles_of(ready):
        words = "somebody who is " + " or ".join(role.replace("_", " ") for role in roles)
        found.append(Need(words, bool(have.roles & set(roles)), "accounts:list", {}))
    return found
