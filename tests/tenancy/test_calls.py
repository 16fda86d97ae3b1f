"""What a tenant's address may lead to, and what it may not."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.tenancy import calls
from hub.tenancy.calls import Refused, Unanswered, checked_url, chosen_address, is_open, post

LOOPBACK = ["127.0.0.1"]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.5.5", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.127.255.255",
        "0.0.0.0", "255.255.255.255", "224.0.0.1", "240.0.0.1", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1",
        "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::", "2001:db8::1",
    ],
)  # fmt: skip
def test_an_address_off_the_open_internet_is_not_open(address: str) -> None:
    assert not is_open(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:4700:4700::1111", "8.8.8.8"])
def test_an_address_on_the_open_internet_is_open(address: str) -> None:
    assert is_open(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_address_is_no_more_open_inside_another_one(inner: ipaddress.IPv4Address) -> None:
    for outer in (f"::ffff:{inner}", str(ipaddress.IPv6Address(int(calls.NAT64.network_address) | int(inner)))):
        assert not is_open(ipaddress.ip_address(outer)) or is_open(inner)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/", "ftp://hooks.example/", "https://", "https://user:pw@hooks.example/", "hooks.example",
        "https://hooks.example:99999/", "https://hooks.example:0/", "https://hooks.example/a b", "https://[::1", "",
        "https://hooks.example/\r\nX: y", "javascript:alert(1)", "https://hooks.example/\x00",
    ],
)  # fmt: skip
def test_a_text_that_is_no_good_address_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        checked_url(url)


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/", "https://[::1]/", "https://localhost/", "https://0x7f000001/", "https://2130706433/"]
)
def test_loopback_is_refused_however_it_is_written(url: str) -> None:
    with pytest.raises(Refused):
        post(url, b"", {})


def test_a_name_with_one_address_inside_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [ipaddress.ip_address("93.184.215.14"), ipaddress.ip_address("10.0.0.1")]
    monkeypatch.setattr(calls, "resolve", lambda host, port: both)
    with pytest.raises(Refused, match=r"10\.0\.0\.1"):
        chosen_address(checked_url("https://two.example/"), allow=[])


def test_a_name_that_nobody_knows_is_refused() -> None:
    with pytest.raises(Refused, match="cannot be resolved"):
        post("https://nobody-knows.invalid/", b"", {})


def test_what_the_operator_allows_opens_nothing_beside_it() -> None:
    for url in ("https://10.0.0.1/", "http://93.184.215.14/", "https://127.0.0.2/"):
        with pytest.raises(Refused):
            post(url, b"", {}, allow=LOOPBACK)


class Behaviour(BaseHTTPRequestHandler):
    """Answers by the path."""

    seen: list[tuple[str, bytes]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, body))
        if self.path == "/drip":
            self._drip()
            return
        self.send_response({"/moved": 302, "/no": 500}.get(self.path, 200))
        self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/followed")  # type: ignore[attr-defined]
        self.end_headers()
        self.wfile.write(b"x" * (1_000_000 if self.path == "/long" else 2))

    def _drip(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        try:
            for _ in range(200):
                self.wfile.write(b"X-Wait: 1\r\n")
                self.wfile.flush()
                time.sleep(0.05)
        except OSError:
            pass

    def log_message(self, *_: Any) -> None:
        """Silence."""


@pytest.fixture
def server() -> Iterator[str]:
    Behaviour.seen = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Behaviour) as running:
        running.daemon_threads = True
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_an_allowed_address_is_called(server: str) -> None:
    answer = post(f"{server}/in?a=b", b"hello", {"X-A": "b"}, allow=LOOPBACK)
    assert (answer.status, answer.body) == (200, b"xx")
    assert Behaviour.seen == [("/in?a=b", b"hello")]


def test_a_redirect_is_an_answer_and_not_followed(server: str) -> None:
    assert post(f"{server}/moved", b"", {}, allow=LOOPBACK).status == 302
    assert [path for path, _ in Behaviour.seen] == ["/moved"]


def test_a_long_answer_is_read_to_64_kilobytes(server: str) -> None:
    assert len(post(f"{server}/long", b"", {}, allow=LOOPBACK).body) == calls.MOST_BYTES


def test_an_answer_that_drips_ends_with_the_time_for_the_whole(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "SECONDS", 0.5)
    # Not because of the hundredth header, which comes after five seconds.
    with pytest.raises(Unanswered, match=calls.LATE):
        post(f"{server}/drip", b"", {}, allow=LOOPBACK)


def test_a_port_where_nobody_listens_is_no_answer() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(Unanswered):
        post(f"http://127.0.0.1:{port}/", b"", {}, allow=LOOPBACK)


def test_a_server_whose_certificate_nobody_vouches_for_is_no_answer(server: str) -> None:
    with pytest.raises(Unanswered):
        post(server.replace("http:", "https:"), b"", {}, allow=LOOPBACK)


def test_the_connection_goes_to_the_address_that_was_looked_at(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that answers otherwise the second time does not get a second time."""
    asked: list[str] = []

    def once(host: str, port: int) -> list[calls.Address]:
        asked.append(host)
        return [ipaddress.ip_address("127.0.0.1")]

    monkeypatch.setattr(calls, "resolve", once)
    url = server.replace("127.0.0.1", "rebinding.invalid")
    assert post(f"{url}/in", b"", {}, allow=LOOPBACK).status == 200
    assert asked == ["rebinding.invalid"]
