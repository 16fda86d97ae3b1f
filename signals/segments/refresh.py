"""The upkeep of memberships, part of the evaluation: segments first, then the triggers, which may read them.

A segment comes after those that it reads. Which of the rules are true of a batch of accounts is one statement for each
step of that order; only who comes or goes is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from hub.registry.facts import known_facts
from hub.rules.compile import Clock
from hub.rules.language import Node, parse_stored
from hub.rules.reading import RuleReader
from hub.tenancy.context import current_tenant_id
from hub.tenancy.remembering import configured
from hub.tenancy.statements import ask_all
from signals.measures import in_order
from signals.segments.measures import segments_read
from signals.segments.models import Segment, SegmentMember

STANDING: Final = """
SELECT id, account_id, segment_id FROM signals_segmentmember
WHERE tenant_id = %s AND account_id = ANY(%s) AND segment_id = ANY(%s) AND left_on IS NULL
"""


def segments_refresh(account_ids: Sequence[UUID], clock: Clock, *, only: str = "") -> list[UUID]:
    """Bring the memberships of these accounts up to date, of the segment ``only`` or all; returns the rows that moved.

    Two queries for each step, and one for the segments.
    """
    moved: list[UUID] = []
    for wave, rules in configured("segments", _waves):
        if not only:
            moved += _refresh(wave, rules, account_ids, clock)
        elif asked := [each for each in wave if each.key == only]:
            moved += _refresh(asked, _rules(asked), account_ids, clock)
    return moved


@dataclass(frozen=True, slots=True)
class _Asked:
    """A segment that counts, with its rule read."""

    pk: UUID
    key: str
    node: Node


def _rules(asked: Sequence[_Asked]) -> RuleReader:
    return RuleReader([each.node for each in asked])


def _waves() -> list[tuple[list[_Asked], RuleReader]]:
    """The segments that count, each after those that it reads, with what asks their rules."""
    known = known_facts()
    rows = Segment.objects.filter(is_active=True).values_list("pk", "key", "rule")
    # A rule that reads what is gone leaves its members as they are.
    found = {key: _Asked(pk, key, node) for pk, key, rule in rows if (node := parse_stored(rule, known)) is not None}
    waves = [[found[key] for key in wave] for wave in in_order({k: segments_read(v.node) for k, v in found.items()})]
    return [(wave, _rules(wave)) for wave in waves]


def _refresh(wave: Sequence[_Asked], rules: RuleReader, account_ids: Sequence[UUID], clock: Clock) -> list[UUID]:
    ids = [each.pk for each in wave]
    members_now = (STANDING, [current_tenant_id(), list(account_ids), ids])
    *rows, standing = ask_all([*rules.questions(account_ids, clock), members_now])
    said = rules.answered(rows)
    members = {(account, segment): pk for pk, account, segment in standing}
    wanted = {(pk, ids[place]) for pk, held in said.items() for place, one in enumerate(held) if one == "1"}
    # Accounts without a fact row were not asked.
    gone = [pk for (account, segment), pk in members.items() if account in said and (account, segment) not in wanted]
    came = [
        SegmentMember(account_id=account, segment_id=segment, joined_on=clock.today)
        for account, segment in sorted(wanted - members.keys())
    ]
    SegmentMember.objects.bulk_create(came, ignore_conflicts=True, batch_size=500)
    if gone:
        SegmentMember.objects.filter(pk__in=gone).update(left_on=clock.today)
    return [*(member.pk for member in came), *gone]
