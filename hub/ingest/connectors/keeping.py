"""Words kept: what a source said of its things, and the things, under the source's lock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import connection

from hub.ingest.connectors.base import COMPANY, PERSON, Connector, Facts, Word
from hub.ingest.connectors.places import HOW, LEFT, OWNER
from hub.ingest.models import SourceObject, SourceWord
from hub.tenancy.context import current_tenant_id


def source_lock(source: str) -> None:
    """Wait until nobody else of the tenant applies words of this source; held until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{current_tenant_id()}:{source}"])


def words_keep(
    connector: Connector, source: str, words: Sequence[Word], *, delivery_id: UUID | None
) -> list[SourceObject]:
    """Store words that are new, and the things that they are about or belong to, which are returned."""
    things = _things(connector, source, words)
    SourceWord.objects.bulk_create(
        [
            SourceWord(
                thing=things[word.kind, word.id],
                at=word.at,
                rank=word.rank,
                event=word.event[:200],
                facts=_stored(word),
                delivery_id=delivery_id,
            )
            for word in words
        ],
        ignore_conflicts=True,
    )
    return list(things.values())


def _stored(word: Word) -> Facts:
    owner = {OWNER: word.company, "_person": word.person, "_email": word.email, HOW: word.hold, LEFT: word.left}
    return {**word.facts, **{name: value for name, value in owner.items() if value}}


def _things(connector: Connector, source: str, words: Iterable[Word]) -> dict[tuple[str, str], SourceObject]:
    wanted: dict[tuple[str, str], None] = {}
    for word in words:
        wanted[word.kind, word.id] = None
        if word.company:
            wanted[COMPANY, word.company] = None
        if word.person:
            wanted[PERSON, word.person] = None
    for kind, external_id in wanted:
        if not external_id or len(external_id) > 200:
            raise ValueError(f"the id of the {kind} is empty or longer than 200 characters")
    known = SourceObject.objects.filter(source=source, external_id__in={pk for _, pk in wanted})
    found = {(thing.kind, thing.external_id): thing for thing in known}
    fresh = [
        SourceObject(source=source, connector=connector.key, kind=kind, external_id=pk)
        for kind, pk in wanted
        if (kind, pk) not in found
    ]
    SourceObject.objects.bulk_create(fresh)
    return {**found, **{(thing.kind, thing.external_id): thing for thing in fresh}}
