"""Test as account: a draft walked by the real steps over a real account, in a transaction that is rolled back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from hub.accounts.models import Account, Contact
from hub.outbox.gates import Held, Withheld, decide
from hub.outbox.models import Message
from hub.outbox.policy import sending_rules
from hub.outbox.reasons import reason_words
from hub.outbox.situations import Surroundings
from hub.registry.facts import known_facts
from hub.tenancy.ids import uuid7
from hub.tenancy.models import Tenant
from hub.work.models import Task
from journeys.engine import goal_since
from journeys.graph import Graph, Node, load
from journeys.graph_words import port_words
from journeys.models import Enrollment, Journey
from journeys.steps.base import Answer, Effects, End, Go, Rest, Stand, steps
from journeys.storing import Run
from journeys.tree import spoken
from journeys.world import World
from signals.models import Signal, Trigger

MOST_STEPS = 60
DRAFT = 0
"""The version number of a graph that is not published."""


@dataclass(frozen=True)
class Letter:
    """A message as the contact would get it, and what the gates would say at that moment."""

    to: Contact
    channel: str
    subject: str
    html: str
    text: str
    verdict: str
    reason: str
    until: datetime | None = None


@dataclass(frozen=True)
class Taken:
    """A step of the trial. ``ways``: (port, words, chosen) of a step that waits for one of several things."""

    node: Node
    words: str
    at: datetime
    outcome: str
    detail: str = ""
    values: Sequence[str] = ()
    letters: Sequence[Letter] = ()
    task: str = ""
    ways: Sequence[tuple[str, str, bool]] = ()


@dataclass
class Trial:
    """What would happen to the account. ``entry``: what speaks against entering, with the values seen."""

    account: Account
    signal: Signal | None
    entry: list[str] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    ending: str = ""


def trial(journey: Journey, raw: Mapping[str, Any], tenant: Tenant, account: Account, ways: Mapping[str, str]) -> Trial:
    """Walk a graph that has no flaws; ``ways`` says by node which port a wait for something is left by.

    The steps themselves run, so that what is shown is what would be; nothing they write stays.
    """
    with transaction.atomic():
        try:
            return _Walk(journey, load(raw, known_facts()), tenant, account, ways).all()
        finally:
            transaction.set_rollback(True)


class _Walk:
    def __init__(
        self, journey: Journey, graph: Graph, tenant: Tenant, account: Account, ways: Mapping[str, str]
    ) -> None:
        now = timezone.now()
        self.graph, self.tenant, self.ways, self.began = graph, tenant, ways, now
        self.world = World(tenant, [account.pk], now, {(journey.pk, DRAFT): graph})
        fired = Signal.objects.filter(account=account, trigger__key=graph.entry.get("trigger", ""))
        self.signal = fired.select_related("trigger").order_by("-recorded_at").first()
        if self.signal is not None:
            self.world.signals[self.signal.pk] = self.signal
        self.enrollment = Enrollment(
            pk=uuid7(),
            account=account,
            journey=journey,
            version=DRAFT,
            node_id=graph.start,
            entered_at=now,
            signal=self.signal,
        )
        self.names = dict(Trigger.objects.values_list("key", "name"))
        self.effects, self.visits = Effects(), dict[str, int]()
        self.found = Trial(account, self.signal, list(self._entry()))

    def _entry(self) -> Sequence[str]:
        told, account_id, when = [], self.enrollment.account_id, self.graph.entry.get("when")
        if self.signal is None and "trigger" in self.graph.entry:
            told.append("This account has not given the signal yet; words of the signal stay empty.")
        if when is not None and not self.world.holds(when, account_id):
            told.append("It would not enter: " + "; ".join(self.world.evidence(when, account_id)))
        goal = goal_since(self.world, self.graph, account_id, self.began)
        if goal is not None and self.graph.entry.get("goal_met") != "enter":
            told.append(f"It would not enter: the goal “{goal.config['label']}” is met already.")
        return told

    def all(self) -> Trial:
        for _ in range(MOST_STEPS):
            node = self.graph.nodes[self.enrollment.node_id]
            self.visits[node.id] = self.visits.get(node.id, 0) + 1
            if self.visits[node.id] > 2:
                self.found.ending = "It comes round again from here."
                break
            if not self._step(node):
                break
        return self.found

    def _step(self, node: Node) -> bool:
        """Take one step; False where the way ends."""
        letters, at = len(self.effects.messages), self.world.now
        answer: Answer = steps.get(node.kind.key).run(self._stand(node))
        match answer:
            case Rest():
                port = self._way(node, answer)
                self.world.now = max(at, answer.until) if answer.until and port in ("next", node.ports[-1].name) else at
                ways = [(p.name, port_words(node, p), p.name == port) for p in node.ports]
                self._tell(node, at, "rests", self._resting(answer), ways=ways if len(ways) > 1 else ())
            case Go():
                port = answer.port
                made = [self._letter(message) for message in self.effects.messages[letters:]]
                self._tell(node, at, answer.outcome, self._going(node, answer), _values(answer), made, _task_of(answer))
            case End():
                self._tell(node, at, "done", "", _values(answer))
                self.found.ending = reason_words(answer.reason)
                return False
        self.enrollment.node_id = self.graph.follow(node.id, port)
        self.enrollment.visit += 1
        return True

    def _way(self, node: Node, answer: Rest) -> str:
        """The way out of a rest: as chosen; else, of several, the one that is left when nothing comes."""
        names = [port.name for port in node.ports]
        asked = self.ways.get(node.id, "")
        return asked if asked in names else names[-1]

    def _stand(self, node: Node) -> Stand:
        own, now = self.enrollment, self.world.now
        run = Run(own.account_id, own.pk, own.journey_id, DRAFT, node.id, own.visit, node.kind.key, now, now)
        return Stand(self.world, self.enrollment, self.graph, node, self.effects, run, self.world.now)

    def _tell(
        self,
        node: Node,
        at: datetime,
        outcome: str,
        detail: str,
        values: Sequence[str] = (),
        letters: Sequence[Letter] = (),
        task: str = "",
        ways: Sequence[tuple[str, str, bool]] = (),
    ) -> None:
        words = spoken(node.kind.words(node.config, known_facts()), self.names)
        self.found.taken.append(Taken(node, words, at, outcome, detail, values, letters, task, ways))

    def _resting(self, answer: Rest) -> str:
        zone = self.world.zone(self.enrollment.account_id)
        return f"until {answer.until.astimezone(zone):%a %d %b %Y, %H:%M} ({zone.key})" if answer.until else ""

    def _going(self, node: Node, answer: Go) -> str:
        if answer.outcome != "done":
            return reason_words(answer.reason)
        port = next((p for p in node.ports if p.name == answer.port), None)
        return port_words(node, port) if port is not None and len(node.ports) > 1 else ""

    def _letter(self, message: Message) -> Letter:
        message.contact = next(c for c in self.world.contacts[message.account_id] if c.pk == message.contact_id)
        message.account = self.enrollment.account
        rules = sending_rules(self.tenant.settings)
        now = self.world.now
        around = Surroundings(self.tenant, rules, [message], now)
        verdict = decide(around.situation(message), rules.policy)
        reason = reason_words(verdict.reason) if verdict.reason else ""
        kind = "held" if isinstance(verdict, Held) else "withheld" if isinstance(verdict, Withheld) else "sent"
        until = verdict.until if isinstance(verdict, Held) else None
        return Letter(
            message.contact, message.channel, message.subject, message.body_html, message.body_text, kind, reason, until
        )


def _task_of(answer: Go) -> str:
    task = answer.evidence.get("task")
    return str(Task.objects.filter(pk=task).values_list("title", flat=True).first() or "") if task else ""


def _values(answer: Go | End) -> list[str]:
    """The values that a step has seen, as it tells them in its evidence."""
    told = _listed(answer.evidence.get("met"))
    told += [reason_words(part) for name in ("refused", "missed") for part in _listed(answer.evidence.get(name))]
    return list(dict.fromkeys(told))


def _listed(value: Any) -> list[str]:
    return [str(part) for part in value] if isinstance(value, list) else [str(value)] if value else []
