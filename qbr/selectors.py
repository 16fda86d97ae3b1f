"""Reads of QBRs. What a customer may see is decided here, where data leaves, never in a template."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Max, Prefetch, Q, QuerySet

from hub.accounts.models import Account, AccountFacts
from qbr.blocks import BlockKind, Data, Period, block_kinds
from qbr.models import Qbr, QbrBlock, QbrComment, QbrLine

STALE_AFTER_DAYS = 30


@dataclass(frozen=True)
class BlockView:
    """A block ready to show: its live data, and its lines and comments as far as the reader may see them."""

    block: QbrBlock
    kind: BlockKind
    data: Data
    lines: list[QbrLine]
    comments: list[QbrComment]


def qbr_view(qbr: Qbr, *, today: date, for_customer: bool) -> list[BlockView]:
    """The blocks of a QBR in order. For the customer without a single internal line."""
    lines = QbrLine.objects.order_by("position", "pk")
    if for_customer:
        lines = lines.filter(internal=False)
    comments = QbrComment.objects.select_related("contact", "user").order_by("at", "pk")
    blocks = (
        QbrBlock.objects.filter(qbr=qbr)
        .prefetch_related(Prefetch("lines", queryset=lines), Prefetch("comments", queryset=comments))
        .order_by("position")
    )
    period = Period(qbr.starts_on, qbr.ends_on, today)
    views = [_block_view(block, qbr.account, period) for block in blocks]
    bring_up_to_date(qbr.account, [line for view in views for line in view.lines])
    return views


def bring_up_to_date(account: Account, lines: Iterable[QbrLine]) -> None:
    """Give lines that were written from data, and that nobody has touched, the words of today; in memory only.

    Beside live figures an old sentence would contradict them. One query, none without such a line.
    """
    untouched = [line for line in lines if line.generated and not line.tag]
    facts = AccountFacts.objects.filter(account=account).values().first() if untouched else None
    if facts is None:
        return
    for line in untouched:
        line.text = block_kinds.get(line.block.kind).opening(account, facts) or line.text


def _block_view(block: QbrBlock, account: Account, period: Period) -> BlockView:
    kind = block_kinds.get(block.kind)
    return BlockView(
        block=block,
        kind=kind,
        data=kind.show(account, period),
        lines=list(block.lines.all()),
        comments=list(block.comments.all()),
    )


def shared_qbrs(account: Account) -> QuerySet[Qbr]:
    """QBRs that the account's contacts may read, the latest first."""
    found: QuerySet[Qbr] = Qbr.objects.filter(account=account, shared_at__isnull=False).order_by("-quarter")
    return found


def qbr_list(quarter: str, *, search: str = "", state: str = "") -> QuerySet[Qbr]:
    """QBRs of a quarter with account and owner, comments and last reading counted; longest unedited first."""
    qbrs = Qbr.objects.filter(quarter=quarter).select_related("account", "account__owner")
    if search:
        qbrs = qbrs.filter(account__name__icontains=search)
    if state in ("shared", "draft"):
        qbrs = qbrs.filter(shared_at__isnull=state == "draft")
    found: QuerySet[Qbr] = qbrs.annotate(
        comment_count=Count("blocks__comments", filter=Q(blocks__comments__contact__isnull=False), distinct=True),
        read_at=Max("reads__last_at"),
    ).order_by("edited_at", "pk")
    return found


@dataclass(frozen=True)
class Coverage:
    """QBR coverage of a quarter: accounts with a QBR shared ÷ accounts."""

    accounts: int
    made: int
    shared: int

    @property
    def ratio(self) -> float | None:
        return self.shared / self.accounts if self.accounts else None


def coverage(quarter: str) -> Coverage:
    counted = Qbr.objects.filter(quarter=quarter).aggregate(
        made=Count("pk"), shared=Count("pk", filter=Q(shared_at__isnull=False))
    )
    return Coverage(accounts=Account.objects.count(), **counted)
