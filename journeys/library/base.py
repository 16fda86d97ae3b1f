"""What a ready journey is made of, and the short forms that its graph is written in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hub.outbox.gates import Purpose
from hub.work.playbooks import Content, Spec

STAGES: Final = {
    "onboarding": "Onboarding",
    "adoption": "Adoption",
    "value": "Value",
    "renewal": "Renewal",
    "expansion": "Expansion",
    "advocacy": "Advocacy",
    "churned": "After churn",
}
"""Where in a customer's life a journey belongs, in order."""
NodeConfig = dict[str, Any]
Rule = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Proof:
    """What proves that a message's one primary action was taken: a signal that the graph waits for, a fact that its
    goals or branches read, or a measure of theirs. ``words`` say it to people."""

    words: str
    signal: str = ""
    fact: str = ""


@dataclass(frozen=True)
class ReadyJourney:
    """A journey as it is installed: its first version's graph and the NRR hypothesis that it is registered with.

    ``stage`` is a key of `STAGES`. ``playbooks`` are those that its tasks name, ``proofs`` say by node what proves a
    message's action, ``needs`` name what the tenant has to have (`journeys.library.needs`) beside its triggers.
    """

    key: str
    name: str
    description: str
    purpose: Purpose
    owner: str
    hypothesis: dict[str, str]
    graph: dict[str, Any]
    stage: str = "onboarding"
    playbooks: tuple[Spec, ...] = ()
    proofs: Mapping[str, Proof] = field(default_factory=dict)
    needs: tuple[str, ...] = ()


# --- Words of messages --------------------------------------------------------------------------------------------


def button(url: str, label: str) -> str:
    """The one primary action of a message; the letter's style makes a link in a heading a button."""
    return f'<h2><a href="{url}">{label}</a></h2>'


GREETING = "<p>Hi{% if contact.first_name != '' %} {{ contact.first_name }}{% endif %},</p>"
SIGNED_CSM = "<p>{% if csm.first_name != '' %}{{ csm.first_name }}, {% endif %}{{ company.name }}</p>"
HUB = "{{ hub_url }}"
PLAN = "{{ plan_url }}"
WRITE = "{% if csm.email != '' %}mailto:{{ csm.email }}{% else %}{{ hub_url }}{% endif %}"
"""The address of whoever looks after the account; the hub where nobody does."""


def letter(text: str, url: str, label: str, after: str = "") -> str:
    """The body of a message from the CSM: paragraphs, its one action, what stands below it."""
    return f"{GREETING}{text}{button(url, label)}{after}{SIGNED_CSM}"


# --- Steps --------------------------------------------------------------------------------------------------------

CHAMPION = {"roles": ["champion", "admin"], "fallback": "any_contact"}
SPONSOR = {"roles": ["executive_sponsor", "decision_maker"], "fallback": "task"}
DOER = {"roles": ["champion", "admin", "user"], "fallback": "any_contact"}
BUYER = {"roles": ["champion", "decision_maker"], "fallback": "any_contact"}


def mail(
    node: str, to: Mapping[str, Any], subject: str, body: str, then: str, *, kind: str = "relationship",
    topic: str = "success",
) -> NodeConfig:  # fmt: skip
    """An e-mail; ``kind`` is its message class. One that comes up too late is left out."""
    return {
        "id": node, "kind": "email", "class": kind, "topic": topic, "to": dict(to), "subject": subject, "body": body,
        "late": "skip", "next": then,
    }  # fmt: skip


def note(
    node: str, to: Mapping[str, Any], title: str, body: str, then: str, *, kind: str = "relationship",
    topic: str = "success",
) -> NodeConfig:  # fmt: skip
    """A message in the customer's hub."""
    return {
        "id": node, "kind": "in_hub_message", "class": kind, "topic": topic, "to": dict(to), "title": title,
        "body": body, "next": then,
    }  # fmt: skip


def task(node: str, title: str, body: str, playbook: str, then: str, *, days: int = 2, hours: int = 0) -> NodeConfig:
    """A task for the account's owner, due in business days; ``hours``: to be begun sooner than the playbook says."""
    sooner = {"respond_hours": hours} if hours else {}
    return {
        "id": node, "kind": "task", "owner": "account_owner", "title": title, "body": body, "due_business_days": days,
        "playbook": playbook, **sooner, "next": then,
    }  # fmt: skip


def wait(node: str, then: str, **rule: Any) -> NodeConfig:
    """A wait: ``business_days=3``, ``days=30``, ``date="renews_on", offset_days=-90``."""
    at = {} if "hours" in rule else {"at": "09:00"}
    return {"id": node, "kind": "wait", "rule": {**rule, **at}, "next": then}


def wait_date(node: str, then: str, fact: str, offset: int, missing: str) -> NodeConfig:
    """A wait until days before or after a day of the account; without the day it goes on elsewhere."""
    return wait(node, then, date=fact, offset_days=offset) | {"on_missing": missing}


def wait_for(node: str, signal: str, then: str, otherwise: str, **timeout: Any) -> NodeConfig:
    """A wait for a signal, with what happens when it does not come."""
    return {
        "id": node, "kind": "wait_for", "signal": signal, "timeout": {**timeout, "at": "09:00"},
        "on_timeout": otherwise, "next": then,
    }  # fmt: skip


def branch(node: str, label: str, when: Rule, then: str, otherwise: str) -> NodeConfig:
    """One case and everybody else."""
    return {
        "id": node, "kind": "branch", "cases": [{"label": label, "when": when, "next": then}], "else": otherwise,
    }  # fmt: skip


def goal(node: str, label: str, when: Rule) -> NodeConfig:
    return {"id": node, "kind": "goal", "label": label, "when": when}


def leave(node: str = "end", reason: str = "") -> NodeConfig:
    return {"id": node, "kind": "exit"} | ({"reason": reason} if reason else {})


def fact(name: str, op: str, value: Any = None, **given: Any) -> Rule:
    """A comparison; arguments of a measure by their names."""
    rule: Rule = {"fact": name, "op": op} | ({"with": given} if given else {})
    return rule if value is None else rule | {"value": value}


def graph(entry: Mapping[str, Any], *nodes: NodeConfig, **more: Any) -> dict[str, Any]:
    """A graph that starts with the first node."""
    return {"schema": 1, "entry": dict(entry), "start": nodes[0]["id"], "nodes": list(nodes), **more}


def on(trigger: str, *, again: int = 0, **more: Any) -> dict[str, Any]:
    """Begins with a signal: again after finishing, or with ``again`` after so many days."""
    reentry = {"rule": "after_days", "days": again} if again else {"rule": "after_finish"}
    return {"trigger": trigger, "reentry": reentry, **more}


def playbook(key: str, name: str, description: str, *steps: str, say: str = "", hours: int | None = None) -> Spec:
    return Spec(key, name, description, Content(steps, say, respond_hours=hours))


def hypothesis(
    moves: str, accounts: str, baseline: str, change: str, by_when: str, measure: str, against: str
) -> dict[str, str]:
    """Which input of NRR moves, for whom, from where, by how much, by when, measured how and against what."""
    return {
        "input": moves, "accounts": accounts, "baseline": baseline, "expected_change": change, "by_when": by_when,
        "measure": measure, "comparison": against,
    }  # fmt: skip
