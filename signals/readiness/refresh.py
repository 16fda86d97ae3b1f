"""The upkeep of readiness: part of the evaluation, after the changes that are told and before the triggers.

Only accounts that pay are asked; nothing is written where nothing is another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from hub.rules.compile import Clock
from hub.tenancy.context import current_tenant_id
from hub.tenancy.prepared import Places, Prepared
from hub.tenancy.statements import ask, ask_all
from signals.readiness.criteria import Kind
from signals.readiness.models import ExpansionReadiness
from signals.readiness.reading import Asked, Said, asked_now, read

STORED: Final = (
    "states", "lacks_seat", "lacks_tier", "lacks_cross_sell", "lacks", "rank", "score", "velocity", "breadth", "depth",
    "mrr_minor", "version",
)  # fmt: skip
PAYS: Final = """
SELECT account_id, mrr_minor FROM accounts_accountfacts WHERE tenant_id = %s AND account_id = ANY(%s) AND mrr_minor > 0
"""
FACTS: Final = """
UPDATE accounts_accountfacts f
SET expansion_seat = x.seat, expansion_tier = x.tier, expansion_cross_sell = x.cross_sell, expansion_score = x.score
FROM unnest(%(ids)s::uuid[], %(seat)s::bool[], %(tier)s::bool[], %(cross_sell)s::bool[], %(score)s::smallint[])
    AS x (account_id, seat, tier, cross_sell, score)
WHERE f.tenant_id = %(tenant)s AND f.account_id = x.account_id
"""


@Prepared[ExpansionReadiness]
def _stored(the: Places) -> Any:
    return ExpansionReadiness.objects.filter(account_id__in=the.uuids("accounts"))


def readiness_refresh(account_ids: Sequence[UUID], clock: Clock) -> list[UUID]:
    """Bring the readiness of these accounts up to date; returns those of which anything is another now."""
    ids = sorted(set(account_ids))
    paying = (PAYS, [current_tenant_id(), ids])
    payers, rows = ask_all([paying, _stored.question(accounts=ids)])
    pays: dict[UUID, int] = dict(payers)
    known = {row.account_id: row for row in _stored.answers(rows)}
    gone = sorted(known.keys() - pays.keys())
    changed: list[ExpansionReadiness] = []
    if pays:
        asked = asked_now()
        for pk, said in read(asked, sorted(pays), clock).items():
            row = known.get(pk) or ExpansionReadiness(account_id=pk)
            before = [getattr(row, name) for name in STORED]
            _take(row, said, asked, pays[pk])
            if pk not in known or before != [getattr(row, name) for name in STORED]:
                row.computed_at = clock.now
                changed.append(row)
    _write(changed, gone)
    return sorted([row.account_id for row in changed] + gone)


def _take(row: ExpansionReadiness, said: Said, asked: Asked, mrr_minor: int) -> None:
    lacks = {kind: said.lacks(kind, asked) for kind in Kind}
    row.states = {key: state.value for key, state in said.states.items()}
    row.lacks_seat, row.lacks_tier, row.lacks_cross_sell = lacks[Kind.SEAT], lacks[Kind.TIER], lacks[Kind.CROSS_SELL]
    row.lacks = min(lacks.values())
    found = said.propensity
    row.score, row.velocity, row.breadth, row.depth = found.score, found.velocity, found.breadth, found.depth
    row.rank = -1 if found.score is None else found.score
    row.mrr_minor, row.version = mrr_minor, asked.number


def _write(changed: Sequence[ExpansionReadiness], gone: Sequence[UUID]) -> None:
    if changed:
        ExpansionReadiness.objects.bulk_create(
            changed,
            update_conflicts=True,
            unique_fields=["tenant", "account"],
            update_fields=[*STORED, "computed_at"],
        )
    if gone:
        ExpansionReadiness.objects.filter(account_id__in=gone).delete()
    if not changed and not gone:
        return
    none = [False] * len(gone)
    values: dict[str, Any] = {
        "tenant": current_tenant_id(),
        "ids": [*(row.account_id for row in changed), *gone],
        "seat": [*(row.lacks_seat == 0 for row in changed), *none],
        "tier": [*(row.lacks_tier == 0 for row in changed), *none],
        "cross_sell": [*(row.lacks_cross_sell == 0 for row in changed), *none],
        "score": [*(row.score for row in changed), *([None] * len(gone))],
    }
    ask(FACTS, values)
