"""What a row may look at: a fact, or a measure with its arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.registry.facts import Fact, FactKind
from hub.registry.measures import Argument, ArgumentError, ArgumentKind, measure_of, measures
from hub.shell.rule_form.values import Unreadable


@dataclass(frozen=True, slots=True)
class Subject:
    """A fact or measure as the form treats it; ``dated`` ones can be asked about days before."""

    name: str
    kind: FactKind
    unit: str
    dated: bool
    arguments: tuple[Argument, ...] = ()

    def given(self, typed: tuple[str, ...]) -> dict[str, object]:
        """The arguments as a rule names them; those left empty stay away. Raises Unreadable."""
        return {
            argument.name: _whole(argument, text.strip()) if argument.kind is ArgumentKind.DAYS else text.strip()
            for argument, text in zip(self.arguments, typed, strict=False)
            if text.strip()
        }


def _whole(argument: Argument, text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise Unreadable(f"{argument.label}: expected a whole number of days")
    return int(text[:9])


def subject_of(name: str, known: Mapping[str, Fact]) -> Subject | None:
    """The fact or measure of a name; None when there is none (any more)."""
    if measure := measure_of(name):
        return Subject(measure.name, measure.kind, measure.unit, measure.dated, measure.arguments)
    fact = known.get(name)
    return Subject(fact.name, fact.kind, fact.unit, fact.past is not None) if fact else None


def fact_of(subject: Subject, typed: tuple[str, ...], known: Mapping[str, Fact]) -> Fact:
    """The fact that a row reads; raises Unreadable for arguments that its measure does not take."""
    measure = measure_of(subject.name)
    if measure is None:
        return known[subject.name]
    try:
        return measure.fact(subject.given(typed))
    except ArgumentError as wrong:
        raise Unreadable(str(wrong)) from None


def subject_choices(known: Mapping[str, Fact]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Facts and measures by where they come from, as (name, label)."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for fact in known.values():
        groups.setdefault(fact.source, []).append((fact.name, fact.label))
    for measure in measures:
        groups.setdefault(measure.source, []).append((measure.name, f"{measure.title} …"))
    return [(source.capitalize(), found) for source, found in groups.items()]
