"""E-mail: by SMTP, by an HTTP relay that honours idempotency keys, or, with neither, into files and the viewer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import get_connection

from hub.accounts.models import Contact
from hub.outbox.channels.base import Outcome, Outgoing, Result, Send, channels, down
from hub.outbox.channels.email.files import write_file
from hub.outbox.channels.email.letter import letter
from hub.outbox.channels.email.relay import RelayDown, RelayRefused
from hub.outbox.channels.email.smtp import failure_of
from hub.outbox.gates import Consent


@dataclass(frozen=True)
class Email:
    key: str = "email"
    title: str = "E-mail"
    order: int = 10
    consent_by_default: Consent = Consent.UNKNOWN

    @property
    def honours_keys(self) -> bool:
        """A relay delivers a key once; a file is written over; plain SMTP knows nothing of keys."""
        return urlsplit(settings.EMAIL_URL).scheme not in ("smtp", "smtps")

    def address_of(self, contact: Contact) -> str:
        return contact.email

    @contextmanager
    def session(self) -> Iterator[Send]:
        if not settings.EMAIL_URL:
            yield write_file
            return
        connection: Any = get_connection()
        try:
            connection.open()
        except OSError as error:  # smtplib's errors are OSErrors too
            raise down(error) from error

        def send(outgoing: Outgoing) -> Result:
            if outgoing.kept:
                return write_file(outgoing)
            try:
                mail = letter(outgoing, connection)
                mail.message()
            except ValueError as error:  # a header or an address that no mail can have
                return Result(Outcome.FAILED, str(error)[:300], code="bad_letter")
            _reach(connection)
            try:
                connection.send_messages([mail])
            except (RelayDown, RelayRefused) as error:
                return error.result
            except OSError as error:
                return failure_of(error)
            return Result(Outcome.SENT)

        try:
            yield send
        finally:
            try:
                connection.close()
            except OSError:
                # The provider hung up first; every message has its answer already.
                connection.connection = None


def _reach(connection: Any) -> None:
    """Make sure that the line is alive before a message goes over it: a dead one here means *not sent* for certain."""
    session = getattr(connection, "connection", None)
    try:
        if session is not None and hasattr(session, "noop") and session.noop()[0] != 250:
            raise OSError("the server does not answer")
    except OSError:
        connection.connection = None
    try:
        connection.open()
    except OSError as error:
        raise down(error) from error


channels.register(Email())
