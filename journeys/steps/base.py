"""What a step does when an account stands on its node, and what it may answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from hub.accounts.models import Account
from hub.outbox.models import Message
from hub.outbox.services import Cause
from hub.registry.base import Registry
from journeys.graph import Graph, Node
from journeys.models import Assignment, Enrollment, Journey
from journeys.storing import Run
from journeys.world import World
from signals.models import Signal


@dataclass
class Effects:
    """What a batch of steps wants written; stored together, in the transaction of the batch."""

    messages: list[Message] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)
    moved: list[tuple[Enrollment, int]] = field(default_factory=list)
    """Enrollments with the visit they had in the database: the fence of their update."""
    stopped: set[UUID] = field(default_factory=set)
    """Enrollments that a step of the batch has ended: their rows say so, what was read before does not."""


@dataclass
class Stand:
    """An account on a node. ``moment`` is when the step was due, which after an outage may lie before ``world.now``."""

    world: World
    enrollment: Enrollment
    graph: Graph
    node: Node
    effects: Effects
    run: Run
    moment: datetime

    @property
    def account(self) -> Account:
        return self.world.accounts[self.enrollment.account_id]

    @property
    def journey(self) -> Journey:
        return self.world.journeys[self.enrollment.journey_id]

    @property
    def signal(self) -> Signal | None:
        return self.world.signals.get(self.enrollment.signal_id) if self.enrollment.signal_id else None

    @property
    def key(self) -> str:
        """Names this visit; what a step makes carries it, so that it is made once."""
        return f"journey:{self.enrollment.pk}:{self.node.id}:{self.enrollment.visit}"

    @property
    def cause(self) -> Cause:
        enrollment, journey = self.enrollment, self.journey
        return Cause("journey", enrollment.pk, journey.name, self.run.id, enrollment.signal_id, journey.pk)


@dataclass(frozen=True, slots=True)
class Go:
    """The step is over: leave by ``port``. ``outcome`` is done, skipped or failed, the latter two with a reason.

    ``settle``: it changed what later steps read, so the account goes on after its next evaluation, a moment later.
    """

    port: str = "next"
    outcome: str = "done"
    reason: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    settle: bool = False


@dataclass(frozen=True, slots=True)
class Rest:
    """Stay until ``until`` (None: only a signal ends it) or until the signal ``awaits`` comes."""

    until: datetime | None
    wait: Mapping[str, Any]
    awaits: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """Leave the journey."""

    reason: str = "completed"
    evidence: Mapping[str, Any] = field(default_factory=dict)


Answer: TypeAlias = Go | Rest | End


@dataclass(frozen=True, slots=True)
class Step:
    """The behaviour of a node kind (same key). ``resume`` is asked when a rest is over, ``run`` on arrival.

    ``acts``: does something in the world, so it is subject to the late policy. ``holds_out``: it is left out for
    held-out accounts; messages are not, for the outbox holds them back and keeps them for comparison.
    """

    key: str
    run: Callable[[Stand], Answer]
    resume: Callable[[Stand], Answer] | None = None
    acts: bool = False
    holds_out: bool = False
    order: int = 100


steps: Registry[Step] = Registry("step")
