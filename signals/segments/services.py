"""Writes of segments. Members follow with the evaluation of accounts; where these are few, a new one has them now."""

from __future__ import annotations

from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from hub.accounts.facts import today_of
from hub.accounts.models import AccountFacts
from hub.people.audit import Actor, audit
from hub.people.models import User
from hub.registry.facts import known_facts
from hub.rules.compile import Clock
from hub.rules.language import Node, Problem, RuleError, parse, parse_stored
from hub.tenancy.remembering import current_tenant
from signals.measures import circle
from signals.reopening import day_reopen
from signals.segments.measures import reads_triggers, segments_read
from signals.segments.models import Segment, SegmentMember
from signals.segments.refresh import segments_refresh

MOST: Final = 200
# With up to so many accounts, a new segment has its members as soon as it is saved.
AT_ONCE: Final = 5_000


class SegmentError(ValueError):
    """A change of a segment that cannot be made; the message says why."""


class StaleError(Exception):
    """Somebody else has changed the segment since it was read."""


def rule_checked(tree: Any, key: str = "") -> Node:
    """The rule of a segment, read; ``key`` is the segment's own.

    Raises RuleError for what cannot be read, segments that do not exist, circles, and what is decided after segments.
    """
    known = known_facts()
    node = parse(tree, known)
    if reads_triggers(node):
        raise RuleError((Problem("", "a segment cannot depend on signals: triggers are decided after the segments"),))
    rules = dict(Segment.objects.filter(is_active=True).exclude(key=key).values_list("key", "rule"))
    if unknown := sorted(segments_read(node) - rules.keys() - {key}):
        raise RuleError(tuple(Problem("", f"there is no segment {each}") for each in unknown))
    nodes = {each: parse_stored(rule, known) for each, rule in rules.items()}
    reads = {each: segments_read(found) if found is not None else frozenset() for each, found in nodes.items()}
    reads[key] = segments_read(node)
    if way := circle(key, reads):
        raise RuleError((Problem("", f"the segments lie in one another: {' → '.join(way)}"),))
    return node


@transaction.atomic
def segment_create(*, name: str, description: str = "", rule: Any, user: User | None, actor: Actor) -> Segment:
    """Make a segment; its key comes from its name and never changes. Raises SegmentError or RuleError."""
    title = _named(name)
    rule_checked(rule)
    if Segment.objects.filter(is_active=True).count() >= MOST:
        raise SegmentError(f"there are {MOST} segments already; put one away first")
    try:
        with transaction.atomic():
            segment: Segment = Segment.objects.create(
                key=_free_key(title), name=title, description=_words(description), rule=rule, since=_today(),
                created_by=user,
            )  # fmt: skip
    except IntegrityError:
        raise SegmentError("somebody else has just made a segment of this name; try again") from None
    audit(actor, "segment.create", segment, rule=rule)
    _members_find(segment)
    day_reopen()
    return segment


def _members_find(segment: Segment) -> None:
    """The first members, where there are not too many accounts to wait for. Nobody else sees the segment yet."""
    ids = list(AccountFacts.objects.order_by("account_id").values_list("account_id", flat=True)[: AT_ONCE + 1])
    if len(ids) <= AT_ONCE:
        now = timezone.now()
        segments_refresh(ids, Clock(now, segment.since), only=segment.key)


def being_counted(segment: Segment) -> bool:
    """Whether the members of a segment that is new are not all found yet: of many accounts, that takes a while."""
    if segment.since < _today() or SegmentMember.objects.filter(segment=segment).exists():
        return False
    return bool(AccountFacts.objects.count() > AT_ONCE)


@transaction.atomic
def segment_change(*, segment: Segment, name: str, description: str, rule: Any, seen: int, actor: Actor) -> Segment:
    """Rename a segment or give it another rule, which is its next version: its members are found anew, and of the days
    before nothing is said. Raises SegmentError, RuleError, and StaleError when it is not at the version ``seen``."""
    locked: Segment = Segment.objects.select_for_update(no_key=True).get(pk=segment.pk)
    if locked.version != seen:
        raise StaleError
    before = {"name": locked.name, "description": locked.description, "rule": locked.rule}
    after = {"name": _named(name), "description": _words(description), "rule": rule}
    if before == after:
        return locked
    rule_checked(rule, locked.key)
    locked.name, locked.description = after["name"], after["description"]
    if rule != locked.rule:
        locked.rule, locked.version, locked.since = rule, locked.version + 1, _today()
        day_reopen()
    locked.save(update_fields=["name", "description", "rule", "version", "since"])
    audit(actor, "segment.change", locked, before=before, after=after, version=locked.version)
    return locked


@transaction.atomic
def segment_archive(*, segment: Segment, actor: Actor) -> bool:
    """Put a segment away; rules that ask for it no longer find it. Raises SegmentError while another one reads it."""
    known = known_facts()
    others = Segment.objects.filter(is_active=True).exclude(pk=segment.pk)
    for other in others:
        node = parse_stored(other.rule, known)
        if node is not None and segment.key in segments_read(node):
            raise SegmentError(f"the segment “{other.name}” reads it; change that one first")
    if not Segment.objects.filter(pk=segment.pk, is_active=True).update(is_active=False):
        return False
    SegmentMember.objects.filter(segment=segment, left_on__isnull=True).update(left_on=_today())
    audit(actor, "segment.archive", segment)
    day_reopen()
    return True


def _today() -> Any:
    return today_of(current_tenant())


def _named(name: str) -> str:
    words = name.replace("\x00", "").strip()[:100]
    if not words:
        raise SegmentError("give the segment a name")
    return words


def _words(text: str) -> str:
    return text.replace("\x00", "").strip()[:500]


def _free_key(name: str) -> str:
    base = slugify(name)[:58].strip("-") or "segment"
    taken = set(Segment.objects.filter(key__startswith=base).values_list("key", flat=True))
    numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return base if base not in taken else next(key for key in numbered if key not in taken)
