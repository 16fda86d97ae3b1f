"""From the form to the rule."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hub.registry.facts import Fact, known_facts
from hub.rules.language import Node, RuleError, parse
from hub.shell.rule_form.draft import ALL, ANY, LONGEST, MOST_ROWS, NONE, NOT, Draft, Row
from hub.shell.rule_form.subjects import fact_of, subject_of
from hub.shell.rule_form.values import Unreadable, value_typed, whole
from hub.tenancy.models import Tenant


@dataclass(frozen=True, slots=True)
class Read:
    """What a form says: the rule as a tree and read, both None where something is wrong or nothing was asked for; and
    the form again, marked where something is wrong."""

    draft: Draft
    tree: dict[str, Any] | None = None
    node: Node | None = None

    @property
    def text(self) -> str:
        """The rule as JSON, "" without one."""
        return "" if self.tree is None else json.dumps(self.tree, separators=(",", ":"), ensure_ascii=False)


def read_draft(draft: Draft, tenant: Tenant) -> Read:
    """The rule of a filled-in form. Rows without a fact are left out."""
    known = known_facts()
    if draft.text is not None:
        return _read_text(draft, known)
    rows = [_read_row(row, tenant, known) for row in draft.rows if row.fact]
    marked = replace(draft, rows=tuple(row for row, _ in rows))
    if len(rows) > MOST_ROWS:
        return Read(replace(marked, problem=f"a rule of this form has at most {MOST_ROWS} conditions"))
    if marked.wrong or not rows:
        return Read(marked)
    try:
        tree = _whole_tree(draft, [(row, tree) for row, tree in rows if tree is not None])
        return Read(marked, tree, parse(tree, known))
    except Unreadable as error:
        return Read(replace(marked, problem=str(error)))
    except RuleError as error:
        return Read(replace(marked, problem="; ".join(problem.message for problem in error.problems)))


def _read_text(draft: Draft, known: Mapping[str, Fact]) -> Read:
    text = draft.text or ""
    if len(text) > LONGEST:
        return Read(replace(draft, problem=f"the rule is longer than {LONGEST} characters"))
    try:
        tree = json.loads(text)
        return Read(draft, tree, parse(tree, known))
    except RuleError as error:
        return Read(replace(draft, problem=str(error)))
    except (ValueError, RecursionError):
        return Read(replace(draft, problem="this is not JSON"))


def _read_row(row: Row, tenant: Tenant, known: Mapping[str, Fact]) -> tuple[Row, dict[str, Any] | None]:
    try:
        tree = row_tree(row, tenant, known)
        parse(tree, known)
    except Unreadable as error:
        return replace(row, problem=str(error)), None
    except RuleError as error:
        return replace(row, problem=error.problems[0].message), None
    return row, tree


def row_tree(row: Row, tenant: Tenant, known: Mapping[str, Fact]) -> dict[str, Any]:
    """A row as a tree; raises Unreadable."""
    subject = subject_of(row.fact, known)
    if subject is None:
        raise Unreadable("this is not there any more")
    fact = fact_of(subject, row.arguments, known)
    tree: dict[str, Any] = {"fact": subject.name}
    if given := subject.given(row.arguments):
        tree["with"] = given
    tree |= {"op": row.op} | value_typed(fact, row.op, row.value, row.second, tenant)
    return _sustained({"not": tree} if row.sense == NOT else tree, row.running)


def _sustained(tree: dict[str, Any], running: str) -> dict[str, Any]:
    # One day running is the day of asking.
    if running.strip() in ("", "1"):
        return tree
    return {"sustained": tree, "days": whole(running, "days running")}


def _whole_tree(draft: Draft, rows: list[tuple[Row, dict[str, Any]]]) -> dict[str, Any]:
    groups = {group.id: group.match for group in draft.groups}
    inside: dict[str, list[dict[str, Any]]] = {}
    children: list[dict[str, Any]] = []
    for row, tree in rows:
        if row.group not in groups:
            children.append(tree)
        elif row.group in inside:
            inside[row.group].append(tree)
        else:
            # A group stands where its first row does.
            inside[row.group] = [tree]
            children.append(_group_tree(groups[row.group], inside[row.group]))
    return _sustained({ANY if draft.match == ANY else ALL: children}, draft.running)


def _group_tree(match: str, children: list[dict[str, Any]]) -> dict[str, Any]:
    if match == NONE:
        return {"not": {"any": children}}
    return {ALL if match == ALL else ANY: children}
