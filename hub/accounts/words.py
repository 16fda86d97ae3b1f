"""What sources said of the fields of a record, and which of them wins. Pure; JSON in, JSON out.

Stored with the record, by source: ``{"crm": {"at": time, "said": {field: value}, "when": {field: time}, "by": {…}}}``.
`at` is the time of the source's newest statement; `when` holds the time of those fields whose word is older. `by` says
who, for words that people gave by hand. A source has one word per field: its last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeAlias

Words: TypeAlias = Mapping[str, Mapping[str, Any]]
Plain: TypeAlias = Any
"""A value as JSON has it."""

HAND: Final = "by hand"
"""The source of what people set in the browser. No door of machines may speak under this name."""
ATTRIBUTE: Final = "attributes."
PARENT: Final = "parent_id"
"""The account above: a field whose value must fit the tree, and is therefore stored by a service of its own."""
BLANK: Final[tuple[Plain, ...]] = (None, "", [], {})
LONGEST_ORDER: Final = 50


class RuleKind(StrEnum):
    NEWEST = "newest"
    ORDER = "order"
    HAND = "hand"


@dataclass(frozen=True)
class Word:
    """What a source says of one field, as of when; `by` names the person of a word given by hand."""

    source: str
    value: Plain
    at: datetime
    by: str = ""


@dataclass(frozen=True)
class Rule:
    """Which source wins for a field.

    newest: the newest word. order: the first source of `order` that says something; a hand's word before all unless the
    order names it; sources that it does not name come last, the newest first. hand: a hand's word, for `hand_days` days
    (None: for good), else the newest.
    """

    kind: RuleKind = RuleKind.NEWEST
    order: tuple[str, ...] = ()
    hand_days: int | None = None


@dataclass(frozen=True)
class Rules:
    """The rules of one noun: the one for all fields, and those of fields that have their own."""

    default: Rule = Rule()
    fields: Mapping[str, Rule] = field(default_factory=dict)

    def of(self, name: str) -> Rule:
        return self.fields.get(name, self.default)


class OrderError(ValueError):
    """An order of sources that cannot be."""


def order_checked(order: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    """An order of sources without blanks. Raises OrderError: none, one twice, one that nobody knows, too many."""
    wanted = [source.strip() for source in order if source.strip()]
    if not wanted:
        raise OrderError("an order names at least one source")
    if twice := sorted({source for source in wanted if wanted.count(source) > 1}):
        raise OrderError(f"{', '.join(twice)} stands in the order twice")
    if strange := sorted(set(wanted) - set(known) - {HAND}):
        raise OrderError(f"no source is called {', '.join(strange)}")
    if len(wanted) > LONGEST_ORDER:
        raise OrderError(f"an order names at most {LONGEST_ORDER} sources")
    return tuple(wanted)


def same(one: Plain, other: Plain) -> bool:
    """Whether two sources agree; capitals and outer spaces of text make no difference."""
    if isinstance(one, str) and isinstance(other, str):
        return one.strip().casefold() == other.strip().casefold()
    if isinstance(one, list) and isinstance(other, list):
        return sorted(map(str, one)) == sorted(map(str, other))
    return bool(one == other) and isinstance(one, bool) is isinstance(other, bool)


# --- Telling --------------------------------------------------------------------------------------------------------


def tell(
    words: Words,
    source: str,
    said: Mapping[str, Plain],
    at: datetime,
    *,
    by: str = "",
    since: Mapping[str, datetime] | None = None,
) -> dict[str, Any]:
    """`words` with what `source` says as of `at`; a field of which it said something later keeps that.

    `since`: fields of which all is known that the source ever said, with the time when it began to say this.

    A blank word takes the source's own word back, and is kept so that an older one does not come after it; a person's
    blank word is a word, for people clear fields on purpose.
    """
    before = words.get(source, {})
    kept, known = dict(_each(source, before)), since or {}
    for name, value in said.items():
        if name not in known and name in kept and kept[name].at > at:
            continue
        told = None if value in BLANK and source != HAND else value
        kept[name] = Word(source, told, known.get(name, at), by)
    return {**words, source: _stored(kept)} if kept else dict(words)


def withdraw(words: Words, source: str) -> dict[str, Any]:
    """`words` without anything that `source` said."""
    return {name: said for name, said in words.items() if name != source}


def _stored(kept: Mapping[str, Word]) -> dict[str, Any]:
    newest = max(word.at for word in kept.values())
    stored: dict[str, Any] = {"at": _time(newest), "said": {name: word.value for name, word in kept.items()}}
    if older := {name: _time(word.at) for name, word in kept.items() if word.at != newest}:
        stored["when"] = older
    if people := {name: word.by for name, word in kept.items() if word.by}:
        stored["by"] = people
    return stored


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _each(source: str, stored: Mapping[str, Any]) -> Iterable[tuple[str, Word]]:
    for name in stored.get("said", {}):
        yield name, _word(source, stored, name)


def _word(source: str, stored: Mapping[str, Any], name: str) -> Word:
    at = stored.get("when", {}).get(name) or stored["at"]
    return Word(source, stored["said"][name], datetime.fromisoformat(at), stored.get("by", {}).get(name, ""))


# --- Asking ---------------------------------------------------------------------------------------------------------


def words_of(words: Words, name: str) -> list[Word]:
    """What the sources say of a field, the newest first."""
    found = [_word(source, stored, name) for source, stored in words.items() if name in _spoken(source, stored)]
    return sorted(found, key=_age, reverse=True)


def _spoken(source: str, stored: Mapping[str, Any]) -> Iterable[str]:
    """The fields of which a source says something, its blank words left out."""
    said: Mapping[str, Plain] = stored.get("said", {})
    return said if source == HAND else {name: value for name, value in said.items() if value is not None}


def fields_of(words: Words) -> set[str]:
    """The fields of which any source says something."""
    return {name for source, stored in words.items() for name in _spoken(source, stored)}


def shared_fields(words: Words) -> set[str]:
    """The fields of which more than one source says something."""
    if len(words) < 2:
        return set()
    counts = Counter(name for source, stored in words.items() for name in _spoken(source, stored))
    return {name for name, count in counts.items() if count > 1}


def _age(word: Word) -> tuple[datetime, str]:
    # Words of one moment: by the name of the source, so that the order in which they came makes no difference.
    return word.at, word.source


def winner(found: Iterable[Word], rule: Rule, now: datetime) -> Word | None:
    """The word that wins under a rule; None when nobody says anything."""
    return min(found, key=lambda word: _rank(word, rule, now), default=None)


def _rank(word: Word, rule: Rule, now: datetime) -> tuple[int, float, str]:
    place = 0
    if rule.kind is RuleKind.ORDER:
        place = _place(word.source, rule.order)
    elif rule.kind is RuleKind.HAND:
        lasts = rule.hand_days is None or word.at + timedelta(days=rule.hand_days) > now
        place = 0 if word.source == HAND and lasts else 1
    # Times as numbers below zero: the newest first; then the later name, as `_age` has it.
    return place, -word.at.timestamp(), "".join(chr(0x10FFFF - ord(letter)) for letter in word.source)


def _place(source: str, order: Sequence[str]) -> int:
    if source in order:
        return order.index(source) + 1
    return 0 if source == HAND else len(order) + 1


def disagreeing(found: Sequence[Word], winning: Word) -> Word | None:
    """The newest word that contradicts the one that wins; None when all agree, or a person has decided since."""
    settled = winning.source == HAND
    for word in sorted(found, key=_age, reverse=True):
        differs = word.source != winning.source and not same(word.value, winning.value)
        if differs and not (settled and word.at <= winning.at):
            return word
    return None


def contested(found: Sequence[Word]) -> bool:
    """Whether two sources say different things, whoever has decided what about it."""
    return any(not same(word.value, found[0].value) for word in found[1:])
