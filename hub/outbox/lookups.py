"""Texts of a name, asked of the name server that the machine uses, or of those that SENDING_NAMESERVERS names."""

from __future__ import annotations

import dns.exception
import dns.resolver
from django.conf import settings

from hub.outbox.domains import LookupFailed

SECONDS = 3.0
MOST_TEXTS, LONGEST = 50, 4_000


def texts_of(name: str) -> list[str]:
    """The TXT records of a name, each with its pieces joined; raises LookupFailed when nobody answers."""
    resolver = _resolver()
    try:
        answer = resolver.resolve(name, "TXT", search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError) as error:
        raise LookupFailed(type(error).__name__) from None
    found = [b"".join(record.strings).decode("utf-8", "replace")[:LONGEST] for record in answer]
    return found[:MOST_TEXTS]


def _resolver() -> dns.resolver.Resolver:
    servers: list[str] = settings.SENDING_NAMESERVERS
    try:
        resolver = dns.resolver.Resolver(configure=not servers)
    except dns.exception.DNSException as error:
        raise LookupFailed(type(error).__name__) from None
    if servers:
        hosts = [server.rpartition(":") for server in servers]
        resolver.nameservers = [host or port for host, _, port in hosts]
        resolver.port = int(hosts[0][2]) if hosts[0][0] else 53
    resolver.lifetime = resolver.timeout = SECONDS
    return resolver
