"""E-mail: by SMTP, by an HTTP relay that honours idempotency keys, or, with neither, into files and the viewer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.smtp import EmailBackend

from hub.accounts.models import Contact
from hub.outbox.channels.base import Outcome, Outgoing, Result, Send, channels, down
from hub.outbox.channels.email.files import write_file
from hub.outbox.channels.email.letter import letter
from hub.outbox.channels.email.relay import RelayDown, RelayRefused
from hub.outbox.channels.email.smtp import failure_of, hand_over
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
                return _hand_over(connection, mail)
            except ValueError as error:  # a header or an address that no mail can have
                return Result(Outcome.FAILED, str(error)[:300], code="bad_letter")

        try:
            yield send
        finally:
            try:
                connection.close()
            except OSError:
                # The provider hung up first; every message has its answer already.
                connection.connection = None


def _hand_over(connection: Any, mail: EmailMessage) -> Result:
    if isinstance(connection, EmailBackend):
        return hand_over(connection, mail, partial(_reach, connection))
    mail.message()  # raises ValueError before anything is reached
    _reach(connection)
    try:
        connection.send_messages([mail])
    except (RelayDown, RelayRefused) as error:
        return error.result
    except OSError as error:
        return failure_of(error)
    return Result(Outcome.SENT)


def _reach(connection: Any) -> None:
    try:
        connection.open()
    except OSError as error:
        raise down(error) from error


channels.register(Email())
