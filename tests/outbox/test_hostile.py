"""Hostile templates, broken addresses, names that would add headers, and providers that fail in every way there is."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from config import environment
from hub.accounts.models import Contact
from hub.outbox import sending
from hub.outbox.brand import Kit
from hub.outbox.channels.base import Outgoing
from hub.outbox.channels.email.letter import letter
from hub.outbox.gates import MessageClass, Purpose
from hub.outbox.models import Delivery, Message
from hub.outbox.reasons import reason_words
from hub.outbox.rendering import TemplateError
from hub.outbox.services import Draft, message_queue
from hub.tenancy.context import tenant_context
from hub.tenancy.ids import uuid7
from hub.tenancy.models import Tenant
from tests.world import make_account, make_contact, make_member

# --- Forty templates ----------------------------------------------------------------------------------------------

REFUSED = [
    "{{ name.__class__ }}", "{{ name.__class__.__mro__ }}", "{{ ''.__class__ }}", "{{ self }}", "{{ request.user }}",
    "{{ settings.SECRET_KEY }}", "{% include '/etc/passwd' %}", "{% render 'x' %}", "{% layout 'x' %}",
    "{% extends 'x' %}", "{% import os %}", "{% raw %}{{ x }}", "{% tablerow x in (1..9) %}{% endtablerow %}",
    "{% for i in (1..999999999) %}x{% endfor %}",
    "{% for a in (1..999) %}{% for b in (1..999) %}x{% endfor %}{% endfor %}",
    "{{ 'x' | append: name | times: 1 | unknown }}",
    "{% assign x = 'a' %}{% for i in (1..99) %}{% assign x = x | append: x %}{% endfor %}",
    "{{ name", "{% if name %}", "{% endif %}", "{% for %}", "{{ name | }}", "{{ ''", "{% if %}" * 200, "{{" * 500,
    "{% increment x %}{% macro %}", "{{ 9 | times: 1e308 | times: 1e308 }}", "x" * 64_001,
]  # fmt: skip
HARMLESS = [
    "<script>alert(1)</script>hi", "<img src=x onerror=alert(1)>hi", "<a href='javascript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>'>x</a>", "<svg onload=alert(1)>hi", "<iframe src='https://evil.example'></iframe>hi",
    "<style>*{background:url(https://evil.example)}</style>hi", "<form action='https://evil.example'><input></form>hi",
    "<base href='https://evil.example'>hi", "<meta http-equiv=refresh content='0;url=//evil.example'>hi",
    "<mj-raw><script>1</script></mj-raw>hi", "@@CONTENT@@@@FOOT@@hi",
]  # fmt: skip
FORBIDDEN = ("<script", "onerror", "onload", "javascript:", "data:text", "<iframe", "<form", "<base",
             "http-equiv=refresh", "<svg", "{background:url", "<mj-")  # fmt: skip


@pytest.fixture
def kim(acme: Tenant) -> Contact:
    acme.settings = {"outbox": {"assume_consent": True, "holdout_percent": 0, "quiet_days": [], "quiet_from": "00:00",
                                "quiet_until": "00:00"}}  # fmt: skip
    acme.save()
    with tenant_context(acme):
        return make_contact(make_account())


def queue(contact: Contact, body: str = "<p>Hi</p>", **fields: Any) -> Message:
    draft = {
        "key": str(uuid7()), "contact": contact, "channel": "email", "message_class": MessageClass.SERVICE,
        "purpose": Purpose.ADOPTION, "subject": "Hello", "body": body, "values": {"name": "Kim"}, **fields,
    }  # fmt: skip
    with tenant_context(contact.tenant):
        return message_queue(Draft(**draft))


def test_there_are_forty() -> None:
    assert len({*REFUSED, *HARMLESS}) == 40


@pytest.mark.parametrize("body", REFUSED, ids=range(len(REFUSED)))
def test_a_template_that_reaches_out_is_refused_and_nothing_is_queued(kim: Contact, body: str) -> None:
    began = time.monotonic()
    with pytest.raises(TemplateError):
        queue(kim, body)
    assert time.monotonic() - began < 2
    with tenant_context(kim.tenant):
        assert not Message.objects.exists()


@pytest.mark.parametrize("body", HARMLESS, ids=range(len(HARMLESS)))
def test_markup_that_could_do_harm_never_reaches_a_letter(kim: Contact, body: str) -> None:
    message = queue(kim, body)
    html = parsed(outgoing(html=message.body_html, text=message.body_text)).get_body(("html",))
    assert html is not None
    content = html.get_content().lower()
    assert not [mark for mark in FORBIDDEN if mark in content]


# --- A thousand addresses -----------------------------------------------------------------------------------------

PIECES = ["kim", "@", "x.example", ",", ";", " ", "\n", "\r\nBcc: all@evil.example", "<", ">", '"', "(c)", "\x00", "\t",
          "..", "é", "münchen.example", "\u202e", "[127.0.0.1]", "%0a", ":", "\\", "a" * 70, ""]  # fmt: skip


def outgoing(**fields: Any) -> Outgoing:
    given = {
        "id": uuid7(), "key": "k", "address": "kim@x.example", "name": "Kim", "sender": "Acme", "subject": "Hello",
        "html": "<p>Hi</p>", "text": "Hi", **fields,
    }  # fmt: skip
    return Outgoing(**given)


def parsed(given: Outgoing) -> EmailMessage:
    read = message_from_bytes(letter(given).message().as_bytes(), policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


def test_of_a_thousand_broken_addresses_none_reaches_anybody_else() -> None:
    draw = random.Random(7)
    refused = 0
    for _ in range(1000):
        address = "".join(draw.choice(PIECES) for _ in range(draw.randint(1, 6)))
        try:
            mail = letter(outgoing(address=address))
        except ValueError as error:
            assert "address" in str(error)
            refused += 1
            continue
        # What is taken goes to exactly the one address that it says.
        [(to,)] = [mail.recipients()]
        assert to.count("@") == 1
        assert address.isprintable()
        assert "evil" not in to
        read = message_from_bytes(mail.message().as_bytes(), policy=policy.default)
        assert len(read["To"].addresses) == 1
        assert read["Bcc"] is None
    assert refused > 900


@pytest.mark.parametrize("field", ["name", "sender", "subject"])
@pytest.mark.parametrize(
    "said", ["Kim\r\nBcc: all@evil.example", "Kim\nX-Evil: 1", "Kim\r\rX: 1", 'Kim" <all@evil.example>, "x', "a@b, c@d"]
)
def test_no_name_adds_a_header_or_a_reader(field: str, said: str) -> None:
    mail = parsed(outgoing(**{field: said}))
    assert (mail["Bcc"], mail["X-Evil"], mail["X"]) == (None, None, None)
    assert [one.addr_spec for one in mail["To"].addresses] == ["kim@x.example"]
    assert [one.addr_spec for one in mail["From"].addresses] == ["no-reply@localhost"]


def test_a_sender_of_the_brand_kit_adds_none_either() -> None:
    kit = Kit(
        "Acme", sender_name="Kim\r\nBcc: all@evil.example", footer="</p><script>1</script>", logo_url='https://x/"><b>'
    )
    mail = parsed(outgoing(kit=kit, sender=kit.sender))
    html = mail.get_body(("html",))
    assert html is not None
    assert mail["Bcc"] is None
    assert "<script" not in html.get_content()


def test_a_broken_address_fails_with_its_reason_where_people_look(
    acme: Tenant, kim: Contact, settings: Any, tmp_path: Any
) -> None:
    settings.EMAIL_URL, settings.EMAIL_FILE_PATH = "", str(tmp_path)
    with tenant_context(acme):
        Contact.objects.update(email="kim@x.example, all@evil.example")
        kim.refresh_from_db()
    message = sent(queue(kim))
    assert (message.status, message.reason) == ("failed", "bad_letter")
    assert reason_words("bad_letter") in page_of(acme, message)
    assert list(tmp_path.iterdir()) == []


# --- Providers that fail ------------------------------------------------------------------------------------------


def sent(message: Message) -> Message:
    sending.drain(message.tenant.pk)
    with tenant_context(message.tenant):
        message.refresh_from_db()
    return message


def page_of(tenant: Tenant, message: Message) -> str:
    client = Client()
    client.force_login(make_member(tenant, "leader", password=None).user)
    # What people read begins a line with a capital.
    return str(client.get(f"/t/acme/journeys/outbox/{message.pk}/").content.decode()).lower()


class Wire:
    """A server of one line of conduct: answers with bytes, says nothing, or hangs up with a reset."""

    def __init__(self, greeting: bytes, answer: bytes | None, *, reset: bool = False) -> None:
        self.greeting, self.answer, self.reset = greeting, answer, reset
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listening.getsockname()[1]
        self.over = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while not self.over.is_set():
            try:
                line, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(line,), daemon=True).start()

    def _talk(self, line: socket.socket) -> None:
        with closing(line):
            line.sendall(self.greeting)
            if not self.greeting:
                self._end(line)
                return
            while asked := line.recv(65536):
                if asked[:4].upper() == b"DATA":
                    self._end(line)
                    return
                line.sendall(b"250 OK\r\n")

    def _end(self, line: socket.socket) -> None:
        if not self.greeting:
            line.recv(65536)
        if self.reset:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            return
        if self.answer is None:
            self.over.wait(5)
            return
        line.sendall(self.answer)
        self.over.wait(0.2)

    def close(self) -> None:
        self.over.set()
        self.listening.close()


def http(status: str, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "Content-Length: 0", "", ""]).encode()


HELLO = b"220 ready\r\n"
CASES = {
    "429": ("http", b"", http("429 Too Many Requests", "Retry-After: 1800"), False, "pending", "retry:429"),
    "500": ("http", b"", http("500 Oh"), False, "pending", "retry:5xx"),
    "400": ("http", b"", http("400 No"), False, "failed", "refused"),
    "hang": ("http", b"", None, False, "pending", "retry:timeout"),
    "reset": ("http", b"", None, True, "pending", "retry:reset"),
    "nonsense": ("http", b"", b"\x00\xff\r\n\r\n", False, "pending", "retry:reset"),
    "smtp 451": ("smtp", HELLO, b"451 later\r\n", False, "pending", "retry:4xx"),
    "smtp 554": ("smtp", HELLO, b"554 never\r\n", False, "failed", "refused"),
    "smtp hang": ("smtp", HELLO, None, False, "unknown", "no_answer:timeout"),
    "smtp reset": ("smtp", HELLO, None, True, "unknown", "no_answer"),
}


@pytest.fixture
def wire(request: Any) -> Iterator[Wire]:
    _, greeting, answer, reset, _, _ = CASES[request.param]
    wire = Wire(greeting, answer, reset=reset)
    yield wire
    wire.close()


@pytest.mark.parametrize(("wire", "case"), [(name, name) for name in CASES], indirect=["wire"], ids=list(CASES))
def test_each_failure_has_its_reason_where_people_look(
    acme: Tenant, kim: Contact, settings: Any, wire: Wire, case: str
) -> None:
    scheme, _, _, _, status, reason = CASES[case]
    use(settings, f"{scheme}://127.0.0.1:{wire.port}/mail" if scheme == "http" else f"smtp://127.0.0.1:{wire.port}")
    before = timezone.now()
    message = sent(queue(kim))
    assert (message.status, message.reason) == (status, reason)
    assert reason_words(reason).lower() in page_of(acme, message)
    with tenant_context(acme):
        assert Delivery.objects.get().detail
    if case == "429":
        assert message.due_at is not None
        assert message.due_at - before >= timedelta(seconds=1800)


def use(settings: Any, url: str) -> None:
    settings.EMAIL_URL = url
    for name, value in environment.email(url).items():
        setattr(settings, name, value)
    settings.EMAIL_TIMEOUT = 0.4


class Parting:
    """A mail server that takes `each` mails over a line and then hangs up without a word; 0: before the first."""

    def __init__(self, each: int) -> None:
        self.each, self.lines, self.taken = each, 0, 0
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self.listening.accept()
            except OSError:
                return
            self.lines += 1
            with closing(line), line.makefile("rb") as asked:
                self._talk(line, asked)

    def _talk(self, line: socket.socket, asked: Iterable[bytes]) -> None:
        line.sendall(b"220 ready\r\n")
        left, content = self.each, False
        for said in asked:
            if content and said != b".\r\n":
                continue
            if said[:4].upper() == b"MAIL" and not left:
                return
            if content:
                self.taken, left = self.taken + 1, left - 1
            content = said[:4].upper() == b"DATA"
            line.sendall(b"354 go on\r\n" if content else b"250 OK\r\n")


@pytest.fixture
def parting(request: Any) -> Iterator[Parting]:
    server = Parting(request.param)
    yield server
    server.listening.close()


@pytest.mark.parametrize("parting", [1], indirect=True)
def test_a_server_that_hangs_up_between_two_mails_takes_both(kim: Contact, settings: Any, parting: Parting) -> None:
    use(settings, f"smtp://127.0.0.1:{parting.port}")
    first, second = queue(kim), queue(kim)
    assert [sent(first).status, sent(second).status] == ["sent", "sent"]
    assert (parting.taken, parting.lines) == (2, 2)


@pytest.mark.parametrize("parting", [0], indirect=True)
def test_a_line_that_dies_before_the_content_is_tried_twice_and_then_later(
    kim: Contact, settings: Any, parting: Parting
) -> None:
    """Nothing was taken, so nobody has to find out whether it arrived."""
    use(settings, f"smtp://127.0.0.1:{parting.port}")
    message = sent(queue(kim))
    assert (message.status, message.reason, message.attempts) == ("pending", "retry:reset", 1)
    assert (parting.taken, parting.lines) == (0, 2)


@pytest.mark.parametrize("scheme", ["http", "smtp"])
def test_a_server_whose_name_nobody_knows_loses_nothing(acme: Tenant, kim: Contact, settings: Any, scheme: str) -> None:
    use(settings, f"{scheme}://no-such-host.invalid/")
    message = sent(queue(kim))
    assert (message.status, message.reason, message.attempts) == ("pending", "channel_down:dns", 0)
    assert reason_words(message.reason) in page_of(acme, message)
