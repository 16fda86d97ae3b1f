"""What a person may say about each kind of node: the fields of its form, how they are shown and read back.

Pure; no Django. A step's folder registers a ``NodeForm`` beside its ``NodeKind``; the builder makes the form from it,
so no template knows a kind. Names of inputs are ``f.<field>``, with a further part where a field has several
(``f.timeout.count``); a field's name is the path in the node's config, ``reentry/rule`` for what lies deeper. What is
typed is kept as typed until it can be read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeAlias

from hub.registry.base import Registry
from hub.registry.facts import known_facts
from journeys.config_paths import value_at
from journeys.node_kinds import DAYS, MOST_HOURS, Config
from journeys.waits import WEEKDAYS, WaitError, parse_wait
from journeys.wordings import BLANK_ROW, check_wordings, typed_rows, wording_rows

Options: TypeAlias = Sequence[tuple[str, str]]
Given: TypeAlias = Mapping[str, Sequence[str]]
"""Inputs as they were sent: every value by name."""
Offers: TypeAlias = Mapping[str, Options]
"""What the tenant offers: ``signal``, ``segment``, ``template``, ``playbook``, ``recipients`` (the roles),
``dates`` (days of the account)."""
LONGEST: Final = 20_000
_UNITS: Final = ("minutes", "hours", "days", "business_days", "until")
NOWHERE: Final = "?"
"""In the blank config of a kind: a way out whose target the builder fills in."""


class FieldKind(StrEnum):
    """What a field asks for; each is shown and read in its own way."""

    TEXT = "text"
    LONG = "long"
    CHOICE = "choice"
    NUMBER = "number"
    FLAG = "flag"
    RECIPIENTS = "recipients"
    WAIT = "wait"
    RULE = "rule"
    SIGNAL = "signal"
    SEGMENT = "segment"
    PLAYBOOK = "playbook"
    JSON = "json"
    TEMPLATE = "template"
    TOPIC = "topic"
    WORDINGS = "wordings"
    WAY = "way"


OFFERED: Final = (
    FieldKind.SIGNAL,
    FieldKind.SEGMENT,
    FieldKind.TEMPLATE,
    FieldKind.TOPIC,
    FieldKind.PLAYBOOK,
    FieldKind.RECIPIENTS,
)
"""Kinds whose options are the tenant's own."""


@dataclass(frozen=True, slots=True)
class NodeField:
    """A field of a node's form. ``choices``: the options of a CHOICE, or where to ask for them when the form is shown.

    A RULE is made with the rule builder that triggers and segments share; a form has at most one. ``optional``: an
    empty input leaves the field out of the config. ``liquid``: the text may use the words of messages. ``dates``: a
    WAIT may be until a day of the account. A WAY is a way out that may be there or not.
    """

    name: str
    label: str
    kind: FieldKind = FieldKind.TEXT
    help: str = ""
    optional: bool = False
    choices: Options | Callable[[], Options] = ()
    least: int = 0
    most: int = 10_000
    liquid: bool = False
    dates: bool = False


@dataclass(frozen=True, slots=True)
class Arms:
    """The ways out that a person may add to and take from: a list in the config under ``name``.

    ``target``: the field of an arm that names the node it leads to. ``blank``: a new arm without its target.
    """

    name: str
    noun: str
    fields: tuple[NodeField, ...]
    blank: Config
    target: str = "next"
    least: int = 1
    most: int = 10


@dataclass(frozen=True, slots=True)
class NodeForm:
    """The form of a node kind (same key) and the config that a new node begins with.

    ``blank`` holds every way out with the target ``NOWHERE``. ``acts``: the form asks what to do when the step is late.
    ``offered``: whether the "+" menu lists it, with ``what`` it is for.
    """

    key: str
    fields: tuple[NodeField, ...]
    blank: Config = field(default_factory=dict)
    arms: Arms | None = None
    acts: bool = False
    offered: bool = True
    order: int = 100
    what: str = ""

    @property
    def all_fields(self) -> tuple[NodeField, ...]:
        return (*self.fields, LATE) if self.acts else self.fields


node_forms: Registry[NodeForm] = Registry("node form")

LATE: Final = NodeField(
    "late",
    "When it comes up too late",
    FieldKind.CHOICE,
    "After an outage or a pause, a step may come up long after its time.",
    optional=True,
    choices=(("", "do it all the same"), ("skip", "leave it out"), ("run_latest", "only the latest of several")),
)


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait rule as its inputs show it; ``text`` is the rule as JSON where the inputs cannot."""

    unit: str = "days"
    count: str = "3"
    at: str = ""
    weekdays: tuple[str, ...] = ()
    text: str = ""
    date: str = ""
    side: str = "before"


NO_WAIT: Final = Wait("", "", "")


@dataclass(frozen=True, slots=True)
class Shown:
    """A field ready to show: ``value`` for one input; ``roles`` and ``fallback``, ``wait`` or ``rows`` for several."""

    field: NodeField
    value: str = ""
    options: Options = ()
    roles: tuple[str, ...] = ()
    wait: Wait = Wait()
    rows: Sequence[tuple[str, str, str]] = ()
    problem: str = ""

    @property
    def input(self) -> str:
        return f"f.{self.field.name}"


def show(asked: NodeField, config: Config, offers: Offers) -> Shown:
    """A field with what the config says."""
    value = value_at(config, asked.name)
    options = _options(asked, value, offers)
    match asked.kind:
        case FieldKind.RECIPIENTS:
            to = value if isinstance(value, Mapping) else {}
            return Shown(asked, str(to.get("fallback", "")), options, tuple(map(str, to.get("roles") or ())))
        case FieldKind.WAIT:
            # An optional wait that is not set shows as none, or saving the form would set it.
            wait = _wait_shown(value, dates=asked.dates) if value or not asked.optional else NO_WAIT
            return Shown(asked, options=_with_date(options, wait), wait=wait)
        case FieldKind.FLAG:
            return Shown(asked, "1" if value else "")
        case FieldKind.WORDINGS:
            return Shown(asked, rows=wording_rows(value))
        case FieldKind.JSON:
            return Shown(asked, "" if value is None else json.dumps(value, indent=2, ensure_ascii=False))
        case _:
            return Shown(asked, "" if value is None else str(value), options)


def show_typed(asked: NodeField, given: Given, offers: Offers, problem: str = "") -> Shown:
    """A field as it was typed."""
    one = _first(given, f"f.{asked.name}")
    options = _options(asked, one, offers)
    if asked.kind is FieldKind.RECIPIENTS:
        roles = tuple(given.get(f"f.{asked.name}.role", ()))
        return Shown(asked, _first(given, f"f.{asked.name}.fallback"), options, roles, problem=problem)
    if asked.kind is FieldKind.WAIT:
        wait = _wait_typed(asked, given)
        return Shown(asked, options=_with_date(options, wait), wait=wait, problem=problem)
    if asked.kind is FieldKind.WORDINGS:
        return Shown(asked, rows=[*typed_rows(given, f"f.{asked.name}"), BLANK_ROW], problem=problem)
    return Shown(asked, one, options, problem=problem)


def _options(asked: NodeField, value: object, offers: Offers) -> Options:
    if asked.kind is FieldKind.WAIT:
        return offers.get("dates", ()) if asked.dates else ()
    if asked.kind in OFFERED:
        found = offers.get(str(asked.kind), ())
    else:
        found = asked.choices() if callable(asked.choices) else asked.choices
    known = {key for key, _ in found}
    # What is gone still shows, or saving the form would change the node silently.
    gone = [(value, value)] if isinstance(value, str) and value and value not in known else []
    return [*found, *gone] if asked.kind is not FieldKind.RECIPIENTS else found


def _with_date(options: Options, wait: Wait) -> Options:
    """The days on offer with the one that is chosen, although it may be gone."""
    gone = wait.date and wait.date not in {key for key, _ in options}
    return [*options, (wait.date, wait.date)] if gone else options


def _wait_shown(raw: object, *, dates: bool) -> Wait:
    if raw is None or raw == {}:
        return Wait()
    try:
        parse_wait(raw, dates=True)
    except WaitError:
        return Wait("json", text=json.dumps(raw))
    assert isinstance(raw, Mapping)
    if "date" in raw and dates:
        offset = int(raw.get("offset_days", 0))
        return Wait(
            "date", str(abs(offset)), str(raw.get("at", "")), date=raw["date"], side="after" if offset > 0 else "before"
        )
    unit = next((unit for unit in _UNITS if unit in raw), "")
    if not unit:
        return Wait("json", text=json.dumps(raw))
    if unit == "until":
        return Wait(unit, "", str(raw["until"]), tuple(raw.get("weekdays") or WEEKDAYS))
    return Wait(unit, str(raw[unit]), str(raw.get("at", "")))


def _wait_typed(asked: NodeField, given: Given) -> Wait:
    def part(name: str) -> str:
        return _first(given, f"f.{asked.name}.{name}")

    weekdays = tuple(given.get(f"f.{asked.name}.weekday", ()))
    return Wait(part("unit"), part("count"), part("at"), weekdays, part("text"), part("date"), part("side"))


# --- Reading --------------------------------------------------------------------------------


class Unread(ValueError):
    """An input that says nothing the config could hold; the message is for people."""


@dataclass(frozen=True, slots=True)
class Read:
    """What a form says: the config's new fields by path (None: left out), and what is wrong, by field."""

    values: Mapping[str, Any]
    problems: Mapping[str, str]


def read(fields: Sequence[NodeField], given: Given) -> Read:
    """Everything that the inputs of a form say; rules are read by the rule builder."""
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for asked in fields:
        if asked.kind is FieldKind.RULE:
            continue
        try:
            values[asked.name] = _value(asked, given)
        except Unread as error:
            problems[asked.name] = str(error)
    return Read(values, problems)


def _value(asked: NodeField, given: Given) -> Any:
    match asked.kind:
        case FieldKind.RECIPIENTS:
            roles = [role for role in given.get(f"f.{asked.name}.role", ()) if role]
            return {"roles": list(dict.fromkeys(roles)), "fallback": _first(given, f"f.{asked.name}.fallback")}
        case FieldKind.WAIT:
            return _wait_value(asked, _wait_typed(asked, given))
        case FieldKind.FLAG:
            return bool(_first(given, f"f.{asked.name}")) or None
        case FieldKind.WORDINGS:
            return _wordings(typed_rows(given, f"f.{asked.name}"))
    text = _first(given, f"f.{asked.name}").strip()
    if not text and asked.optional:
        return None
    if asked.kind is FieldKind.NUMBER:
        return _number(asked, text)
    if asked.kind is FieldKind.JSON:
        return _json(text)
    if len(text) > LONGEST:
        raise Unread(f"longer than {LONGEST} characters")
    return text.replace("\r\n", "\n")


def _wordings(rows: Sequence[tuple[str, str, str]]) -> Any:
    found = {locale: {"subject": subject, "body": body} for locale, subject, body in rows}
    if len(found) < len(rows):
        raise Unread("one language is there twice")
    for _, message in check_wordings({"variants": found}):
        raise Unread(message)
    return found or None


def _number(asked: NodeField, text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and asked.least <= int(text[:12]) <= asked.most):
        raise Unread(f"a whole number from {asked.least} to {asked.most}")
    return int(text)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Unread("this is not JSON") from None


def _wait_value(asked: NodeField, typed: Wait) -> Any:
    raw = _wait_raw(typed)
    if raw is None and asked.optional:
        return None
    try:
        parse_wait(raw, dates=True)
    except WaitError as error:
        raise Unread(str(error)) from None
    return raw


def _wait_raw(typed: Wait) -> Any:
    if typed.unit == "json":
        return _json(typed.text)
    if typed.unit == "until":
        days = [day for day in WEEKDAYS if day in typed.weekdays]
        return {"until": typed.at} | ({"weekdays": days} if days and len(days) < len(WEEKDAYS) else {})
    count: Any = int(typed.count[:9]) if typed.count.isascii() and typed.count.isdigit() else typed.count
    if typed.unit == "date":
        return _on_date(typed, count)
    if not typed.unit:
        return None
    with_time = typed.at and typed.unit in ("days", "business_days")
    return {typed.unit: count} | ({"at": typed.at} if with_time else {})


def _on_date(typed: Wait, count: Any) -> Any:
    if not typed.date:
        raise Unread("choose the date")
    if typed.count and not isinstance(count, int):
        raise Unread("say how many days before or after it, 0 for the day itself")
    offset = (count or 0) * (1 if typed.side == "after" else -1)
    return {"date": typed.date} | ({"offset_days": offset} if offset else {}) | ({"at": typed.at} if typed.at else {})


def days_known() -> Options:
    """Facts that are a day."""
    found = ((name, fact.label) for name, fact in known_facts().items() if fact.kind in DAYS)
    return sorted(found, key=lambda option: option[1])


def _first(given: Given, name: str) -> str:
    values = given.get(name) or ("",)
    return str(values[0])


# --- The forms of the kinds that ship -------------------------------------------------------

TO: Final = NodeField("to", "To", FieldKind.RECIPIENTS, "Everybody with the first of these roles that anybody holds.")
CLASS: Final = NodeField(
    "class",
    "Class",
    FieldKind.CHOICE,
    "Decides which consent, caps and quiet hours hold.",
    choices=(
        ("service", "service: asked for, or part of using the hub"),
        ("relationship", "relationship: from the CSM"),
        ("programme", "programme: marketing, advocacy, newsletter"),
    ),
)
TOPIC: Final = NodeField("topic", "Topic", FieldKind.TOPIC, "What people agree to or refuse.", optional=True)
for _form in (
    NodeForm(
        "task",
        (
            NodeField("title", "Task", liquid=True),
            NodeField(
                "owner",
                "For",
                FieldKind.CHOICE,
                choices=(("account_owner", "the account's owner"), ("marketing", "marketing")),
            ),
            NodeField("body", "What to do", FieldKind.LONG, "The playbook of this task.", True, liquid=True),
            NodeField("due_business_days", "Due in business days", FieldKind.NUMBER, optional=True, most=90),
            NodeField("playbook", "Playbook", FieldKind.PLAYBOOK, "Its steps and what to say.", True),
            NodeField(
                "respond_hours",
                "To be begun within hours",
                FieldKind.NUMBER,
                "Empty: as the playbook says, else the tenant.",
                True,
                least=1,
                most=MOST_HOURS,
            ),
        ),
        {"title": "", "owner": "account_owner", "due_business_days": 2, "next": NOWHERE},
        acts=True,
        order=30,
        what="A person does something, with a playbook and a time to begin.",
    ),
    NodeForm(
        "wait",
        (
            NodeField("rule", "How long", FieldKind.WAIT, dates=True),
            NodeField(
                "on_missing",
                "Accounts without the date go on by a way of their own",
                FieldKind.WAY,
                "Else they leave the journey, and the reason says so.",
                True,
            ),
        ),
        {"rule": {"days": 3, "at": "09:00"}, "next": NOWHERE},
        order=40,
        what="Some time, until an hour or a weekday, or until a date of the account.",
    ),
    NodeForm(
        "wait_for",
        (
            NodeField("signal", "Until this signal comes", FieldKind.SIGNAL),
            NodeField("timeout", "At most", FieldKind.WAIT),
        ),
        {"signal": "", "timeout": {"business_days": 5, "at": "09:00"}, "on_timeout": NOWHERE, "next": NOWHERE},
        order=50,
        what="Goes on when it comes; goes another way when the time is over.",
    ),
    NodeForm(
        "branch",
        (),
        {"cases": [{"next": NOWHERE}], "else": NOWHERE},
        Arms(
            "cases",
            "case",
            (
                NodeField("label", "Name", help="Shown above its way.", optional=True),
                NodeField("when", "Taken when", FieldKind.RULE),
            ),
            {},
        ),
        order=60,
        what="Goes the first way whose condition is true of the account.",
    ),
    NodeForm(
        "goal",
        (NodeField("label", "Goal"), NodeField("when", "Reached when", FieldKind.RULE)),
        {"label": ""},
        offered=False,
        order=70,
    ),
    NodeForm(
        "exit", (NodeField("reason", "Why", help="Shown where it ended.", optional=True),), {}, offered=False, order=80
    ),
):
    node_forms.register(_form)
