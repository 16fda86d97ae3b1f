from __future__ import annotations

from django.db import transaction

from hub.accounts.models import Account
from hub.accounts.services import states_lock, timeline_record
from hub.people.audit import Actor, audit
from hub.people.models import User
from hub.work.models import Note, Response, Task, TaskStatus

CONTACTS = (Note.Kind.CALL, Note.Kind.MEETING)


@transaction.atomic
def note_add(*, account: Account, author: User, body: str, actor: Actor, kind: str = Note.Kind.NOTE) -> Note:
    """Keep what somebody wrote about the account; internal, never shown to the customer.

    A call or a meeting is the first action of the author's open tasks there that nobody has begun.
    """
    if not body.strip():
        raise ValueError("a note needs some text")
    states_lock([account.pk])
    note: Note = Note.objects.create(account=account, author=author, body=body.strip(), kind=kind)
    if kind in CONTACTS:
        waiting = Task.objects.filter(account=account, assignee=author, status=TaskStatus.OPEN, responded_at=None)
        waiting.update(responded_at=note.created_at, responded_by=author, response=Response.CONTACT)
    timeline_record(
        account_id=account.id,
        kind="note",
        key=str(note.id),
        title=f"{note.get_kind_display()} by {author}",
        body=note.body,
        occurred_at=note.happened_at,
        source=str(author),
    )
    audit(actor, "note.add", note)
    return note
