"""What stands in the form, as typed: it may be wrong, and it is never lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Final

from django.http import QueryDict

MOST_ROWS: Final = 20
MOST_GROUPS: Final = 5
ARGUMENTS: Final = ("with1", "with2", "with3")
LONGEST: Final = 20_000
ALL, ANY, NONE = "all", "any", "none"
NOT: Final = "not"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the form as typed; ``problem`` says what is wrong with it.

    ``fact`` names a fact or a measure, ``arguments`` are the measure's in its order. ``sense`` is ``not`` or empty,
    ``running`` a number of days, ``group`` the id of the group it lies in, empty for none.
    """

    fact: str = ""
    op: str = ""
    value: str = ""
    second: str = ""
    arguments: tuple[str, ...] = ()
    sense: str = ""
    running: str = ""
    group: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that count as one condition: ``match`` is all, any or none of them."""

    id: str
    match: str = ANY


@dataclass(frozen=True, slots=True)
class Draft:
    """The whole form. ``running`` asks for so many days of everything; ``text`` is the rule as JSON where the form
    cannot show it, and then stands for the rows."""

    match: str = ALL
    running: str = ""
    rows: tuple[Row, ...] = ()
    groups: tuple[Group, ...] = ()
    text: str | None = None
    problem: str = ""

    @property
    def wrong(self) -> bool:
        return bool(self.problem) or any(row.problem for row in self.rows)


def typed(given: QueryDict) -> Draft:
    """The form as it was sent."""
    return Draft(
        match=given.get("match", ALL),
        running=given.get("running_all", "")[:4],
        rows=tuple(_rows(given)),
        groups=tuple(_groups(given)),
        text=given.get("rule_text", "")[: LONGEST + 1] if "rule_text" in given else None,
    )


def _rows(given: QueryDict) -> list[Row]:
    names = ("fact", "op", "value", "second", "sense", "running", "group", *ARGUMENTS)
    columns = [given.getlist(name)[: MOST_ROWS + 1] for name in names]
    return [
        Row(fact, op, value, second, tuple(arguments), sense, running, group)
        for fact, op, value, second, sense, running, group, *arguments in zip_longest(*columns, fillvalue="")
    ]


def _groups(given: QueryDict) -> list[Group]:
    known = dict(zip_longest(given.getlist("group_id")[:MOST_GROUPS], given.getlist("group_match")[:MOST_GROUPS]))
    return [Group(key[:8], match or ANY) for key, match in known.items() if key]


def acted(draft: Draft, given: QueryDict) -> Draft:
    """What the form's own buttons make of it where there is no script: a row or a group more, or one less."""
    if (add := given.get("add")) is not None:
        return _added(draft, add)
    if (group := given.get("remove_group")) is not None:
        return replace(
            draft,
            rows=tuple(row for row in draft.rows if row.group != group),
            groups=tuple(each for each in draft.groups if each.id != group),
        )
    at = given.get("remove", "")
    if at.isascii() and at.isdigit():
        return replace(draft, rows=tuple(row for place, row in enumerate(draft.rows) if place != int(at[:3])))
    return draft


def _added(draft: Draft, where: str) -> Draft:
    if len(draft.rows) >= MOST_ROWS:
        return replace(draft, problem=f"a rule of this form has at most {MOST_ROWS} conditions")
    if where != "group":
        return replace(draft, rows=(*draft.rows, Row(group=where)))
    group = Group(next_group(draft.groups))
    return replace(draft, rows=(*draft.rows, Row(group=group.id)), groups=(*draft.groups, group))


def next_group(groups: Sequence[Group]) -> str:
    """An id that no group of the form has."""
    return str(max((int(each.id) for each in groups if each.id.isascii() and each.id.isdigit()), default=0) + 1)
