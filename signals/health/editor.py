"""The form of a scorecard: rows of measures as they are typed, the bands, and for whom it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub.registry.measures import Argument, ArgumentKind, measure_of, suggested
from signals.health.cards import choices
from signals.health.models import ScorecardVersion
from signals.health.scoring import HAND, MOST
from signals.health.services import EVERY_ACCOUNT

FIELDS: Final = ("key", "label", "fact", "worst", "best", "weight", "stale_after", "missing_as")
SUBJECTS: Final = (
    ("", "every account"),
    ("segment", "segment"),
    ("stage", "lifecycle stage"),
    ("tier", "plan tier"),
    ("industry", "industry"),
    ("country", "country"),
)
KEEP: Final = "keep"


@dataclass(frozen=True, slots=True)
class Asked:
    """An argument of a row's measure, ready to show."""

    name: str
    label: str
    value: str
    choices: Sequence[tuple[str, str]]
    suggestions: Sequence[str]


@dataclass(frozen=True, slots=True)
class Row:
    """A measure as typed."""

    number: int
    fields: Mapping[str, str]
    given: Mapping[str, str]

    @property
    def by_hand(self) -> bool:
        return self.fields["fact"] == HAND

    @property
    def weight(self) -> int:
        text = self.fields["weight"].strip()
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else 0

    def arguments(self) -> list[Asked]:
        """What its measure asks for."""
        measure = measure_of(self.fields["fact"])
        return [_asked(argument, self.given.get(argument.name)) for argument in measure.arguments] if measure else []

    def stored(self) -> dict[str, Any]:
        """The row for `cards.checked`."""
        measure = measure_of(self.fields["fact"])
        arguments = {a.name: a for a in measure.arguments} if measure else {}
        given = {name: _argument(arguments[name], text) for name, text in self.given.items() if name in arguments}
        return dict(self.fields) | {"with": {name: value for name, value in given.items() if value is not None}}


def _asked(argument: Argument, text: str | None) -> Asked:
    value = argument.default if text is None else text
    options = (("", "any"), *argument.choices) if argument.choices and argument.default == "" else argument.choices
    suggestions = suggested(argument.suggest) if argument.suggest else ()
    return Asked(argument.name, argument.label, "" if value is None else str(value), options, suggestions)


def _argument(argument: Argument, text: str) -> Any:
    words = text.strip()
    if argument.kind is ArgumentKind.DAYS:
        return int(words) if words.isascii() and words.isdecimal() and len(words) < 6 else (words or None)
    return words or None


@dataclass(frozen=True, slots=True)
class Typed:
    """The whole form as typed."""

    rows: Sequence[Row]
    yellow_from: str
    green_from: str
    name: str = ""
    subject: str = ""
    values: str = ""
    note: str = ""

    @property
    def whole(self) -> int:
        return sum(row.weight for row in self.rows)

    @property
    def full(self) -> bool:
        return len(self.rows) >= MOST

    def measures(self) -> list[dict[str, Any]]:
        return [row.stored() for row in self.rows]

    def bands(self) -> tuple[int, int]:
        """Where yellow and green begin; what is no number is 0, which no card may have."""
        return _number(self.yellow_from), _number(self.green_from)

    def rule(self, kept: Any = None) -> Any:
        """For whom it is, as a rule; ``kept`` is the one that the form could not show."""
        if self.subject == KEEP and kept is not None:
            return kept
        values = [value.strip() for value in self.values.split(",") if value.strip()]
        return {"fact": self.subject, "op": "in", "value": values} if self.subject else EVERY_ACCOUNT


def _number(text: str) -> int:
    return int(text) if text.strip().isascii() and text.strip().isdecimal() and len(text) < 5 else 0


def typed(post: Mapping[str, str]) -> Typed:
    """What was sent, after what the pressed button asks: ``add``, ``remove-N`` or nothing."""
    pressed = post.get("do", "")
    numbers = [n for n in range(MOST) if f"m{n}-fact" in post and pressed != f"remove-{n}"]
    rows = [_row(at, f"m{n}-", post) for at, n in enumerate(numbers)]
    if pressed == "add" and len(rows) < MOST:
        rows.append(Row(len(rows), dict.fromkeys(FIELDS, "") | {"fact": HAND, "weight": "10"}, {}))
    return Typed(
        rows, post.get("yellow_from", "")[:5], post.get("green_from", "")[:5], post.get("name", "")[:100],
        post.get("subject", "")[:20], post.get("values", "")[:1000], post.get("note", "")[:500],
    )  # fmt: skip


def _row(at: int, prefix: str, post: Mapping[str, str]) -> Row:
    given = {
        name.removeprefix(f"{prefix}with-"): v[:200] for name, v in post.items() if name.startswith(f"{prefix}with-")
    }
    return Row(at, {field: post.get(prefix + field, "")[:100] for field in FIELDS}, given)


def from_version(version: ScorecardVersion) -> Typed:
    """A published version as it would have been typed."""
    rows = []
    for at, stored in enumerate(version.measures):
        fields = {field: "" if stored.get(field) is None else str(stored[field]) for field in FIELDS}
        rows.append(Row(at, fields, {name: str(value) for name, value in stored["with"].items()}))
    return Typed(rows, str(version.yellow_from), str(version.green_from))


def applies(rule: Any) -> tuple[str, str]:
    """A rule as subject and values of the form; ``keep`` when it says more than the form can."""
    if rule == EVERY_ACCOUNT:
        return "", ""
    simple = isinstance(rule, dict) and rule.get("op") == "in" and rule.get("fact") in dict(SUBJECTS)
    return (rule["fact"], ", ".join(rule["value"])) if simple else (KEEP, "")


def readings() -> list[tuple[str, list[tuple[str, str]]]]:
    """What a measure can read, grouped by source."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, words, source in choices():
        found.setdefault(source, []).append((name, words))
    return sorted((source, sorted(names, key=lambda pair: pair[1])) for source, names in found.items())
