"""The upkeep of memberships, part of the evaluation: segments first, then the triggers, which may read them.

A segment comes after those that it reads. Which of the rules are true of a batch of accounts is one statement for each
step of that order; only who comes or goes is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from hub.registry.facts import known_facts
from hub.rules.compile import Clock
from hub.rules.language import Node, parse_stored
from hub.rules.reading import true_rules
from signals.measures import in_order
from signals.segments.measures import segments_read
from signals.segments.models import Segment, SegmentMember


def segments_refresh(account_ids: Sequence[UUID], clock: Clock, *, only: str = "") -> list[UUID]:
    """Bring the memberships of these accounts up to date, of the segment ``only`` or all; returns the rows that moved.

    Two queries without a segment that counts.
    """
    segments = {segment.key: segment for segment in Segment.objects.filter(is_active=True)}
    if not segments:
        return []
    known = known_facts()
    # A rule that reads what is gone leaves its members as they are.
    nodes = {key: node for key, segment in segments.items() if (node := parse_stored(segment.rule, known)) is not None}
    moved: list[UUID] = []
    for wave in in_order({key: segments_read(node) for key, node in nodes.items()}):
        if asked := [segments[key] for key in wave if only in ("", key)]:
            moved += _refresh(asked, nodes, account_ids, clock)
    return moved


def _refresh(
    wave: Sequence[Segment], nodes: Mapping[str, Node], account_ids: Sequence[UUID], clock: Clock
) -> list[UUID]:
    said = true_rules([nodes[segment.key] for segment in wave], account_ids, clock)
    ids = [segment.pk for segment in wave]
    standing = SegmentMember.objects.filter(account_id__in=account_ids, segment__in=ids, left_on__isnull=True)
    members = {(account, segment): pk for pk, account, segment in standing.values_list("pk", "account", "segment")}
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
