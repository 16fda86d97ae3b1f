"""Who said what about a field, and what follows: every writer of accounts and contacts states its values here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

from django.utils import timezone

from hub.accounts.models import Account, AttributeEntity, ConflictState, Contact, FieldConflict, SourceRule
from hub.accounts.words import (
    ATTRIBUTE,
    BLANK,
    HAND,
    Plain,
    Rule,
    RuleKind,
    Rules,
    Word,
    contested,
    disagreeing,
    fields_of,
    same,
    shared_fields,
    tell,
    winner,
    words_of,
)

Row: TypeAlias = Account | Contact
# What a field holds when nobody says anything of it.
EMPTY: Final[dict[str, Any]] = {"seats": None, "signed_up_on": None, "source_churned": None, "left_on": None}


class RuleBook:
    """The rules of the tenant in context, read once, and only when two sources speak of one field."""

    def __init__(self) -> None:
        self._rules: dict[str, Rules] | None = None
        self.now = timezone.now()

    def of(self, entity: str, name: str) -> Rule:
        if self._rules is None:
            self._rules = _rules()
        return self._rules[entity].of(name) if entity in self._rules else Rule()


def _rules() -> dict[str, Rules]:
    found: dict[str, dict[str, Rule]] = {}
    for row in SourceRule.objects.all():
        found.setdefault(row.entity, {})[row.field] = row.rule
    return {entity: Rules(rules.get("", Rule()), rules) for entity, rules in found.items()}


@dataclass
class Voice:
    """Somebody who says something: a source, as of when by its own clock (None: now), or a person, `by` name.

    `since` holds times of fields that are older than `as_of`, where all is known that the source ever said of them.
    `told` collects the rows whose fields several sources speak of, for `conflicts_note`.
    """

    source: str
    as_of: datetime | None = None
    by: str = ""
    since: Mapping[str, datetime] = field(default_factory=dict)
    book: RuleBook = field(default_factory=RuleBook)
    told: dict[UUID, tuple[Row, set[str]]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """No program can speak as a person."""
        return f"{self.source} (source)" if self.source == HAND and not self.by else self.source

    @property
    def at(self) -> datetime:
        return self.as_of or self.book.now

    def says(self, row: Row, values: Mapping[str, Any]) -> dict[str, Any]:
        """Keep what is said of a row's fields in its `words`; give the values that win, by the same names.

        The row is not saved, and the caller holds its lock. What nobody answers for (no source) wins and is not kept.
        """
        if not self.source:
            return dict(values)
        said = {name: plain(value) for name, value in values.items()}
        if not self.by:
            said = {name: None if value in BLANK else value for name, value in said.items()}
        before, entity = row.words, entity_of(row)
        told = tell(before, self.name, self._news(before, said), self.at, by=self.by, since=self.since)
        if told != before:
            row.words = told
        if len(row.words) > 1 or len(before) > 1:
            return self._decided(row, entity, values, shared_fields(before))
        return {name: self._own(row, name, value) for name, value in values.items()}

    def _own(self, row: Row, name: str, value: Any) -> Any:
        """What the source says itself: mostly the value that it gives now, unless it said something later."""
        own = row.words.get(self.name, {}).get("said", {})
        if name not in own or own[name] == plain(value) or (own[name] is None and value in BLANK):
            return value
        return python(row, name, own[name])

    def _news(self, words: Mapping[str, Any], said: Mapping[str, Plain]) -> Mapping[str, Plain]:
        """Without a clock, what the source says again changes nothing while nobody else speaks of the field."""
        if self.as_of is not None or self.by:
            return said
        own = words.get(self.name, {}).get("said", {})
        others = {name for source, told in words.items() if source != self.name for name in told.get("said", {})}
        return {n: value for n, value in said.items() if n in others or n not in own or own[n] != value}

    def _decided(self, row: Row, entity: str, values: Mapping[str, Any], before: set[str]) -> dict[str, Any]:
        shared = (shared_fields(row.words) | before) & set(values)
        if shared:
            self.told[row.pk] = (row, self.told.get(row.pk, (row, set()))[1] | shared)
        won: dict[str, Any] = {}
        for name, value in values.items():
            word = winner(words_of(row.words, name), self.book.of(entity, name), self.book.now)
            won[name] = self._own(row, name, value) if word is None else python(row, name, word.value)
        return won

    def note(self) -> None:
        """Write the conflicts of what was said, once the rows are stored."""
        conflicts_note(self.told.values(), self.book)
        self.told = {}


def entity_of(row: Row) -> str:
    return str(AttributeEntity.ACCOUNT if isinstance(row, Account) else AttributeEntity.CONTACT)


def plain(value: Any) -> Plain:
    """A field's value as JSON has it."""
    if isinstance(value, date | UUID):
        return str(value)
    if isinstance(value, set | tuple | list):
        return [plain(entry) for entry in value]
    return value


def python(row: Row, name: str, value: Plain) -> Any:
    """A value of JSON as the row's field holds it; an attribute's stays as it is."""
    if name.startswith(ATTRIBUTE):
        return value
    if value is None:
        return [] if name == "roles" else EMPTY.get(name, None if name.endswith("_id") else "")
    column: Any = row._meta.get_field(name)
    return (column.target_field if column.is_relation else column).to_python(value)


def current(row: Row, name: str) -> Plain:
    """What is stored of a field now, as JSON has it."""
    if name.startswith(ATTRIBUTE):
        return row.attributes.get(name.removeprefix(ATTRIBUTE))
    return plain(getattr(row, name))


def words_restore(restored: Iterable[tuple[Row, dict[str, Any]]]) -> None:
    """Decide anew what rows get back whose `words` are put back: others may have said something in between.

    Takes (row, values to put back, `words` among them) and changes the values; the caller holds the locks and saves.
    """
    book = RuleBook()
    told: list[tuple[Row, set[str]]] = []
    for row, values in restored:
        if "words" not in values:
            continue
        before, row.words = row.words, values["words"]
        names = fields_of(before) | fields_of(row.words)
        for name in names:
            word = winner(words_of(row.words, name), book.of(entity_of(row), name), book.now)
            if word is not None and (name in values or _is_said(before, name, current(row, name))):
                _put(row, values, name, word.value)
        told.append((row, shared_fields(before) | shared_fields(row.words)))
    conflicts_note(told, book)


def _is_said(words: Mapping[str, Any], name: str, value: Plain) -> bool:
    """Whether a stored value is somebody's word; one that nobody answers for stays as it is."""
    return any(word.value == value for word in words_of(words, name))


def _put(row: Row, values: dict[str, Any], name: str, value: Plain) -> None:
    if name.startswith(ATTRIBUTE):
        if values.get("attributes", row.attributes).get(name.removeprefix(ATTRIBUTE)) == value:
            return
        attributes = values.setdefault("attributes", dict(row.attributes))
        attributes[name.removeprefix(ATTRIBUTE)] = value
    elif name in values or current(row, name) != value:
        values[name] = python(row, name, value)


# --- Conflicts ------------------------------------------------------------------------------------------------------

LIVE = (ConflictState.OPEN, ConflictState.SETTLED)
COLUMNS = [
    "state",
    "winner_source",
    "winner_value",
    "winner_at",
    "other_source",
    "other_value",
    "other_at",
    "rule",
    "changed_at",
    "closed_at",
]


def conflicts_note(told: Iterable[tuple[Row, set[str]]], book: RuleBook) -> None:
    """Open, follow or close the conflicts of these rows' fields: one live row per object and field. Three queries."""
    rows = [(row, name) for row, names in told for name in sorted(names)]
    if not rows:
        return
    live = {_key(conflict): conflict for conflict in _live([row for row, _ in rows])}
    fresh: list[FieldConflict] = []
    moved: list[FieldConflict] = []
    for row, name in rows:
        held = live.get((row.pk, name))
        found = _conflict(row, name, held, book)
        if found is not None:
            (fresh if held is None else moved).append(found)
    FieldConflict.objects.bulk_create(fresh, ignore_conflicts=True, batch_size=1000)
    FieldConflict.objects.bulk_update(moved, COLUMNS, batch_size=500)


def _live(rows: Sequence[Row]) -> Iterable[FieldConflict]:
    live = FieldConflict.objects.filter(closed_at__isnull=True)
    accounts = {row.pk for row in rows if isinstance(row, Account)}
    contacts = {row.pk for row in rows if isinstance(row, Contact)}
    found: list[FieldConflict] = []
    if accounts:
        found += live.filter(account_id__in=accounts, contact__isnull=True)
    if contacts:
        found += live.filter(contact_id__in=contacts)
    return found


def _key(conflict: FieldConflict) -> tuple[UUID, str]:
    return conflict.contact_id or conflict.account_id, conflict.field


def _conflict(row: Row, name: str, held: FieldConflict | None, book: RuleBook) -> FieldConflict | None:
    """The conflict as it is now, when that has to be written."""
    found = words_of(row.words, name)
    rule = book.of(entity_of(row), name)
    word = winner(found, rule, book.now) if contested(found) else None
    if word is None:
        if held is not None:
            held.state, held.closed_at, held.changed_at = ConflictState.CLOSED, book.now, book.now
        return held
    against = disagreeing(found, word)
    state = ConflictState.OPEN if against else ConflictState.SETTLED
    other = against or next(entry for entry in found if not same(entry.value, word.value))
    if held is not None and _unchanged(held, state, word, other):
        return None
    conflict = held or FieldConflict(entity=entity_of(row), field=name, **_of(row))
    conflict.state, conflict.rule, conflict.changed_at = state, in_words(rule)[:300], book.now
    conflict.winner_source, conflict.winner_value, conflict.winner_at = word.source, word.value, word.at
    conflict.other_source, conflict.other_value, conflict.other_at = other.source, other.value, other.at
    return conflict


def _of(row: Row) -> dict[str, Any]:
    return {"account_id": row.pk} if isinstance(row, Account) else {"account_id": row.account_id, "contact_id": row.pk}


def _unchanged(held: FieldConflict, state: str, word: Word, other: Word) -> bool:
    now = (state, word.source, word.value, word.at, other.source, other.value, other.at)
    was = (
        held.state,
        held.winner_source,
        held.winner_value,
        held.winner_at,
        held.other_source,
        held.other_value,
        held.other_at,
    )
    return now == was


def in_words(rule: Rule) -> str:
    """A rule as a sentence has it."""
    if rule.kind is RuleKind.ORDER:
        return " before ".join(rule.order)
    if rule.kind is RuleKind.HAND:
        return f"a person's word stays {'for good' if rule.hand_days is None else f'for {rule.hand_days} days'}"
    return "the newest word wins"
