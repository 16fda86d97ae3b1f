"""A trigger in words, and what it has done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db.models import Count, Q
from django.utils import timezone

from hub.registry.facts import Fact, known_facts
from hub.rules.language import RuleError, parse
from signals.families import family_name
from signals.models import (
    UNTOLD,
    DismissReason,
    Signal,
    SignalStatus,
    Trigger,
    TriggerState,
    TriggerVersion,
)
from signals.precision import Precision

# What happened longer ago says little of the rule as it is now.
JUDGED_DAYS: Final = 365
LATELY_DAYS: Final = 30

# What a change is called in a sentence; an app's own kind reads as its name.
CHANGE_WORDS: Final = {
    "milestone.completed": "a milestone of the onboarding plan is completed",
    "qbr.line_tagged": "somebody tags a line of a QBR",
    "contact.left": "a contact leaves the company",
    "payment.failed": "a payment fails",
    "payment.disputed": "a payment is disputed",
    "signal.reported": "another system reports something",
}
NO_CONDITION: Final = "always"


def trigger_sentence(trigger: Trigger, condition: str) -> str:
    """When the trigger makes a signal, as one sentence; ``condition`` is its rule in words."""
    if trigger.kind == Trigger.Kind.COMPUTED:
        return f"When {condition}."
    told = CHANGE_WORDS.get(trigger.change_kind, f"“{trigger.change_kind}” happens")
    match = "".join(
        f", {name.replace('_', ' ')} “{str(value).replace('_', ' ')}”" for name, value in trigger.match.items()
    )
    further = "" if condition in ("", NO_CONDITION) else f", and {condition}"
    return f"When {told}{match}{further}."


@dataclass(frozen=True, slots=True)
class TriggerCounts:
    """What a trigger has led to within `JUDGED_DAYS`: signals that went out, by what became of them.

    ``acted`` were resolved, assigned or seen by somebody; ``held`` wait in a storm and are none of ``fired``.
    """

    fired: int = 0
    fired_lately: int = 0
    open: int = 0
    resolved: int = 0
    dismissed: int = 0
    acted: int = 0
    not_true: int = 0
    held: int = 0

    @property
    def precision(self) -> Precision:
        return Precision(self.resolved + self.dismissed, self.not_true)


def counts_of(triggers: Iterable[UUID] | None = None) -> dict[UUID, TriggerCounts]:
    """The counts of some triggers or of all, by trigger; those without signals are left out. One query."""
    now = timezone.now()
    signals = Signal.objects.filter(recorded_at__gte=now - timedelta(days=JUDGED_DAYS))
    if triggers is not None:
        signals = signals.filter(trigger_id__in=list(triggers))
    told = ~Q(status__in=UNTOLD)
    touched = Q(status=SignalStatus.RESOLVED) | Q(assignee__isnull=False) | Q(acknowledged_at__isnull=False)
    counted = (
        signals.order_by()
        .values("trigger_id")
        .annotate(
            fired=Count("trigger_id", filter=told),
            fired_lately=Count("trigger_id", filter=told & Q(recorded_at__gte=now - timedelta(days=LATELY_DAYS))),
            open=Count("trigger_id", filter=Q(status=SignalStatus.OPEN)),
            resolved=Count("trigger_id", filter=Q(status=SignalStatus.RESOLVED)),
            dismissed=Count("trigger_id", filter=Q(status=SignalStatus.DISMISSED)),
            acted=Count("trigger_id", filter=told & touched),
            not_true=Count("trigger_id", filter=Q(status=SignalStatus.DISMISSED, closed_as=DismissReason.NOT_TRUE)),
            held=Count("trigger_id", filter=Q(status=SignalStatus.HELD)),
        )
    )
    return {row.pop("trigger_id"): TriggerCounts(**row) for row in counted}


@dataclass(frozen=True, slots=True)
class TrueNow:
    """Accounts for which a rule is true at this moment, and those of them for which it was so at first sight."""

    accounts: int
    at_first_sight: int


def true_now(trigger: Trigger) -> TrueNow:
    """One query."""
    found = TriggerState.objects.filter(trigger=trigger, is_true=True).aggregate(
        accounts=Count("pk"), at_first_sight=Count("pk", filter=Q(baseline=True))
    )
    return TrueNow(**found)


@dataclass(frozen=True, slots=True)
class TriggerLine:
    """A trigger of the list, with its sentence and its signals; ``unreadable`` says why its rule cannot be read."""

    trigger: Trigger
    sentence: str
    counts: TriggerCounts
    unreadable: str = ""


@dataclass(frozen=True, slots=True)
class TriggerQuery:
    """What the list of triggers was asked for: words of the name or the sentence, a family, ``on`` or ``off``."""

    q: str = ""
    family: str = ""
    state: str = ""

    @classmethod
    def read(cls, params: Mapping[str, str]) -> TriggerQuery:
        """Read a query string; values that nobody offers are left out."""
        state = params.get("state", "")
        return cls(
            q=params.get("q", "").replace("\x00", "").strip()[:100],
            family=params.get("family", "").replace("\x00", "")[:32],
            state=state if state in STATES else "",
        )

    @property
    def narrows(self) -> bool:
        return bool(self.q or self.family or self.state)

    def fits(self, line: TriggerLine) -> bool:
        words = f"{line.trigger.name} {line.trigger.key} {line.sentence}".casefold()
        return (
            all(word in words for word in self.q.casefold().split())
            and self.family in ("", line.trigger.family)
            and (not self.state or STATES[self.state](line))
        )


STATES: Final[dict[str, Callable[[TriggerLine], bool]]] = {
    "on": lambda line: line.trigger.is_active,
    "off": lambda line: not line.trigger.is_active,
    "broken": lambda line: bool(line.unreadable),
}


def trigger_lines(query: TriggerQuery) -> dict[str, list[TriggerLine]]:
    """The triggers that the query leaves, by name, under their families. Three queries."""
    counts = counts_of()
    words = {
        (v.trigger_id, v.version): v.sentence for v in TriggerVersion.objects.only("trigger", "version", "sentence")
    }
    known = known_facts()
    found: dict[str, list[TriggerLine]] = {}
    for trigger in Trigger.objects.order_by("name", "pk"):
        sentence = trigger_sentence(trigger, words.get((trigger.pk, trigger.version), ""))
        line = TriggerLine(trigger, sentence, counts.get(trigger.pk, TriggerCounts()), unreadable(trigger, known))
        if query.fits(line):
            found.setdefault(trigger.family, []).append(line)
    return dict(sorted(found.items(), key=lambda item: family_name(item[0])))


def unreadable(trigger: Trigger, known: Mapping[str, Fact] | None = None) -> str:
    """Why a trigger's rule cannot be read any more, "" when it can: a fact or an attribute is gone."""
    try:
        parse(trigger.rule, known_facts() if known is None else known)
    except RuleError as error:
        return str(error)
    return ""
