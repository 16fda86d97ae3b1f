"""Mail by HTTP (``EMAIL_URL=https://relay.example/path``): one POST per message, with an Idempotency-Key.

The body is the message as RFC 5322 text (``message/rfc822``); the key is the message's own, so a relay that honours
keys delivers it once however often it is posted. 2xx: taken; 409: known already; 429 and 5xx: try again; other 4xx:
refused for good. Set by the operator, never by a tenant, and so not bound by the rules for addresses that they type.
"""

from __future__ import annotations

import http.client
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from hub.outbox.channels.base import Outcome, Result


class RelayError(Exception):
    """A message that the relay did not take; ``result`` says what that means for it."""

    def __init__(self, result: Result) -> None:
        self.result = result
        super().__init__(result.detail)


class RelayDown(RelayError):
    """No answer. With a key it is safe to ask again."""


class RelayRefused(RelayError):
    """An answer that is not yes."""


class RelayBackend(BaseEmailBackend):
    """Django's mail connection over the relay; all mail of the product goes through it."""

    def __init__(self, fail_silently: bool = False, **kwargs: Any) -> None:
        super().__init__(fail_silently=fail_silently)
        self.connection: http.client.HTTPConnection | None = None

    def open(self) -> bool:
        if self.connection is not None:
            return False
        parts = urlsplit(settings.EMAIL_URL)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.connection = kind(parts.hostname or "localhost", parts.port, timeout=settings.EMAIL_TIMEOUT)
        self.connection.connect()
        return True

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        self.open()
        for message in email_messages:
            try:
                self._post(message)
            except RelayError:
                if not self.fail_silently:
                    raise
        return len(email_messages)

    def _post(self, message: EmailMessage) -> None:
        assert self.connection is not None
        content = message.message()
        key = content["X-Tandem-Key"] or content["Message-ID"]
        headers = {"Content-Type": "message/rfc822", "Idempotency-Key": str(key)}
        try:
            self.connection.request("POST", urlsplit(settings.EMAIL_URL).path or "/", content.as_bytes(), headers)
            answer = self.connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            # It took the connection and then said nothing: with a key it is safe to ask again.
            code = "retry:timeout" if isinstance(error, TimeoutError) else "retry:reset"
            raise RelayDown(Result(Outcome.RETRY, f"{type(error).__name__}: {error}"[:300], code=code)) from error
        if answer.status >= 300 and answer.status != 409:
            raise RelayRefused(_refusal(answer))


LONGEST_WAIT = 3600


def _refusal(answer: http.client.HTTPResponse) -> Result:
    """An answer that is not yes: come again, after the time that it names, or refused for good."""
    words = f"{answer.status} {answer.reason}"[:300]
    if answer.status == 429:
        asked = answer.headers.get("Retry-After", "")
        wait = min(int(asked), LONGEST_WAIT) if asked.isdecimal() and len(asked) < 9 else 0
        return Result(Outcome.RETRY, words, code="retry:429", wait=wait)
    return Result(Outcome.RETRY, words, code="retry:5xx") if answer.status >= 500 else Result(Outcome.FAILED, words)
