"""A provider that remembers what it took, and that fails on demand: a channel for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from hub.accounts.models import Contact
from hub.outbox.channels.base import ChannelDown, Outcome, Outgoing, Result, Send, channels
from hub.outbox.gates import Consent


class Died(BaseException):
    """The worker's process ends in the middle of a call."""


@dataclass
class Provider:
    """`answer` decides about each message; `down` says that the provider cannot be reached."""

    honours_keys: bool = False
    key: str = "email"
    title: str = "E-mail"
    order: int = 10
    consent_by_default: Consent = Consent.UNKNOWN
    taken: list[Outgoing] = field(default_factory=list)
    down: bool = False
    answer: Callable[[Outgoing], Result] = lambda outgoing: Result(Outcome.SENT)

    def address_of(self, contact: Contact) -> str:
        return contact.email

    @contextmanager
    def session(self) -> Iterator[Send]:
        if self.down:
            raise ChannelDown("no route")
        yield self.take

    def take(self, outgoing: Outgoing) -> Result:
        result = self.answer(outgoing)
        self.taken.append(outgoing)
        return result


@contextmanager
def in_place_of_email(provider: Provider) -> Iterator[Provider]:
    """Let the provider be the e-mail channel."""
    real = channels.get("email")
    channels._items["email"], channels._sorted = provider, None
    try:
        yield provider
    finally:
        channels._items["email"], channels._sorted = real, None
