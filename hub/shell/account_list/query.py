"""What the list of accounts was asked for. All of it stands in the URL, so that a view is a link."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.utils import timezone

from hub.accounts.models import LifecycleStage
from hub.registry.facts import known_facts
from hub.rules.compile import Clock
from hub.rules.explain import sentence
from hub.rules.language import Node, Problem, RuleError, parse
from hub.shell.account_list.columns import DEFAULT, MOST, NAME, Column, Sort, list_columns
from hub.tenancy.remembering import current_tenant

UNOWNED: Final = "none"
DEFAULT_SORT: Final = "name"
LONGEST_RULE: Final = 20_000
# Names that links of an earlier version carry.
_OLD_SORTS: Final = {"mrr": "mrr_minor", "renewal": "renews_on", "usage": "usage_30d"}
PARAMETERS: Final = ("q", "owner", "stage", "rule", "sort", "columns")


VIEWED: Final = (*PARAMETERS, "density")


@dataclass(frozen=True, slots=True)
class AccountQuery:
    """What the list was asked for.

    ``owner`` is a user's id, ``none`` or empty; ``sort`` may start with a minus; ``rule`` is a tree of the rule
    language as JSON text, empty without a filter; ``columns`` are keys in their order.
    """

    q: str = ""
    owner: str = ""
    stage: str = ""
    rule: str = ""
    sort: str = DEFAULT_SORT
    columns: tuple[str, ...] = DEFAULT
    dense: bool = False
    cursor: str = ""

    @classmethod
    def read(cls, params: Mapping[str, str]) -> AccountQuery:
        """Read a query string; values that nobody offers are left out, so an old link still opens a list.

        A rule stays as it is, readable or not: without it the list would show more than was asked for.
        """
        stage, columns = params.get("stage", ""), params.get("columns", "")
        direction, key = _sort(params.get("sort", ""))
        return cls(
            q=params.get("q", "").replace("\x00", "").strip()[:100],
            owner=_owner(params.get("owner", "")),
            stage=stage if stage in LifecycleStage.values else "",
            rule=params.get("rule", "").strip(),
            sort=f"{direction}{key}" if key else DEFAULT_SORT,
            columns=tuple(dict.fromkeys(filter(None, columns.split(","))))[:MOST] or DEFAULT,
            dense=params.get("density", "") == "dense",
            cursor=params.get("cursor", ""),
        )

    @property
    def narrows(self) -> bool:
        return bool(self.q or self.owner or self.stage or self.rule)

    def params(self) -> dict[str, str]:
        """The shortest query string that reads as this, without the cursor."""
        found = {
            "q": self.q,
            "owner": self.owner,
            "stage": self.stage,
            "rule": self.rule,
            "sort": "" if self.sort == DEFAULT_SORT else self.sort,
            "columns": "" if self.columns == DEFAULT else ",".join(self.columns),
            "density": "dense" if self.dense else "",
        }
        return {name: value for name, value in found.items() if value}


def _sort(text: str) -> tuple[str, str]:
    key = text.removeprefix("-")[:80]
    return ("-" if text.startswith("-") else "", _OLD_SORTS.get(key, key))


def _owner(text: str) -> str:
    if text == UNOWNED:
        return text
    try:
        return str(UUID(text))
    except ValueError:
        return ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A query with its words looked up in what the tenant has: columns, order, and the rule as a condition."""

    query: AccountQuery
    known: Mapping[str, Column]
    columns: tuple[Column, ...]
    sort: Sort
    descending: bool
    condition: Node | None
    clock: Clock | None

    @property
    def sentence(self) -> str:
        """The rule in words, "" without one."""
        return sentence(self.condition) if self.condition else ""


def asked(query: AccountQuery) -> Asked:
    """Look a query up; a column or an order that the tenant does not have is left out.

    Raises RuleError for a rule that cannot be read: a list that ignored it would show, export or change too much.
    """
    condition = read_rule(query.rule) if query.rule else None
    known = list_columns()
    key = query.sort.removeprefix("-")
    column = NAME if key == NAME.key else known.get(key)
    sort = column.sort if column else None
    return Asked(
        query=query,
        known=known,
        columns=tuple(known[key] for key in query.columns if key in known),
        sort=sort or _name_sort(),
        descending=bool(sort) and query.sort.startswith("-"),
        condition=condition,
        clock=_clock() if condition else None,
    )


def _clock() -> Clock:
    # A request knows the tenant's zone already, a worker does not.
    now = timezone.now()
    zone = current_tenant().zone
    return Clock(now, timezone.localdate(now, zone))


def _name_sort() -> Sort:
    assert NAME.sort is not None
    return NAME.sort


def read_rule(text: str) -> Node:
    """The rule of a query string; raises RuleError."""
    if len(text) > LONGEST_RULE:
        raise RuleError((Problem("", f"the rule is longer than {LONGEST_RULE} characters"),))
    try:
        tree: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise RuleError((Problem("", "this is not JSON"),)) from None
    return parse(tree, known_facts())


def rule_problem(params: Mapping[str, str]) -> str:
    """What is wrong with the rule of a query string, "" when nothing is."""
    try:
        if params.get("rule"):
            read_rule(params["rule"])
    except RuleError as error:
        return f"the filter cannot be read: {error}"
    return ""
