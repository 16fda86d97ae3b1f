"""What customers comment in their QBRs, as texts to be read."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from hub.registry.texts import Text, TextSource, text_sources
from qbr.models import QbrComment

COMMENTS = "qbr"


def _comments(ids: Sequence[UUID]) -> Sequence[Text]:
    """Comments of contacts; what staff answer says nothing about the customer."""
    rows = QbrComment.objects.select_related("contact").filter(pk__in=ids, contact__isnull=False)
    return [Text(row.pk, row.account_id, row.at, row.body, row.author) for row in rows]


def _after(pk: UUID | None, limit: int) -> Sequence[UUID]:
    rows = QbrComment.objects.filter(pk__gt=pk) if pk else QbrComment.objects.all()
    return list(rows.order_by("pk").values_list("pk", flat=True)[:limit])


def register() -> None:
    text_sources.register(TextSource(COMMENTS, "QBR comments", _comments, _after, order=30))
