"""Amazon SNS: whose message is taken, and where its certificate may come from."""

from __future__ import annotations

import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pytest_django import Settings

from hub.ingest.connectors.base import Call, NotNow, NotVerified
from hub.ingest.connectors.mail.amazon import CERTIFICATE as PATTERN
from hub.ingest.connectors.mail.amazon import Certificates, confirmation_of, fetched, message_check
from hub.ingest.models import HookDelivery, HookEndpoint
from hub.outbox.models import Suppression
from hub.tenancy import calls
from hub.tenancy.calls import Unanswered
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.ingest.amazon import CERTIFICATE, HOST, NOW, TOPIC, certificate, key, publish, signed
from tests.ingest.hooks import send, states, take
from tests.ingest.test_connectors import make
from tests.world import make_account, make_contact

pytestmark = pytest.mark.django_db(transaction=True)

BOUNCE = json.dumps(
    {
        "eventType": "Bounce",
        "mail": {"messageId": "x", "destination": ["kim@x.example"], "headers": []},
        "bounce": {
            "bounceType": "Permanent",
            "bounceSubType": "General",
            "bouncedRecipients": [{"emailAddress": "kim@x.example"}],
        },
    }
)


@pytest.fixture(autouse=True)
def _published() -> None:
    publish()


@pytest.fixture
def ses(acme: Tenant) -> HookEndpoint:
    return make(acme, "mail", options={"provider": "ses"})


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_signed_bounce_suppresses_the_address(acme: Tenant, ses: HookEndpoint, version: str) -> None:
    with tenant_context(acme):
        make_contact(make_account(), "kim@x.example")
    [call] = take(acme, ses, signed({"Message": BOUNCE, "Subject": "Bounced"}, version=version))
    assert states([call]) == ["applied"]
    with tenant_context(acme):
        assert Suppression.objects.get().reason == "bounce"


def tampered(**fields: Any) -> dict[str, Any]:
    return {**signed({"Message": BOUNCE}), **fields}


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (tampered(Message="{}"), "not Amazon's"),
        (tampered(MessageId="m-2"), "not Amazon's"),
        (tampered(Timestamp=f"{NOW + timedelta(minutes=1):%Y-%m-%dT%H:%M:%S.000Z}"), "not Amazon's"),
        (tampered(Subject="added"), "not Amazon's"),
        (tampered(Signature="AAAA"), "not Amazon's"),
        (tampered(Signature="not base64!"), "not Amazon's"),
        (tampered(Signature=None), "not Amazon's"),
        (tampered(SignatureVersion="3"), "no signature"),
        (tampered(Type="Something"), "no signature"),
        (signed({"Message": BOUNCE}, by="somebody else"), "not Amazon's"),
        (tampered(SigningCertURL="https://evil.example/SimpleNotificationService-0.pem"), "address is not"),
        ({"Message": BOUNCE}, "no signature"),
        (signed({"Message": BOUNCE}, Timestamp=f"{NOW - timedelta(hours=2):%Y-%m-%dT%H:%M:%S.000Z}"), "an hour ago"),
        (signed({"Message": BOUNCE}, Timestamp=f"{NOW + timedelta(hours=2):%Y-%m-%dT%H:%M:%S.000Z}"), "ahead"),
        (signed({"Message": BOUNCE}, Timestamp="yesterday"), "an hour ago"),
    ],
)
def test_what_amazon_did_not_sign_just_now_is_401(
    acme: Tenant, ses: HookEndpoint, message: dict[str, Any], why: str
) -> None:
    answer = send(acme, ses, message)
    assert answer.status_code == 401
    assert why in answer.content.decode()
    with tenant_context(acme):
        assert not HookDelivery.objects.exists()


def test_a_message_that_was_sent_again_for_most_of_an_hour_is_taken(acme: Tenant, ses: HookEndpoint) -> None:
    late = signed({"Message": BOUNCE}, Timestamp=f"{NOW - timedelta(minutes=55):%Y-%m-%dT%H:%M:%S.000Z}")
    assert send(acme, ses, late).status_code == 200


def test_amazons_signature_does_not_stand_in_for_the_secret(acme: Tenant, ses: HookEndpoint) -> None:
    assert send(acme, ses, signed({"Message": BOUNCE}), secret="somebody-elses").status_code == 401


@pytest.mark.parametrize("kind", ["text/plain; charset=UTF-8", "text/plain", "application/json"])
def test_the_form_that_amazon_sends_is_taken(acme: Tenant, ses: HookEndpoint, kind: str) -> None:
    assert send(acme, ses, signed({"Message": BOUNCE}), content_type=kind).status_code == 200


def test_what_would_be_read_otherwise_than_it_was_checked_is_401(acme: Tenant, ses: HookEndpoint) -> None:
    """Text that a cleaner or another encoding turns into other fields than those that were signed."""
    good = json.dumps(signed({"Message": BOUNCE}))
    hidden = good.replace('"Message":', '"Mess\\u0000age":').replace("{", '{"Message": "{}", ', 1)
    assert send(acme, ses, hidden.encode()).status_code == 401
    # In UTF-7 the text of x ends, and another message begins.
    other = f'{good[:-1]}, "x": "+ACI-, +ACI-Message+ACI-: +ACI-evil"}}'.encode()
    for kind in ("text/plain; charset=utf-7", "text/plain; charset=utf-8; charset=utf-7"):
        assert send(acme, ses, other, content_type=kind).status_code == 401
    assert send(acme, ses, other, content_type="text/plain; charset=utf-8").status_code == 200


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/a.pem", "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/a.pem", "https://sns.eu-west-1.amazonaws.com:8443/a.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/a.pem", "https://sns.amazonaws.com.evil/a.pem",
        "https://sns.eu-west-1.amazonaws.com/../a.pem", "https://sns.eu-west-1.amazonaws.com/a.pem?x=1",
        "https://s3.eu-west-1.amazonaws.com/a.pem", "https://sns.a.b.amazonaws.com/a.pem", "file:///etc/passwd", "",
    ],
)  # fmt: skip
def test_no_certificate_comes_from_anywhere_else(url: str) -> None:
    assert not PATTERN.fullmatch(url)


def test_a_certificate_whose_time_is_over_vouches_for_nothing() -> None:
    old = certificate("old", NOW - timedelta(days=300), NOW - timedelta(days=1))
    kept = Certificates(lambda url: old.public_bytes(Encoding.PEM))
    with pytest.raises(NotVerified, match="not good at this time"):
        kept.get(CERTIFICATE, NOW)


def test_a_certificate_is_fetched_once_a_day_and_a_failure_is_not_waited_for_twice() -> None:
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        if len(asked) == 1:
            raise Unanswered("nobody is there")
        return certificate().public_bytes(Encoding.PEM)

    kept = Certificates(fetch)
    for seconds in (0, 1, 29):
        with pytest.raises(NotNow):
            kept.get(CERTIFICATE, NOW + timedelta(seconds=seconds))
    assert len(asked) == 1
    for hours in (1, 2, 24):
        assert kept.get(CERTIFICATE, NOW + timedelta(hours=hours)) == certificate()
    assert len(asked) == 2
    kept.get(CERTIFICATE, NOW + timedelta(hours=26))
    assert len(asked) == 3


def test_what_is_no_certificate_is_asked_for_again_later(acme: Tenant, ses: HookEndpoint) -> None:
    with pytest.raises(NotNow):
        Certificates(lambda url: b"<html>").get(CERTIFICATE, NOW)


class Host(BaseHTTPRequestHandler):
    """Amazon's host, with its certificate file."""

    seen: list[str] = []

    def do_GET(self) -> None:
        self.seen.append(f"{self.headers['Host']}{self.path}")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(certificate().public_bytes(Encoding.PEM))

    def log_message(self, *_: Any) -> None:
        """Silence."""


@pytest.fixture
def amazon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[None]:
    """A host of this machine that the resolver gives for Amazon's name, and whose certificate is trusted."""
    chain, private = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(certificate("host").public_bytes(Encoding.PEM))
    private.write_bytes(key("host").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, private)
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    Host.seen = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Host) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

        def port(parts: SplitResult) -> int:
            assert (parts.hostname, parts.port) == (HOST, None)
            return int(server.server_port)

        monkeypatch.setattr(calls, "resolve", lambda host, port: [ipaddress.ip_address("127.0.0.1")])
        monkeypatch.setattr(calls, "_port", port)
        yield
        server.shutdown()


def test_the_certificate_is_fetched_over_tls_from_amazons_name(amazon: None) -> None:
    kept = Certificates(fetched)
    assert kept.get(CERTIFICATE, NOW) == certificate()
    assert Host.seen == [CERTIFICATE.removeprefix("https://")]


def test_while_no_certificate_is_to_be_had_amazon_sends_again(
    acme: Tenant, ses: HookEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "resolve", lambda host, port: [ipaddress.ip_address("10.0.0.1")])
    elsewhere = {**signed({"Message": BOUNCE}), "SigningCertURL": CERTIFICATE.replace("eu-west-1", "eu-south-9")}
    answer = send(acme, ses, elsewhere)
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    with tenant_context(acme):
        assert not HookDelivery.objects.exists()


def test_a_check_says_nothing_of_what_it_does_not_know() -> None:
    call = Call("POST", "", {}, json.dumps(signed({"Message": BOUNCE})).encode())
    message_check(call, NOW)
    with pytest.raises(NotVerified):
        message_check(call, NOW + timedelta(hours=2))


def test_amazon_asks_for_a_confirmation_that_only_amazon_can_want(acme: Tenant, ses: HookEndpoint) -> None:
    ask = {
        "Type": "SubscriptionConfirmation",
        "Token": "2336412f37" * 23,
        # As long as theirs are: 230 characters of a token.
        "SubscribeURL": f"https://{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token={'2336412f37' * 23}",
    }
    over = {**ask, "Type": "UnsubscribeConfirmation", "MessageId": "m-3"}
    elsewhere = {**ask, "MessageId": "m-2", "SubscribeURL": "https://evil.example/?amazonaws.com/"}
    good, bad, gone = take(acme, ses, signed(ask), signed(elsewhere), signed(over))
    assert states([good, bad, gone]) == ["nothing"] * 3
    assert "open the address under SubscribeURL" in good.reason
    assert TOPIC in good.reason
    assert "do not open it" in bad.reason
    assert "ended the subscription" in gone.reason
    assert confirmation_of({"Type": "Notification"}) == ""
