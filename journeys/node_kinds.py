"""What a graph must know of each kind of node: its exits, its fields, its sentence.

A step's own folder registers its kind here; the graph itself has no list of kinds.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from hub.registry.base import Registry
from hub.registry.facts import Fact, FactKind
from hub.rules.explain import sentence
from hub.rules.language import RuleError, parse
from journeys import awaiting
from journeys.experiments.arms import arms_of, check_arms
from journeys.waits import OnDate, WaitError, date_of, describe, parse_wait
from journeys.wordings import check_wordings

Config: TypeAlias = Mapping[str, Any]
FALLBACKS: Final = {
    "any_contact": "else any contact",
    "task": "else a task for the owner",
    "skip": "else nobody",
}
MESSAGE_CLASSES: Final = ("service", "relationship", "programme")
DAYS: Final = (FactKind.DATE, FactKind.DATETIME)
"""Kinds of facts that a wait or an entry by date may name."""
MOST_HOURS: Final = 2_160
"""Of a task's time to begin: 90 days."""
LATE_POLICIES: Final = ("skip", "run_latest", "run_now")


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a node's field; ``field`` is a JSON pointer inside the node."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Port:
    """A way out of a node: its name, the field's JSON pointer, and the node it leads to ("" = none)."""

    name: str
    pointer: str
    target: str


Flaws: TypeAlias = Iterable[Flaw]
Ports: TypeAlias = list[Port]


def port(name: str, pointer: str, target: object) -> Port:
    """A port to whatever was written as its target, "" for nothing; what is no id is no known node."""
    return Port(name, pointer, str(target) if target else "")


def _single_port(config: Config) -> Ports:
    return [port("next", "/next", config.get("next"))]


def _no_ports(config: Config) -> Ports:
    return []


@dataclass(frozen=True, slots=True)
class NodeKind:
    """A kind of node.

    ``fields``: names a node may have besides ``id``, ``kind``, ``next`` and ``late``; those in
    ``required`` must be there. ``takes_time``: an enrollment rests here, so a cycle through it
    does not spin. ``timing``: the fields whose change re-times those who wait. ``templates``: the fields that are
    templates; publishing checks their words.
    """

    key: str
    title: str
    check: Callable[[Config, Mapping[str, Fact]], Flaws]
    words: Callable[[Config, Mapping[str, Fact]], str]
    required: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    ports: Callable[[Config], Ports] = _single_port
    takes_time: bool = False
    timing: frozenset[str] = frozenset()
    templates: tuple[str, ...] = ()
    order: int = 100


node_kinds: Registry[NodeKind] = Registry("node kind")


# --- checks shared by kinds -----------------------------------------------------------------


def check_text(config: Config, *names: str) -> Flaws:
    """Each of ``names`` must be a text that is not blank."""
    for name in names:
        if name in config and not isinstance(config[name], str):
            yield Flaw(f"/{name}", f"{name} must be a text")
        elif name in config and not config[name].strip():
            yield Flaw(f"/{name}", f"{name.replace('_', ' ')} is empty")


def check_choice(config: Config, name: str, choices: Iterable[str]) -> Flaws:
    """``name`` must be one of ``choices`` if it is there."""
    known = tuple(choices)
    if name in config and config[name] not in known:
        yield Flaw(f"/{name}", f"{name} must be one of {', '.join(known)}")


def check_rule(raw: object, pointer: str, facts: Mapping[str, Fact]) -> Flaws:
    """``raw`` must be a rule over ``facts``."""
    try:
        parse(raw, facts)
    except RuleError as error:
        yield from (Flaw(f"{pointer}{p.pointer}", p.message) for p in error.problems)


def check_wait(raw: object, pointer: str) -> Flaws:
    """``raw`` must be a wait rule."""
    try:
        parse_wait(raw)
    except WaitError as error:
        yield Flaw(pointer, str(error))


def check_date(raw: object, pointer: str, facts: Mapping[str, Fact]) -> Flaws:
    """``raw`` must be a wait rule; one by date must name a fact that is a day."""
    try:
        rule = parse_wait(raw, dates=True)
    except WaitError as error:
        yield Flaw(pointer, str(error))
        return
    if isinstance(rule, OnDate) and (rule.fact not in facts or facts[rule.fact].kind not in DAYS):
        yield Flaw(f"{pointer}/date", f"{rule.fact!r} is no fact that is a day")


def check_recipients(config: Config) -> Flaws:
    """``to`` names roles in order of preference and what to do when nobody holds one."""
    to = config.get("to")
    if not isinstance(to, Mapping):
        yield Flaw("/to", "to must say roles and a fallback")
        return
    roles = to.get("roles")
    if not isinstance(roles, list) or not roles or not all(isinstance(r, str) and r for r in roles):
        yield Flaw("/to/roles", "name at least one role")
    if "fallback" not in to:
        choices = ", ".join(FALLBACKS)
        yield Flaw("/to/fallback", f"say what happens when no contact has the role: {choices}")
    elif str(to["fallback"]) not in FALLBACKS:
        yield Flaw("/to/fallback", f"fallback must be one of {', '.join(FALLBACKS)}")


def recipients(config: Config) -> str:
    """``to`` in words."""
    to = config.get("to") or {}
    roles = " or ".join(role.replace("_", " ") for role in to.get("roles", ()))
    return f"the {roles or 'contact'} ({FALLBACKS.get(to.get('fallback', ''), 'no fallback')})"


def rule_words(raw: object, facts: Mapping[str, Fact]) -> str:
    """A rule in words, or that it cannot be read."""
    if raw is None:
        return "a condition is true that nobody has set yet"
    try:
        return sentence(parse(raw, facts))
    except RuleError:
        return "an unreadable rule is true"


def wait_words(raw: object) -> str:
    """A wait rule in words, or that it cannot be read."""
    try:
        return describe(parse_wait(raw, dates=True))
    except WaitError:
        return "wait for an unreadable time"


# --- the kinds of the first journeys --------------------------------------------------------


def _check_message(config: Config, facts: Mapping[str, Fact]) -> Flaws:
    yield from check_recipients(config)
    yield from check_text(config, "subject", "title", "body", "topic", "template")
    yield from check_choice(config, "class", MESSAGE_CLASSES)
    yield from (Flaw(*flaw) for flaw in (*check_wordings(config), *check_arms(config)))


def _check_task(config: Config, facts: Mapping[str, Fact]) -> Flaws:
    yield from check_text(config, "title", "body")
    yield from check_choice(config, "owner", ("account_owner", "marketing"))
    due = config.get("due_business_days", 1)
    if type(due) is not int or not 0 <= due <= 90:
        yield Flaw("/due_business_days", "due_business_days must be a whole number from 0 to 90")
    yield from check_text(config, "playbook")
    hours = config.get("respond_hours", 48)
    if type(hours) is not int or not 1 <= hours <= MOST_HOURS:
        yield Flaw("/respond_hours", f"respond_hours must be a whole number from 1 to {MOST_HOURS}")


def _check_wait(config: Config, facts: Mapping[str, Fact]) -> Flaws:
    yield from check_date(config.get("rule"), "/rule", facts)
    if "on_missing" in config and not date_of(config.get("rule")):
        yield Flaw("/on_missing", "only a wait until a date can miss it")
    yield from (Flaw(*flaw) for flaw in check_arms(config))
    for index, arm in enumerate(arms_of(config)):
        yield from check_wait(arm["rule"], f"/arms/{index}/rule") if "rule" in arm else ()


def _wait_ports(config: Config) -> Ports:
    missing = [port("missing", "/on_missing", config["on_missing"])] if config.get("on_missing") else []
    return [port("next", "/next", config.get("next")), *missing]


def check_wait_for(config: Config, facts: Mapping[str, Fact]) -> Flaws:
    yield from (Flaw(*flaw) for flaw in awaiting.check(config))
    yield from check_text(config, "signal")
    yield from check_wait(config.get("timeout"), "/timeout")


def wait_for_words(config: Config, facts: Mapping[str, Fact]) -> str:
    longest = wait_words(config.get("timeout")).removeprefix("wait ")
    return f"wait for {awaiting.words(config)}, at most {longest}"


def wait_for_ports(config: Config) -> Ports:
    arms = [port(f"arm:{n}", f"/arms/{n}/next", arm.get("next")) for n, arm in enumerate(awaiting.arms_of(config))]
    first = arms if "arms" in config else [port("next", "/next", config.get("next"))]
    return [*first, port("timeout", "/on_timeout", config.get("on_timeout"))]


def _cases(config: Config) -> list[Config]:
    cases = config.get("cases")
    return [c for c in cases if isinstance(c, Mapping)] if isinstance(cases, list) else []


def _check_branch(config: Config, facts: Mapping[str, Fact]) -> Flaws:
    cases = _cases(config)
    if not cases:
        yield Flaw("/cases", "a branch has at least one case")
    for index, case in enumerate(cases):
        yield from check_rule(case.get("when"), f"/cases/{index}/when", facts)
    if not config.get("else"):
        yield Flaw("/else", "a branch says where everybody else goes")


def _branch_ports(config: Config) -> Ports:
    cases = [
        port(f"case:{index}", f"/cases/{index}/next", case.get("next")) for index, case in enumerate(_cases(config))
    ]
    # A missing else is the branch's own flaw; as a port it would be told twice.
    otherwise = [port("else", "/else", config["else"])] if config.get("else") else []
    return cases + otherwise


def _branch_words(config: Config, facts: Mapping[str, Fact]) -> str:
    return "; otherwise ".join(f"if {rule_words(case.get('when'), facts)}" for case in _cases(config))


def _check_goal(config: Config, facts: Mapping[str, Fact]) -> Flaws:
    yield from check_text(config, "label")
    yield from check_rule(config.get("when"), "/when", facts)


_MESSAGE_FIELDS = frozenset({"to", "class", "topic", "expires", "template", "variants", "arms"})

for _kind in (
    NodeKind(
        key="email",
        title="E-mail",
        required=frozenset({"to", "subject", "body", "class"}),
        fields=_MESSAGE_FIELDS | {"subject", "body", "action_url"},
        check=_check_message,
        words=lambda c, f: f"e-mail “{c.get('subject', '')}” to {recipients(c)}",
        templates=("subject", "body"),
        order=10,
    ),
    NodeKind(
        key="in_hub_message",
        title="Message in the hub",
        required=frozenset({"to", "title", "body", "class"}),
        fields=_MESSAGE_FIELDS | {"title", "body", "action_url"},
        check=_check_message,
        words=lambda c, f: f"show “{c.get('title', '')}” in the hub to {recipients(c)}",
        templates=("title", "body"),
        order=20,
    ),
    NodeKind(
        key="task",
        title="Task",
        required=frozenset({"title", "owner"}),
        fields=frozenset({"title", "owner", "body", "due_business_days", "playbook", "respond_hours"}),
        check=_check_task,
        words=lambda c, f: f"task “{c.get('title', '')}” for the {str(c.get('owner', '')).replace('_', ' ')}",
        templates=("title", "body"),
        order=30,
    ),
    NodeKind(
        key="wait",
        title="Wait",
        required=frozenset({"rule"}),
        fields=frozenset({"rule", "on_missing", "arms"}),
        check=_check_wait,
        words=lambda c, f: wait_words(c.get("rule")),
        ports=_wait_ports,
        takes_time=True,
        timing=frozenset({"rule"}),
        order=40,
    ),
    NodeKind(
        key="wait_for",
        title="Wait for a signal",
        required=frozenset({"signal", "timeout", "on_timeout"}),
        fields=frozenset({"signal", "scope", "timeout", "on_timeout"}),
        check=check_wait_for,
        words=wait_for_words,
        ports=wait_for_ports,
        takes_time=True,
        timing=frozenset({"timeout", "signal"}),
        order=50,
    ),
    NodeKind(
        key="branch",
        title="Branch",
        required=frozenset({"cases"}),
        fields=frozenset({"cases", "else"}),
        check=_check_branch,
        words=_branch_words,
        ports=_branch_ports,
        order=60,
    ),
    NodeKind(
        key="goal",
        title="Goal",
        required=frozenset({"label", "when"}),
        fields=frozenset({"label", "when"}),
        check=_check_goal,
        words=lambda c, f: f"goal “{c.get('label', '')}”: {rule_words(c.get('when'), f)}",
        ports=_no_ports,
        order=70,
    ),
    NodeKind(
        key="exit",
        title="Exit",
        fields=frozenset({"reason"}),
        check=lambda c, f: check_text(c, "reason"),
        words=lambda c, f: f"leave ({c['reason']})" if c.get("reason") else "leave",
        ports=_no_ports,
        order=80,
    ),
):
    node_kinds.register(_kind)
