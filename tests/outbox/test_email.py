"""E-mail for real: an SMTP server, a relay that honours keys, and files when there is neither."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from config import environment
from hub.accounts.models import Contact
from hub.outbox import sending
from hub.outbox.gates import MessageClass, Purpose
from hub.outbox.models import Message
from hub.outbox.services import Draft, consent_set, message_queue
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.world import ACTOR, make_account, make_contact


class Mailbox:
    """What an SMTP server has taken; it refuses addresses that begin with `refuse`."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: Any) -> str:
        if address.startswith("refuse"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        mail = message_from_bytes(envelope.original_content or b"", policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    mailbox = Mailbox()
    port = free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    use(settings, f"smtp://127.0.0.1:{port}")
    yield mailbox
    controller.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def use(settings: Any, url: str) -> None:
    settings.EMAIL_URL = url
    for name, value in environment.email(url).items():
        setattr(settings, name, value)


@pytest.fixture
def kim(acme: Tenant) -> Contact:
    acme.settings = {"outbox": {"quiet_from": "00:00", "quiet_until": "00:00", "quiet_days": [], "holdout_percent": 0}}
    acme.save()
    with tenant_context(acme):
        kim = make_contact(make_account())
        consent_set(contact=kim, status="granted", source="form", actor=ACTOR)
    return kim


def send(contact: Contact, kind: str = "service", subject: str = "Hello") -> Message:
    with tenant_context(contact.tenant):
        message = message_queue(
            Draft(
                key=f"mail:{contact.pk}:{kind}:{subject}",
                contact=contact,
                channel="email",
                message_class=MessageClass(kind),
                purpose=Purpose.ADOPTION,
                subject=subject,
                body='<p>Good morning, Kim</p><h2><a href="https://hub.example/">Open</a></h2>',
            )
        )
    sending.drain(contact.tenant.pk)
    with tenant_context(contact.tenant):
        found: Message = Message.objects.get(pk=message.pk)
    return found


def test_a_message_reaches_a_real_mail_server(kim: Contact, mailbox: Mailbox) -> None:
    message = send(kim)
    assert message.status == "sent"
    (mail,) = mailbox.mails
    assert mail["Message-ID"] == f"<{message.pk}@localhost>"
    assert (mail["To"], mail["Subject"]) == ("Kim <kim@northwind.example>", "Hello")
    assert mail["From"].startswith("Acme <")
    html, text = mail.get_body(("html",)), mail.get_body(("plain",))
    assert html is not None
    assert text is not None
    assert "Good morning, Kim" in html.get_content()
    assert "https://hub.example/" in text.get_content()


def test_marketing_mail_says_how_to_leave_and_promises_one_click_only_over_https(
    kim: Contact, mailbox: Mailbox, settings: Any
) -> None:
    send(kim, "programme", "plain")
    settings.PUBLIC_URL, settings.IS_HTTPS = "https://hub.acme.example", True
    send(kim, "programme", "secure")
    send(kim, "service", "service")
    plain, secure, service = mailbox.mails
    assert plain["List-Unsubscribe"].strip().startswith("<mailto:")
    assert plain["List-Unsubscribe-Post"] is None
    assert secure["List-Unsubscribe"].strip().startswith("<https://hub.acme.example/u/")
    assert secure["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert service["List-Unsubscribe"] is None


def test_an_address_that_the_server_refuses_is_a_bounce(acme: Tenant, kim: Contact, mailbox: Mailbox) -> None:
    with tenant_context(acme):
        gone = make_contact(make_account("Fabrikam"), "refuse@fabrikam.example")
    assert (send(gone).status, send(kim).status) == ("failed", "sent")


@pytest.mark.parametrize("breaking", ["\n", "\r\n", "\r"])
def test_a_name_that_tries_to_add_headers_adds_none(
    acme: Tenant, kim: Contact, mailbox: Mailbox, breaking: str
) -> None:
    with tenant_context(acme):
        Contact.objects.update(name=f"Kim{breaking}Bcc: everybody@evil.example")
        kim.refresh_from_db()
    assert send(kim).status == "sent"
    (mail,) = mailbox.mails
    assert mail["Bcc"] is None
    assert [one.addr_spec for one in mail["To"].addresses] == [kim.email]


def test_no_server_at_the_other_end_loses_nothing(kim: Contact, settings: Any) -> None:
    use(settings, "smtp://127.0.0.1:1")
    message = send(kim)
    assert (message.status, message.reason, message.attempts) == ("pending", "channel_down", 0)


def test_without_a_mail_server_the_letter_is_a_file(kim: Contact, settings: Any, tmp_path: Path) -> None:
    settings.EMAIL_URL, settings.EMAIL_FILE_PATH = "", str(tmp_path / "mail")
    message = send(kim)
    assert (message.status, message.provider_id) == ("sent", f"{message.pk}.eml")
    assert b"Good morning, Kim" in (tmp_path / "mail" / f"{message.pk}.eml").read_bytes()


def test_a_tenant_that_keeps_its_mail_sends_nothing_out(
    acme: Tenant, kim: Contact, mailbox: Mailbox, settings: Any, tmp_path: Path
) -> None:
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")
    acme.settings["delivery"] = "viewer"
    acme.save()
    message = send(kim)
    assert (message.status, message.provider_id) == ("sent", f"{message.pk}.eml")
    assert (tmp_path / "mail" / f"{message.pk}.eml").exists()
    assert mailbox.mails == []


@pytest.mark.parametrize(
    ("answer", "status"), [(200, "sent"), (409, "sent"), (503, "pending"), (429, "pending"), (400, "failed")]
)
def test_a_relay_is_asked_with_the_messages_own_key(kim: Contact, settings: Any, answer: int, status: str) -> None:
    seen: Counter[str] = Counter()

    class Relay(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            seen[self.headers["Idempotency-Key"]] += 1
            self.send_response(answer)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Relay)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        use(settings, f"http://127.0.0.1:{server.server_port}/mail")
        message = send(kim)
    finally:
        server.shutdown()
        server.server_close()
    assert message.status == status
    assert seen == {str(message.pk): 1}
