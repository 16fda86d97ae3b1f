"""The sending domain: judged by what a name server really answers."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from hub.outbox.domains import DOMAIN, LookupFailed, domain_checks
from hub.outbox.lookups import texts_of
from hub.tenancy.models import Tenant
from tests.world import make_member

KEY = "v=DKIM1; k=rsa; p=" + "A" * 216
GOOD = {
    "acme.example": ["v=spf1 include:spf.post.example ~all", "some-other=1"],
    "s1._domainkey.acme.example": [KEY],
    "_dmarc.acme.example": ["v=DMARC1; p=quarantine"],
}


class NameServer(socketserver.BaseRequestHandler):
    """Answers TXT by UDP from a table; names under ``broken`` fail, and those under ``silent`` are not answered."""

    texts: dict[str, list[str]] = {}

    def handle(self) -> None:
        query = dns.message.from_wire(self.request[0])
        name = query.question[0].name.to_text(omit_final_dot=True)
        if name.endswith("silent.example"):
            return
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if name.endswith("broken.example"):
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif name not in self.texts:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        else:
            for text in self.texts[name]:
                # Longer than 255 letters comes in pieces, as every DKIM key does.
                pieces = " ".join(f'"{text[at : at + 255]}"' for at in range(0, len(text), 255))
                rows = dns.rrset.from_text(query.question[0].name, 60, "IN", "TXT", pieces)
                answer.answer.append(rows)
        self.request[1].sendto(answer.to_wire(), self.client_address)


@pytest.fixture
def server(settings: Any) -> Iterator[type[NameServer]]:
    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), NameServer) as running:
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        settings.SENDING_NAMESERVERS = [f"127.0.0.1:{running.server_address[1]}"]
        NameServer.texts = dict(GOOD)
        yield NameServer
        running.shutdown()


def states(texts: dict[str, list[str]], domain: str = "acme.example") -> dict[str, str]:
    """The state of each record, from a table instead of a server."""
    table = GOOD | texts
    checks = domain_checks(domain, lambda name: table.get(name, []), selector="s1", include="spf.post.example")
    return {check.key: check.state for check in checks}


def test_a_real_answer_is_read_in_all_its_pieces(server: type[NameServer]) -> None:
    server.texts["s1._domainkey.acme.example"] = ["v=DKIM1; k=rsa; p=" + "B" * 392]
    checks = domain_checks("acme.example", texts_of, selector="s1", include="spf.post.example")
    assert [(check.key, check.state) for check in checks] == [("spf", "ok"), ("dkim", "ok"), ("dmarc", "ok")]
    assert checks[1].found.endswith("B" * 392)
    missing = domain_checks("nothing.example", texts_of, selector="s1")
    assert [check.state for check in missing] == ["missing"] * 3
    assert all(check.put for check in missing)


def test_a_server_that_fails_says_nothing_about_the_domain(server: type[NameServer], monkeypatch: Any) -> None:
    monkeypatch.setattr("hub.outbox.lookups.SECONDS", 0.3)
    for domain in ("broken.example", "silent.example"):
        checks = domain_checks(domain, texts_of, selector="s1")
        assert [check.state for check in checks] == ["unknown"] * 3
        assert not any(check.put for check in checks)


@pytest.mark.parametrize(
    ("name", "records", "key", "state"),
    [
        ("acme.example", [], "spf", "missing"),
        ("acme.example", ["v=spf10 ~all"], "spf", "missing"),
        ("acme.example", ["v=spf1 ~all", "v=spf1 -all"], "spf", "wrong"),
        ("acme.example", ["v=spf1 include:other.example ~all"], "spf", "wrong"),
        ("acme.example", ["v=spf1 include:spf.post.example +all"], "spf", "wrong"),
        ("acme.example", ["v=spf1 include:spf.post.example" + " include:x.example" * 10 + " ~all"], "spf", "wrong"),
        ("acme.example", ["v=spf1 include:spf.post.example"], "spf", "warning"),
        ("acme.example", ["V=SPF1 +include:SPF.post.example redirect=x.example"], "spf", "ok"),
        ("s1._domainkey.acme.example", ["hello"], "dkim", "missing"),
        ("s1._domainkey.acme.example", ["v=DKIM1; p="], "dkim", "wrong"),
        ("s1._domainkey.acme.example", ["v=DKIM1; p=<b>"], "dkim", "wrong"),
        ("s1._domainkey.acme.example", ["v=DKIM1; p=" + "A" * 100], "dkim", "wrong"),
        ("s1._domainkey.acme.example", ["v=DKIM1; k=ed25519; p=" + "A" * 44], "dkim", "ok"),
        ("s1._domainkey.acme.example", [KEY + "; t=s:y"], "dkim", "warning"),
        ("_dmarc.acme.example", [], "dmarc", "missing"),
        ("_dmarc.acme.example", ["v=DMARC1; p=none", "v=DMARC1; p=reject"], "dmarc", "wrong"),
        ("_dmarc.acme.example", ["v=DMARC1; rua=mailto:a@x.example"], "dmarc", "wrong"),
        ("_dmarc.acme.example", ["v = DMARC1 ; p = none"], "dmarc", "ok"),
    ],
)
def test_each_way_in_which_a_record_is_wrong(name: str, records: list[str], key: str, state: str) -> None:
    found = states({name: records})
    assert found == {"spf": "ok", "dkim": "ok", "dmarc": "ok"} | {key: state}


def test_a_domain_below_is_judged_by_its_organisation() -> None:
    assert states({}, "mail.acme.example")["dmarc"] == "ok"


@given(st.text(max_size=60))
def test_no_record_breaks_the_check(text: str) -> None:
    for name in GOOD:
        assert set(states({name: [text]}).values()) <= {"ok", "warning", "missing", "wrong"}


@pytest.mark.parametrize(
    "bad", ["", "localhost", "-a.example", "a..example", "a b.example", "x" * 64 + ".example", "1.2.3.4"]
)
def test_what_is_no_domain_is_never_asked(bad: str) -> None:
    assert not DOMAIN.match(bad)


def test_the_page_says_what_to_put_where(acme: Tenant, server: type[NameServer]) -> None:
    client = Client()
    client.force_login(make_member(acme, "csm", password=None).user)
    url = "/t/acme/set-up/sending/domain/"
    assert "Nothing looked up yet" in client.get(url).text
    assert client.get(url, {"domain": "127.0.0.1"}).status_code == 422
    assert client.get(url, {"domain": "acme.example", "selector": "a/b"}).status_code == 422
    shown = client.get(url, {"domain": "ACME.example.", "selector": "s2", "include": "spf.post.example"}).text
    assert "s2._domainkey.acme.example" in shown
    assert "There is no key under this selector." in shown
    server.texts.clear()
    assert (
        "v=spf1 include:spf.post.example ~all"
        in client.get(url, {"domain": "acme.example", "include": "spf.post.example"}).text
    )


def test_without_a_name_server_the_answer_is_not_known(settings: Any, monkeypatch: Any) -> None:
    settings.SENDING_NAMESERVERS = ["127.0.0.1:1"]
    monkeypatch.setattr("hub.outbox.lookups.SECONDS", 0.2)
    with pytest.raises(LookupFailed):
        texts_of("acme.example")
