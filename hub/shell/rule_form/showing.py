"""From a rule to the form, as far as the form reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hub.registry.facts import Fact, known_facts
from hub.rules.language import AllOf, AnyOf, Compare, Node, Not, RuleError, Sustained, parse
from hub.shell.rule_form.draft import ALL, ANY, ARGUMENTS, MOST_GROUPS, MOST_ROWS, NONE, NOT, Draft, Group, Row
from hub.shell.rule_form.reading import row_tree
from hub.shell.rule_form.values import Unreadable, value_shown
from hub.tenancy.models import Tenant


class _TooMuch(Exception):
    """A part that the form cannot show."""


def draft_of(node: Node | None, tenant: Tenant) -> Draft | None:
    """The form that says a rule; None when it is more than the form can show, or would come back as another."""
    if node is None:
        return Draft()
    whole, running = node, ""
    if isinstance(node, Sustained) and isinstance(node.child, AllOf | AnyOf):
        whole, running = node.child, str(node.days)
    try:
        return _draft(whole, running, _Shower(tenant))
    except _TooMuch:
        return None


def _draft(node: Node, running: str, shower: _Shower) -> Draft:
    if not isinstance(node, AllOf | AnyOf):
        return Draft(ALL, running, tuple(shower.group_or_row(node)), tuple(shower.groups))
    if isinstance(node, AnyOf) and not node.children:
        raise _TooMuch
    rows = tuple(row for child in node.children for row in shower.group_or_row(child))
    if len(rows) > MOST_ROWS or len(shower.groups) > MOST_GROUPS:
        raise _TooMuch
    return Draft(ALL if isinstance(node, AllOf) else ANY, running, rows, tuple(shower.groups))


class _Shower:
    """Makes rows of comparisons, and notes the groups that they lie in."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.known: Mapping[str, Fact] = known_facts()
        self.groups: list[Group] = []

    def group_or_row(self, node: Node) -> Sequence[Row]:
        match node:
            case AllOf(children) | AnyOf(children) if children:
                return self._group(ALL if isinstance(node, AllOf) else ANY, children)
            case Not(AnyOf(children)) if children:
                return self._group(NONE, children)
            case _:
                return [self._row(node)]

    def _group(self, match: str, children: Sequence[Node]) -> Sequence[Row]:
        group = Group(str(len(self.groups) + 1), match)
        self.groups.append(group)
        return [self._row(child, group.id) for child in children]

    def _row(self, node: Node, group: str = "") -> Row:
        running, sense, inner = "", "", node
        if isinstance(inner, Sustained):
            running, inner = str(inner.days), inner.child
        if isinstance(inner, Not):
            sense, inner = NOT, inner.child
        if not isinstance(inner, Compare):
            raise _TooMuch
        row = self._comparison(inner, sense, running, group)
        try:
            same = parse(row_tree(row, self.tenant, self.known), self.known) == node
        except (Unreadable, RuleError):
            same = False
        # What the row cannot hold, such as a time of day or a comma in a list, must not be lost by looking at it.
        if not same:
            raise _TooMuch
        return row

    def _comparison(self, compare: Compare, sense: str, running: str, group: str) -> Row:
        fact = compare.fact
        if len(fact.arguments) > len(ARGUMENTS):
            raise _TooMuch
        first, second = value_shown(fact, compare.op, compare.value, self.tenant)
        arguments = tuple(str(value) for _, value in fact.arguments)
        return Row(fact.measure or fact.name, str(compare.op), first, second, arguments, sense, running, group)
