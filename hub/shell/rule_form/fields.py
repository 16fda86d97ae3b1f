"""The form ready to show: what each row asks for follows from its fact or measure and its operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from hub.accounts.models import LifecycleStage
from hub.registry.facts import Fact, FactKind, known_facts
from hub.registry.measures import Argument, ArgumentKind, chosen_from, suggestions
from hub.rules.language import LISTS, MAX_SUSTAINED_DAYS, OPERATORS, WITHIN, Op
from hub.shell.rule_form.draft import ALL, ANY, ARGUMENTS, NONE, Draft, Group, Row, next_group
from hub.shell.rule_form.subjects import Subject, subject_choices, subject_of
from hub.tenancy.models import Tenant

WORDS: Final[Mapping[Op, str]] = {
    Op.EQ: "is",
    Op.NE: "is not",
    Op.GT: "is more than",
    Op.GTE: "is at least",
    Op.LT: "is less than",
    Op.LTE: "is at most",
    Op.BETWEEN: "is between",
    Op.IN: "is one of",
    Op.NOT_IN: "is none of",
    Op.CONTAINS: "contains",
    Op.CONTAINS_ANY: "contains any of",
    Op.WITHIN_DAYS_BEFORE: "is due within days",
    Op.WITHIN_DAYS_AFTER: "was within the last days",
    Op.WITHIN_DAYS_OF: "is within days of today",
    Op.IS_SET: "is known",
    Op.IS_NOT_SET: "is not known",
}
DAY_WORDS: Final[Mapping[Op, str]] = {
    Op.GT: "is after",
    Op.GTE: "is on or after",
    Op.LT: "is before",
    Op.LTE: "is on or before",
}
MATCHES: Final = ((ALL, "all of these are true"), (ANY, "any of these is true"))
GROUP_MATCHES: Final = ((ANY, "any of these"), (ALL, "all of these"), (NONE, "none of these"))
SENSES: Final = (("", "it is so that"), ("not", "it is not so that"))
_DATED: Final = (FactKind.DATE, FactKind.DATETIME)
_BANDS: Final = (("red", "red"), ("yellow", "yellow"), ("green", "green"))
_YES_NO: Final = (("yes", "yes"), ("no", "no"))


@dataclass(frozen=True, slots=True)
class ArgumentField:
    """One argument of a measure: its field's name, what it asks for, and what is on offer."""

    name: str
    label: str
    value: str
    is_days: bool
    choices: Sequence[tuple[str, str]]
    suggest: str


@dataclass(frozen=True, slots=True)
class Field:
    """A row ready to show: its operators, what kind of value it takes, and the choices when there are few."""

    row: Row
    place: int
    operators: Sequence[tuple[str, str]] = ()
    input_type: str = "text"
    choices: Sequence[tuple[str, str]] = ()
    takes_value: bool = False
    takes_two: bool = False
    hint: str = ""
    arguments: Sequence[ArgumentField] = ()
    unused: Sequence[str] = ARGUMENTS
    may_run: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the form: a row, or a group with its rows."""

    field: Field | None = None
    group: Group | None = None
    fields: tuple[Field, ...] = ()


def builder_context(draft: Draft, tenant: Tenant) -> dict[str, Any]:
    """What the form's template shows of a draft; a form without rows begins with an empty one."""
    known = known_facts()
    # With JSON there are no rows to show, and what is typed stays as it is.
    rows = draft.rows or (() if draft.text is not None else (Row(),))
    fields = [field_of(row, known, tenant.currency, place) for place, row in enumerate(rows)]
    return {
        "draft": draft,
        "lines": _lines(fields, draft.groups),
        "matches": MATCHES,
        "longest_run": MAX_SUSTAINED_DAYS,
        "names": [(suggestion.key, suggestion.provide()) for suggestion in suggestions if not suggestion.choices],
        **_choices_context(known),
    }


def row_context(row: Row, tenant: Tenant) -> dict[str, Any]:
    """What one row's template shows."""
    known = known_facts()
    return {"field": field_of(row, known, tenant.currency, 0), **_choices_context(known)}


def group_context(groups: Sequence[Group], tenant: Tenant) -> dict[str, Any]:
    """What the template of a further group shows: the group with an empty row."""
    known = known_facts()
    group = Group(next_group(groups))
    field = field_of(Row(group=group.id), known, tenant.currency, 0)
    return {"line": Line(group=group, fields=(field,)), **_choices_context(known)}


def _choices_context(known: Mapping[str, Fact]) -> dict[str, Any]:
    return {
        "subjects": subject_choices(known),
        "senses": SENSES,
        "group_matches": GROUP_MATCHES,
        "longest_run": MAX_SUSTAINED_DAYS,
    }


def _lines(fields: Sequence[Field], groups: Sequence[Group]) -> list[Line]:
    known = {group.id: group for group in groups}
    lines: dict[str, Line] = {}
    for field in fields:
        group = known.get(field.row.group)
        if group is None:
            lines[f"row {field.place}"] = Line(field)
        else:
            before = lines.get(group.id, Line(group=group))
            lines[group.id] = replace(before, fields=(*before.fields, field))
    return list(lines.values())


def field_of(row: Row, known: Mapping[str, Fact], currency: str, place: int = 0) -> Field:
    """A row with what its fact and operator ask for; an operator that the fact does not take gives way to its first."""
    subject = subject_of(row.fact, known)
    if subject is None:
        return Field(Row(problem=row.problem, group=row.group), place)
    allowed = OPERATORS[subject.kind]
    op = Op(row.op) if row.op in allowed else allowed[0]
    words = {**WORDS, **DAY_WORDS} if subject.kind in _DATED else WORDS
    many = op in LISTS
    return Field(
        row=replace(row, fact=subject.name, op=str(op), running=row.running if subject.dated else ""),
        place=place,
        operators=[(str(each), words[each]) for each in allowed],
        input_type="text" if many else "date" if subject.kind in _DATED and op not in WITHIN else "text",
        choices=() if many else _value_choices(subject),
        takes_value=op not in (Op.IS_SET, Op.IS_NOT_SET),
        takes_two=op is Op.BETWEEN,
        hint=_hint(subject, op, currency),
        arguments=_arguments(subject, row.arguments),
        unused=ARGUMENTS[len(subject.arguments) :],
        may_run=subject.dated,
    )


def _arguments(subject: Subject, typed: Sequence[str]) -> list[ArgumentField]:
    found = []
    for place, (name, argument) in enumerate(zip(ARGUMENTS, subject.arguments, strict=False)):
        given = typed[place] if place < len(typed) else ""
        value = given or ("" if argument.default is None else str(argument.default))
        days = argument.kind is ArgumentKind.DAYS
        found.append(
            ArgumentField(
                name, argument.label, value, days, () if days else _offered(argument, value), argument.suggest
            )
        )
    return found


def _offered(argument: Argument, value: str) -> Sequence[tuple[str, str]]:
    if named := chosen_from(argument.suggest):
        known = {key for key, _ in named}
        # What is gone still shows, or saving the form would change the rule silently.
        gone = [(value, value)] if value and value not in known else []
        return (("", "choose"), *gone, *named)
    if not argument.choices:
        return ()
    return argument.choices if argument.default is None else (("", "any"), *argument.choices)


def _hint(subject: Subject, op: Op, currency: str) -> str:
    if op in WITHIN:
        return "days"
    if op in LISTS:
        return "with commas between"
    return currency if subject.kind is FactKind.MONEY else subject.unit


def _value_choices(subject: Subject) -> Sequence[tuple[str, str]]:
    if subject.kind is FactKind.BOOLEAN:
        return _YES_NO
    if subject.name == "health_band":
        return _BANDS
    return LifecycleStage.choices if subject.name == "stage" else ()
