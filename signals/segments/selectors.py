"""Reads of segments: how many are in them now and were 90 days ago, and what they pay."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.utils import timezone

from hub.accounts.models import AccountFacts
from hub.registry.facts import known_facts
from hub.rules.compile import Clock, keeps_past
from hub.rules.explain import stored_sentence
from hub.rules.language import parse_stored
from hub.rules.matching import matches
from hub.rules.patience import OutOfPatienceError, patience
from hub.tenancy.context import current_tenant_id
from signals.segments.measures import IN
from signals.segments.models import Segment, SegmentMember

BACK: Final = timedelta(days=90)
PATIENCE: Final = 1.0
# How many members a segment's own page names.
SHOWN: Final = 10
COUNTED: Final = """
SELECT g.id,
    count(m.id) FILTER (WHERE m.left_on IS NULL),
    coalesce(sum(f.mrr_minor) FILTER (WHERE m.left_on IS NULL), 0)::bigint * 12,
    count(m.id) FILTER (WHERE m.joined_on <= %(then)s AND (m.left_on IS NULL OR m.left_on > %(then)s)),
    count(m.id) FILTER (WHERE m.joined_on > %(then)s AND m.left_on IS NULL),
    count(DISTINCT m.account_id) FILTER (WHERE m.left_on > %(then)s)
FROM signals_segment g
LEFT JOIN signals_segmentmember m ON m.tenant_id = g.tenant_id AND m.segment_id = g.id
    AND (m.left_on IS NULL OR m.left_on > %(then)s)
LEFT JOIN accounts_accountfacts f ON f.tenant_id = g.tenant_id AND f.account_id = m.account_id
WHERE g.tenant_id = %(tenant)s AND g.is_active AND (%(id)s::uuid IS NULL OR g.id = %(id)s::uuid)
GROUP BY g.id
"""


@dataclass(frozen=True, slots=True)
class SegmentLine:
    """A segment with its members now, what they pay a year (minor units), and how many there were 90 days ago.

    `before` is None where that is not known; `asked` says that it is what the rule says of that day, not who was in it.
    """

    segment: Segment
    sentence: str
    members: int
    arr_minor: int
    before: int | None
    asked: bool
    joined: int
    left: int

    @property
    def change(self) -> int | None:
        return None if self.before is None else self.members - self.before

    @property
    def rule_text(self) -> str:
        """The filter of the accounts list that shows its members."""
        return member_rule(self.segment.key)


def largest_members(segment: Segment) -> list[AccountFacts]:
    """Fact rows of the members that pay most, with account and owner. One query."""
    members = SegmentMember.objects.filter(segment=segment, left_on__isnull=True)
    rows = AccountFacts.objects.select_related("account__owner").filter(account__in=members.values("account"))
    return list(rows.order_by("-mrr_minor", "account_id")[:SHOWN])


def member_rule(key: str) -> str:
    rule = {"fact": IN, "with": {"segment": key}, "op": "eq", "value": True}
    return json.dumps(rule, separators=(",", ":"), ensure_ascii=False)


def segment_names() -> dict[str, str]:
    """The names of the segments in use by key, by name, to offer in forms."""
    return dict(Segment.objects.filter(is_active=True).order_by("name", "key").values_list("key", "name"))


def segment_lines(today: date, segment_id: UUID | None = None) -> list[SegmentLine]:
    """Segments in use by name, or one of them. Two queries; the past of a segment is asked of one alone."""
    values: dict[str, Any] = {"tenant": current_tenant_id(), "then": today - BACK, "id": segment_id}
    with connection.cursor() as cursor:
        cursor.execute(COUNTED, values)
        counted = {row[0]: row[1:] for row in cursor.fetchall()}
    known = known_facts()
    found = []
    for segment in Segment.objects.filter(pk__in=counted).order_by("name", "key"):
        members, arr, then, joined, left = counted[segment.pk]
        kept = segment.since <= today - BACK
        before, asked = (then, False) if kept else (None, False)
        if not kept and segment_id:
            before, asked = _asked(segment, today), True
        found.append(
            SegmentLine(segment, stored_sentence(segment.rule, known), members, arr, before, asked, joined, left)
        )
    return found


def _asked(segment: Segment, today: date) -> int | None:
    """Of how many accounts the rule was true 90 days ago; None where that cannot be asked, or not in time."""
    node = parse_stored(segment.rule, known_facts())
    if node is None or not keeps_past(node):
        return None
    try:
        with patience(PATIENCE):
            return matches(node, Clock(timezone.now() - BACK, today - BACK, past=True), shown=1).count
    except OutOfPatienceError:
        return None
