"""A message in the customer's own hub: the row itself is what the contact reads there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hub.accounts.models import Contact
from hub.outbox.channels.base import Outcome, Outgoing, Result, Send, channels
from hub.outbox.gates import Consent


@dataclass(frozen=True)
class InHub:
    key: str = "in_hub"
    title: str = "Message in the hub"
    order: int = 20
    # Nothing is pushed at anybody: it waits where the contact comes by themselves. They may still object.
    consent_by_default: Consent = Consent.GRANTED
    honours_keys: bool = True

    def address_of(self, contact: Contact) -> str:
        return str(contact.pk)

    @contextmanager
    def session(self) -> Iterator[Send]:
        yield shown


def shown(outgoing: Outgoing) -> Result:
    """Being marked as sent is the delivery."""
    return Result(Outcome.SENT)


channels.register(InHub())
