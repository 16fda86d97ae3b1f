"""Calls to addresses that a tenant typed: only to the open internet, once, briefly, and without following anybody.

The name is resolved once, every address that it has must be a global one, and the connection goes to the address that
was looked at, so that a name cannot point elsewhere a moment later. `OUTGOING_ALLOW` (operator only) names addresses
or networks that may be reached beside those, and over plain http too. Python only, but for the setting.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

SECONDS = 10.0
MOST_BYTES: Final = 64 * 1024
LATE: Final = "no answer within ten seconds"
NAT64: Final = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Refused(Exception):
    """This address is not called, whatever it would answer."""


class Unanswered(Exception):
    """There was no answer: no connection, no certificate, or no end in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and the first bytes of what was answered; `date` is the server's clock."""

    status: int
    body: bytes
    retry_after: str = ""
    date: str = ""


def checked_url(url: str, *, allow: Iterable[str] = ()) -> SplitResult:
    """The parts of an address that may be called as far as its text tells; raises Refused with the reason."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Refused(f"this is no address: {error}") from None
    if any(character.isspace() or not character.isprintable() for character in url):
        raise Refused("the address holds a blank or a character that cannot be seen")
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise Refused("the address must begin with https:// and name a host")
    if parts.scheme == "http" and not list(allow):
        raise Refused("the address must begin with https://")
    if parts.username or parts.password:
        raise Refused("the address must not hold a name or a password")
    if port == 0:
        raise Refused("the port must be 1 to 65535")
    return parts


def resolve(host: str, port: int) -> list[Address]:
    """Every address of a name, in the resolver's order; raises Refused when there is none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Refused(f"the name {host} cannot be resolved: {error}") from None
    return [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]


def is_open(address: Address) -> bool:
    """Whether an address, and every address inside it, belongs to the open internet."""
    if address.is_multicast or address.is_reserved or address.is_unspecified or not address.is_global:
        return False
    return all(is_open(inner) for inner in _inside(address))


def _inside(address: Address) -> list[Address]:
    """IPv4 addresses that an IPv6 one leads to: mapped, 6to4, Teredo, NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found: list[Address | None] = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in NAT64:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [inner for inner in found if inner is not None]


def _allowed(address: Address, allow: Iterable[str]) -> bool:
    return any(address in ipaddress.ip_network(entry, strict=False) for entry in allow)


def chosen_address(parts: SplitResult, *, allow: Iterable[str]) -> Address:
    """The one address to connect to; raises Refused when the name leads anywhere it must not."""
    allow = list(allow)
    addresses = resolve(parts.hostname or "", _port(parts))
    for address in addresses:
        known = _allowed(address, allow)
        if not known and not is_open(address):
            raise Refused(f"{parts.hostname} leads to {address}, which is not on the open internet")
        if parts.scheme == "http" and not known:
            raise Refused("the address must begin with https://")
    return addresses[0]


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def post(url: str, body: bytes, headers: Mapping[str, str], *, allow: Iterable[str] = ()) -> Answer:
    """POST once and read what is answered, all within ten seconds; raises Refused or Unanswered."""
    return call("POST", url, body, headers, allow=allow)


def call(
    method: str,
    url: str,
    body: bytes | None,
    headers: Mapping[str, str],
    *,
    allow: Iterable[str] = (),
    seconds: float | None = None,
    most_bytes: int = MOST_BYTES,
) -> Answer:
    """Call once and read at most `most_bytes` of the answer, all within `seconds`; raises Refused or Unanswered."""
    seconds = SECONDS if seconds is None else seconds
    allow = list(allow)
    parts = checked_url(url, allow=allow)
    connection = _Pinned(chosen_address(parts, allow=allow), parts, seconds)
    deadline = time.monotonic() + seconds
    # A server that sends a byte now and then would never run into the timeout of a single read.
    watch = threading.Timer(seconds, connection.hang_up)
    watch.daemon = True
    watch.start()
    try:
        connection.connect()
        connection.request(method, _target(parts), body, {**headers, "Host": _host(parts), "Connection": "close"})
        response = connection.getresponse()
        told = response.headers
        answer = Answer(response.status, response.read(most_bytes), told.get("Retry-After", ""), told.get("Date", ""))
    except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
        raise Unanswered(_late(seconds) if time.monotonic() >= deadline else _words(error)) from error
    finally:
        watch.cancel()
        connection.close()
    if time.monotonic() >= deadline:
        # Cut off by us, it only looks like an end.
        raise Unanswered(_late(seconds))
    return answer


def _late(seconds: float) -> str:
    return LATE if seconds == SECONDS else f"no whole answer within {seconds:.0f} seconds"


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was looked at; over https it asks for the certificate of the name."""

    def __init__(self, address: Address, parts: SplitResult, seconds: float) -> None:
        super().__init__(str(address), _port(parts), timeout=seconds)
        self._name = parts.hostname if parts.scheme == "https" else None
        self._line: socket.socket | None = None

    def connect(self) -> None:
        self.sock = self._line = socket.create_connection((self.host, self.port), self.timeout)
        if self._name:
            context = ssl.create_default_context()
            secured = context.wrap_socket(self._line, server_hostname=self._name, do_handshake_on_connect=False)
            self.sock = self._line = secured
            secured.do_handshake()

    def hang_up(self) -> None:
        """End the line under whoever is reading from it."""
        if self._line is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._line, socket.SHUT_RDWR)


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _host(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
