"""A mail server that keeps what it takes, and when."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from config.embedded.server import free_port


@dataclass(frozen=True)
class Mail:
    """One mail that was handed over; `at` is a time of time.monotonic()."""

    at: float
    to: str
    content: bytes

    @property
    def message(self) -> EmailMessage:
        """The mail, parsed when somebody asks: at hundreds of mails a second the sink must stay cheap."""
        parsed = message_from_bytes(self.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed


@dataclass
class Sink:
    """`url` is what EMAIL_URL has to be for its mails to end here."""

    url: str
    mails: list[Mail] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        at = time.monotonic()
        with self.arrived:
            self.mails += [Mail(at, to, envelope.original_content or b"") for to in envelope.rcpt_tos]
            self.arrived.notify_all()
        return "250 OK"

    def wait_for(self, address: str, *, seconds: float) -> Mail:
        """The first mail to an address; raises TimeoutError."""
        with self.arrived:
            self.arrived.wait_for(lambda: self.to(address) is not None, seconds)
            found = self.to(address)
        if found is None:
            raise TimeoutError(f"no mail to {address} within {seconds:g} s")
        return found

    def to(self, address: str) -> Mail | None:
        """The first mail that came to an address so far."""
        return next((mail for mail in self.mails if mail.to == address), None)


@contextmanager
def mail_sink() -> Iterator[Sink]:
    """A mail server on a free port."""
    port = free_port()
    sink = Sink(f"smtp://127.0.0.1:{port}")
    controller = Controller(sink, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield sink
    finally:
        controller.stop()
