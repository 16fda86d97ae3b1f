"""One request to a system's API with a connection's key: signed in first where the system wants it, bounded, followed
nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.conf import settings

from hub.ingest.connectors.base import JSON, decoded
from hub.ingest.models import PullAccess
from hub.ingest.pulling.base import Ask, Puller
from hub.tenancy.calls import Answer, Refused, Unanswered, call
from hub.tenancy.sealing import SecretUnreadable

SECONDS: Final = 30.0
MOST_BYTES: Final = 16 * 1024 * 1024
# What Salesforce answers, as 403, to who has asked too often.
TOO_OFTEN: Final = b"REQUEST_LIMIT_EXCEEDED"


class NotRead(Exception):
    """A request brought nothing: the answer's status (0 without an answer), what it said, and how long to wait."""

    def __init__(self, status: int, words: str, retry_after: str = "") -> None:
        super().__init__(words)
        self.status, self.retry_after = status, retry_after


def fetch(puller: Puller, access: PullAccess, ask: Ask) -> JSON:
    """The decoded answer to a request. Raises NotRead, Malformed."""
    return decoded(_good(answered(puller, access, ask)).body)


def answered(puller: Puller, access: PullAccess, ask: Ask) -> Answer:
    """The answer to a request, good or not. Raises NotRead when there is none, or the key is not taken."""
    try:
        token = access.secret
    except SecretUnreadable as error:
        raise NotRead(401, f"the key cannot be read: {error}") from None
    if puller.sign_in is not None:
        told = _sent(access, puller.sign_in(token), {})
        # OAuth answers 400 to a secret that is wrong.
        if told.status in (400, 401, 403):
            raise NotRead(401, "the system does not take this key")
        token = puller.token(decoded(_good(told).body))
    return _sent(access, ask, puller.headers(token))


def _sent(access: PullAccess, ask: Ask, headers: Mapping[str, str]) -> Answer:
    content, kind = ask.content()
    given = {"Accept": "application/json", "User-Agent": "Tandem", **kind, **headers}
    try:
        answer = call(
            ask.method,
            f"{access.address}{ask.path}",
            content,
            given,
            allow=settings.OUTGOING_ALLOW,
            seconds=SECONDS,
            most_bytes=MOST_BYTES + 1,
        )
    except (Refused, Unanswered) as error:
        raise NotRead(0, str(error)) from None
    if answer.status == 403 and TOO_OFTEN in answer.body[:1000]:
        raise NotRead(429, "the system answered that it was asked too often", answer.retry_after)
    return answer


def _good(answer: Answer) -> Answer:
    if answer.status != 200:
        words = {401: "the system does not take this key", 403: "this key may not read the list"}
        said = words.get(answer.status, f"the system answered {answer.status}")
        raise NotRead(answer.status, said, answer.retry_after)
    if len(answer.body) > MOST_BYTES:
        raise NotRead(0, f"a page of more than {MOST_BYTES // 1024 // 1024} MB is not read")
    return answer
