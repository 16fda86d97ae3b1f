"""Writes of QBRs: generation for every account, edits that lose nobody's words, tags that become signals, sharing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from hub.accounts.facts import today_of
from hub.accounts.models import Account, AccountFacts, Contact
from hub.accounts.services import change_record, timeline_record
from hub.feedback.reading import texts_due
from hub.people.audit import Actor, audit
from hub.people.models import User
from hub.tenancy.live import announce
from hub.tenancy.models import Tenant
from qbr import outgoing
from qbr.blocks import KINDS, block_kinds
from qbr.models import LineTag, Qbr, QbrBlock, QbrComment, QbrLine, QbrLineRevision, QbrRead, QbrTemplate
from qbr.selectors import bring_up_to_date
from qbr.texts import COMMENTS
from signals.catalogue import QBR_LINE_TAGGED

BATCH = 200
MAX_TEXT = 5000


class StaleEdit(Exception):
    """Somebody else changed the line meanwhile; `current` is how it stands now, nothing was written."""

    def __init__(self, current: QbrLine) -> None:
        super().__init__("the line was changed meanwhile")
        self.current = current


@dataclass(frozen=True)
class Quarter:
    """A calendar quarter: its name, first day, and the day after its last."""

    name: str
    starts_on: date
    ends_on: date


def quarter_of(day: date) -> Quarter:
    number = (day.month - 1) // 3
    end_year, end_month = divmod(day.year * 12 + number * 3 + 3, 12)
    return Quarter(f"{day.year}-Q{number + 1}", date(day.year, number * 3 + 1, 1), date(end_year, end_month + 1, 1))


def template_default() -> QbrTemplate:
    """The tenant's template, made with every block kind in its order when there is none."""
    template, _ = QbrTemplate.objects.get_or_create(
        name="Quarterly review",
        defaults={"blocks": [{"kind": kind.key, "title": kind.title} for kind in block_kinds if kind.key in KINDS]},
    )
    found: QbrTemplate = template
    return found


@transaction.atomic
def qbr_generate_all(*, tenant: Tenant, actor: Actor, day: date | None = None) -> int:
    """Make this quarter's QBR for every account that has none, in one go; returns how many were made.

    Running it again makes what is missing and brings the sentences that were written from data up to date; nothing that
    anybody wrote or edited is touched.
    """
    quarter = quarter_of(day or today_of(tenant))
    template = template_default()
    missing = list(
        Account.objects.exclude(pk__in=Qbr.objects.filter(quarter=quarter.name).values("account_id"))
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    _refresh_openings(quarter)
    made = sum(_generate(missing[n : n + BATCH], template, quarter) for n in range(0, len(missing), BATCH))
    audit(actor, "qbr.generate", template, quarter=quarter.name, made=made)
    return made


def _generate(account_ids: Sequence[UUID], template: QbrTemplate, quarter: Quarter) -> int:
    accounts = Account.objects.in_bulk(account_ids)
    known = {row["account_id"]: row for row in AccountFacts.objects.filter(account_id__in=account_ids).values()}
    nothing = _no_facts()
    qbrs, blocks, lines = [], [], []
    for account_id in account_ids:
        account, facts = accounts[account_id], known.get(account_id, nothing)
        qbr = Qbr(
            account=account,
            template=template,
            quarter=quarter.name,
            starts_on=quarter.starts_on,
            ends_on=quarter.ends_on,
        )
        qbrs.append(qbr)
        for position, wanted in enumerate(template.blocks):
            kind = block_kinds.get(wanted["kind"])
            block = QbrBlock(account=account, qbr=qbr, kind=kind.key, title=wanted["title"], position=position)
            blocks.append(block)
            if text := kind.opening(account, facts):
                done = False if kind.key == "next_steps" else None
                lines.append(QbrLine(account=account, block=block, position=1, text=text, generated=True, done=done))
    # A QBR that somebody else made meanwhile stays; its blocks must not be doubled.
    Qbr.objects.bulk_create(qbrs, ignore_conflicts=True)
    stored = set(Qbr.objects.filter(pk__in=[qbr.pk for qbr in qbrs]).values_list("pk", flat=True))
    kept = [block for block in blocks if block.qbr_id in stored]
    QbrBlock.objects.bulk_create(kept, batch_size=1000)
    kept_ids = {block.pk for block in kept}
    QbrLine.objects.bulk_create([line for line in lines if line.block_id in kept_ids], batch_size=1000)
    return len(stored)


def _refresh_openings(quarter: Quarter) -> None:
    """Rewrite generated lines whose facts have moved on; the first edit makes a line somebody's own for good."""
    lines = (
        QbrLine.objects.select_for_update(of=("self",))
        .filter(block__qbr__quarter=quarter.name, generated=True, tag="")
        .select_related("account", "block")
        .order_by("pk")
    )
    known = {
        row["account_id"]: row for row in AccountFacts.objects.filter(account__qbrs__quarter=quarter.name).values()
    }
    changed = []
    for line in lines:
        text = block_kinds.get(line.block.kind).opening(line.account, known.get(line.account_id, _no_facts()))
        if text and text != line.text:
            line.text, line.revision, line.edited_at = text, line.revision + 1, timezone.now()
            changed.append(line)
    QbrLine.objects.bulk_update(changed, ["text", "revision", "edited_at"], batch_size=500)


def _no_facts() -> dict[str, Any]:
    return {
        field.attname: field.get_default() for field in AccountFacts._meta.concrete_fields if field.name != "tenant"
    }


@transaction.atomic
def line_add(*, block: QbrBlock, text: str, user: User | None, actor: Actor, internal: bool = False) -> QbrLine:
    """Append a line to a block; internal lines stay with staff."""
    last = QbrLine.objects.filter(block=block).aggregate(last=Max("position"))["last"] or 0
    line: QbrLine = QbrLine.objects.create(
        account_id=block.account_id,
        block=block,
        position=last + 1,
        text=_text(text),
        internal=internal,
        done=False if block.kind == "next_steps" else None,
        edited_by=user,
    )
    _edited(block.qbr_id)
    audit(actor, "qbr.line_add", line)
    return line


@transaction.atomic
def line_edit(
    *, line_id: UUID, revision: int, user: User, actor: Actor, text: str | None = None, internal: bool | None = None
) -> QbrLine:
    """Change a line that the editor saw at `revision`; raises StaleEdit, with the line as it is, when it moved on."""
    line = _locked(line_id)
    new_text = line.text if text is None else _text(text)
    new_internal = line.internal if internal is None else internal
    if (new_text, new_internal) == (line.text, line.internal):
        return line
    if line.revision != revision:
        raise StaleEdit(line)
    _keep(line, user)
    line.text, line.internal = new_text, new_internal
    line.revision += 1
    line.generated = False
    line.edited_by, line.edited_at = user, timezone.now()
    line.save(update_fields=["text", "internal", "revision", "generated", "edited_by", "edited_at"])
    _edited(line.block.qbr_id)
    audit(actor, "qbr.line_edit", line, revision=line.revision)
    return line


@transaction.atomic
def line_remove(*, line_id: UUID, revision: int, user: User, actor: Actor) -> None:
    """Remove a line; its words stay in the revisions. Raises StaleEdit when somebody changed it meanwhile."""
    line = _locked(line_id)
    if line.revision != revision:
        raise StaleEdit(line)
    _keep(line, user, removed=True)
    audit(actor, "qbr.line_remove", line)
    _edited(line.block.qbr_id)
    line.delete()


@transaction.atomic
def line_tick(*, line_id: UUID, done: bool, actor: Actor) -> None:
    """Tick or untick a next step."""
    QbrLine.objects.filter(pk=line_id, done__isnull=False).update(done=done)
    audit(actor, "qbr.line_tick", QbrLine.objects.get(pk=line_id), done=done)


@transaction.atomic
def line_tag(*, line_id: UUID, tag: str, user: User, actor: Actor) -> QbrLine:
    """Tag a line as a typed signal ("" takes the tag off). A line tells each tag once, however often it is set."""
    if tag and tag not in LineTag.values:
        raise ValueError(f"unknown tag {tag!r}: one of {', '.join(LineTag.values)}")
    line = _locked(line_id)
    # What was read is what is told.
    bring_up_to_date(line.account, [line])
    line.tag, line.tagged_at = tag, timezone.now() if tag else None
    line.save(update_fields=["text", "tag", "tagged_at"])
    audit(actor, "qbr.line_tag", line, tag=tag)
    if tag:
        change_record(
            account_id=line.account_id,
            kind=QBR_LINE_TAGGED,
            key=f"{line.pk}:{tag}",
            object_id=line.pk,
            occurred_at=timezone.now(),
            data={"tag": tag, "text": line.text[:300], "qbr_id": str(line.block.qbr_id)},
        )
    return line


@transaction.atomic
def qbr_share(*, qbr: Qbr, user: User, actor: Actor) -> bool:
    """Let the customer see the QBR in their hub; False when it was shared before."""
    now = timezone.now()
    if not Qbr.objects.filter(pk=qbr.pk, shared_at__isnull=True).update(shared_at=now, shared_by=user):
        return False
    outgoing.shared(qbr, now)
    audit(actor, "qbr.share", qbr)
    timeline_record(
        account_id=qbr.account_id,
        kind="qbr",
        key=f"shared:{qbr.pk}",
        title=f"QBR {qbr.quarter} shared with the customer",
        occurred_at=now,
        source=str(user),
        customer_visible=True,
    )
    return True


@transaction.atomic
def comment_add(
    *,
    block: QbrBlock,
    body: str,
    actor: Actor,
    contact: Contact | None = None,
    user: User | None = None,
    form: UUID | None = None,
) -> QbrComment:
    """A comment of the customer, or staff's answer; both sides see it. The same words in the same `form` are one."""
    text = _text(body)
    # A page that somebody came back to and wrote in again is another comment: the words belong to the key.
    key = form and uuid5(form, f"{block.pk} {actor.kind} {actor.id} {text}")
    comment = QbrComment(account_id=block.account_id, block=block, body=text, contact=contact, user=user, form=key)
    # A second sending waits here for the first one to commit.
    QbrComment.objects.bulk_create([comment], ignore_conflicts=True)
    if not QbrComment.objects.filter(pk=comment.pk).exists():
        known: QbrComment = QbrComment.objects.get(form=key)
        return known
    announce("qbr")
    audit(actor, "qbr.comment", comment)
    texts_due(kind=COMMENTS, object_ids=[comment.pk])
    timeline_record(
        account_id=block.account_id,
        kind="qbr",
        key=f"comment:{comment.pk}",
        title=f"Comment on “{block.title}” in the QBR",
        body=comment.body,
        occurred_at=comment.at,
        contact_id=contact.pk if contact else None,
        source="customer" if contact else str(user),
        customer_visible=True,
    )
    return comment


def read_record(*, qbr: Qbr, contact: Contact) -> None:
    """Count a contact's visit to the shared QBR."""
    now = timezone.now()
    seen, made = QbrRead.objects.get_or_create(qbr=qbr, contact=contact, defaults={"account_id": qbr.account_id})
    if not made:
        QbrRead.objects.filter(pk=seen.pk).update(last_at=now, times=F("times") + 1)


def _text(text: str) -> str:
    text = text.strip()
    if not text:
        raise ValueError("write something first")
    if len(text) > MAX_TEXT:
        raise ValueError(f"at most {MAX_TEXT:,} characters")
    return text


def _keep(line: QbrLine, user: User, *, removed: bool = False) -> None:
    QbrLineRevision.objects.create(
        account_id=line.account_id,
        qbr_id=line.block.qbr_id,
        line_id=line.pk,
        revision=line.revision,
        text=line.text,
        internal=line.internal,
        removed=removed,
        edited_by=user,
    )


def _edited(qbr_id: UUID) -> None:
    Qbr.objects.filter(pk=qbr_id).update(edited_at=timezone.now())


def _locked(line_id: UUID) -> QbrLine:
    line: QbrLine = QbrLine.objects.select_for_update(of=("self",)).select_related("block").get(pk=line_id)
    return line
