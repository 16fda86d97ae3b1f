"""What speaks against publishing a draft: what is wrong, what is doubtful, and how much it would send."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from hub.accounts.models import Account, Contact, ContactStatus
from hub.outbox.gates import Purpose
from hub.outbox.policy import sending_rules
from hub.registry.facts import known_facts
from hub.tenancy.models import Tenant
from hub.work.selectors import playbook_choices
from journeys.drafts.hypothesis import missing
from journeys.drafts.pressure import is_programme, most_within
from journeys.drafts.shape import flaws
from journeys.entry_forms import entry_way
from journeys.graph import Graph, Node, Problem, load
from journeys.models import Journey, JourneyStatus, JourneyVersion
from journeys.recipients import SIGNAL_CONTACT, choose
from journeys.services import graph_problems
from signals.models import Signal
from signals.segments.models import SegmentMember

VOLUME_DAYS = 30
ASKED = 5_000
WRONG, DOUBT, FIGURE = "wrong", "doubt", "figure"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the list. ``wrong`` keeps the draft from being published, ``doubt`` does not, ``figure`` informs.

    ``pointer``: where in the graph, as a JSON pointer from its root. ``code`` names the kind of what is wrong.
    """

    level: str
    node: str
    pointer: str
    text: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Volume:
    """What the journey would have begun and sent in the last 30 days: accounts, and messages to contacts."""

    accounts: int = 0
    recipients: int = 0


@dataclass(frozen=True, slots=True)
class Validation:
    findings: Sequence[Finding]
    volume: Volume

    @property
    def wrong(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.level == WRONG]

    @property
    def doubts(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.level == DOUBT]


def validate_draft(journey: Journey, raw: Mapping[str, Any], tenant: Tenant) -> Validation:
    """Everything that is to be said about publishing this graph as this journey's next version."""
    problems = flaws(raw) or graph_problems(raw)
    wrong = [Finding(WRONG, p.node_id, absolute(raw, p), p.message, p.code) for p in problems]
    wrong += list(_topics(raw)) + list(_hypothesis(journey, raw))
    if problems:
        return Validation(wrong, Volume())
    graph = load(raw, known_facts())
    people = _People.of(graph)
    volume = Volume(people.begun, sum(people.reached(node) for node in _messages(graph)))
    doubts = [
        *_no_goal(graph),
        *_no_contact(graph, people),
        *_overlap(journey, graph),
        *_caps(graph, tenant),
        *_playbooks(graph),
    ]
    return Validation([*wrong, *doubts, _told(graph, volume)], volume)


def absolute(raw: Mapping[str, Any], problem: Problem) -> str:
    """A problem's place as a JSON pointer from the root of the graph."""
    if not problem.node_id:
        return problem.pointer
    places = [n for n, node in enumerate(raw.get("nodes") or []) if node.get("id") == problem.node_id]
    return f"/nodes/{places[-1] if places else ''}{problem.pointer}"


def needs_hypothesis(raw: Mapping[str, Any]) -> bool:
    """Whether a graph is a programme: it sends what people have to agree to."""
    return any(isinstance(node, Mapping) and is_programme(node) for node in raw.get("nodes") or [])


def _topics(raw: Mapping[str, Any]) -> Iterator[Finding]:
    for place, node in enumerate(raw.get("nodes") or []):
        if isinstance(node, Mapping) and is_programme(node) and not str(node.get("topic") or "").strip():
            told = "a programme message needs a topic, which people agree to or refuse"
            yield Finding(WRONG, str(node.get("id", "")), f"/nodes/{place}/topic", told, "no_topic")


def _hypothesis(journey: Journey, raw: Mapping[str, Any]) -> Iterator[Finding]:
    lacking = missing(journey.hypothesis) if needs_hypothesis(raw) else []
    if lacking:
        names = ", ".join(name.replace("_", " ") for name in lacking)
        told = f"a programme is published with its NRR hypothesis; it lacks: {names}"
        yield Finding(WRONG, "", "", told, "no_hypothesis")


def _no_goal(graph: Graph) -> Iterator[Finding]:
    if not graph.goals:
        yield Finding(DOUBT, "", "/nodes", "no goal: nothing says what the journey is to bring about, or ends it early")


def _no_contact(graph: Graph, people: _People) -> Iterator[Finding]:
    for node in _messages(graph):
        without = people.without(node)
        if without:
            roles = ", ".join(str(role).replace("_", " ") for role in node.config["to"]["roles"])
            told = f"{without} of {people.asked} accounts have nobody who is {roles}"
            yield Finding(DOUBT, node.id, _pointer(graph, node, "/to"), told)


def _overlap(journey: Journey, graph: Graph) -> Iterator[Finding]:
    others = Journey.objects.filter(status=JourneyStatus.ACTIVE).exclude(pk=journey.pk)
    live = {other.pk: other for other in others}
    for version in JourneyVersion.objects.filter(journey_id__in=list(live)).only("journey_id", "number", "graph"):
        other = live[version.journey_id]
        theirs_entry = version.graph["entry"]
        same = any(theirs_entry.get(w) and theirs_entry.get(w) == graph.entry.get(w) for w in ("trigger", "segment"))
        if version.number == other.live and same:
            ours, theirs = Purpose(journey.purpose).rank, Purpose(other.purpose).rank
            first = "this one" if (ours, journey.key) < (theirs, other.key) else f"“{other.name}”"
            way = entry_way(graph.entry).replace("trigger", "signal")
            told = f"“{other.name}” begins with the same {way}; an account enters one of them, {first} first"
            yield Finding(DOUBT, "", f"/entry/{entry_way(graph.entry)}", told)


def _caps(graph: Graph, tenant: Tenant) -> Iterator[Finding]:
    policy = sending_rules(tenant.settings).policy
    most = most_within(graph, policy.cap_window)
    if most > policy.contact_cap:
        told = (
            f"one contact may get {most} programme e-mails within {policy.cap_window.days} days, the cap is "
            f"{policy.contact_cap}: the others are held, and expire after {policy.longest_hold.days} days"
        )
        yield Finding(DOUBT, "", "/nodes", told)


def _playbooks(graph: Graph) -> Iterator[Finding]:
    named = {node.id: str(node.config["playbook"]) for node in graph.nodes.values() if node.config.get("playbook")}
    there = {key for key, _ in playbook_choices()} if named else set()
    for node_id, key in named.items():
        if key not in there:
            told = f"the playbook “{key}” is not there or was put away: the task opens without it"
            yield Finding(DOUBT, node_id, _pointer(graph, graph.nodes[node_id], "/playbook"), told)


def _told(graph: Graph, volume: Volume) -> Finding:
    told = f"in the last {VOLUME_DAYS} days it would have begun for {volume.accounts} accounts"
    if graph.entry.get("existing"):
        told = f"at once it begins for the {volume.accounts} accounts in the segment, if it has not before"
    if "date" in graph.entry or "by" in graph.entry:
        told = "how many it begins for is known only as it runs"
    return Finding(FIGURE, "", "", f"{told}, with at most {volume.recipients} messages to contacts")


def _messages(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes.values() if isinstance(node.config.get("to"), Mapping)]


def _pointer(graph: Graph, node: Node, field: str) -> str:
    return f"/nodes/{list(graph.nodes).index(node.id)}{field}"


def _begun(graph: Graph) -> set[UUID]:
    """Accounts that would have been let in lately, and those that come in at once."""
    since, entry = timezone.now() - timedelta(days=VOLUME_DAYS), graph.entry
    if entry.get("trigger"):
        fired = Signal.objects.filter(trigger__key=entry["trigger"], recorded_at__gte=since).order_by()
        return set(fired.values_list("account_id", flat=True).distinct())
    members = SegmentMember.objects.filter(segment__key=entry.get("segment", ""), left_on=None)
    if not entry.get("existing"):
        members = members.filter(joined_on__gte=since.date())
    return set(members.values_list("account_id", flat=True))


@dataclass(frozen=True, slots=True)
class _People:
    """Contacts of the accounts that gave the signal lately; of all accounts where none did. At most 5,000 are asked."""

    begun: int
    contacts: Mapping[UUID, Sequence[Contact]]

    @classmethod
    def of(cls, graph: Graph) -> _People:
        begun = _begun(graph)
        asked = sorted(begun)[:ASKED] or list(Account.objects.order_by("id").values_list("pk", flat=True)[:ASKED])
        contacts: dict[UUID, list[Contact]] = defaultdict(list)
        people = Contact.objects.filter(account_id__in=asked, status=ContactStatus.ACTIVE).exclude(email="")
        for contact in people.only("account_id", "roles"):
            contacts[contact.account_id].append(contact)
        return cls(len(begun), {account_id: contacts[account_id] for account_id in asked})

    @property
    def asked(self) -> int:
        return len(self.contacts)

    def reached(self, node: Node) -> int:
        """Contacts that the node would have written to, in proportion where not all accounts were asked."""
        if not self.begun:
            return 0
        to = node.config["to"]
        # Whose act a signal was is one person.
        acted = SIGNAL_CONTACT in to["roles"][:1]
        found = sum(1 if acted else len(choose(p, to["roles"], to["fallback"]).people) for p in self.contacts.values())
        return round(found * self.begun / self.asked)

    def without(self, node: Node) -> int:
        """Accounts where nobody has a role that the node asks for."""
        to = node.config["to"]
        if SIGNAL_CONTACT in to["roles"]:
            return 0
        return sum(not choose(people, to["roles"], "skip").people for people in self.contacts.values())
