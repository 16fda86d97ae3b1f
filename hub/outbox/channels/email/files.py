"""Without a mail server, or for a tenant that keeps its mail: the letter as a file, beside the outbox viewer."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from hub.outbox.channels.base import ChannelDown, Outcome, Outgoing, Result
from hub.outbox.channels.email.letter import letter


def write_file(outgoing: Outgoing) -> Result:
    """Write ``<message id>.eml``; the same message again writes the same file."""
    path = Path(settings.EMAIL_FILE_PATH) / f"{outgoing.id}.eml"
    try:
        content = letter(outgoing).message().as_bytes()
    except ValueError as error:  # a header or an address that no mail can have
        return Result(Outcome.FAILED, str(error)[:300], code="bad_letter")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise ChannelDown(str(error)[:200]) from error
    why = "this tenant sends nothing out" if outgoing.kept else "no mail server is configured"
    return Result(Outcome.SENT, detail=f"kept in the viewer: {why}", provider_id=path.name)
