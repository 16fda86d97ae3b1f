"""Amazon SNS signs what it sends with a key whose certificate it publishes: checked here, beside the endpoint's secret.

The signature says that Amazon sent it, the secret that the tenant's own topic did: anybody may have a topic.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from django.conf import settings
from django.utils.http import parse_header_parameters

from hub.ingest.connectors.base import Call, Malformed, NotNow, NotVerified, mapping, moment
from hub.tenancy.calls import Refused, Unanswered, call

HOST: Final = r"https://sns\.[a-z0-9-]{1,30}\.amazonaws\.com(?:\.cn)?/"
CERTIFICATE: Final = re.compile(HOST + r"[A-Za-z0-9_-]{1,100}\.pem")
# What SNS asks somebody to open who wants its messages.
SUBSCRIBE: Final = re.compile(HOST + r"[!-~]{1,1500}")
NOTIFICATION: Final = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
ABOUT_SUBSCRIPTION: Final = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
SIGNED: Final = {
    "Notification": NOTIFICATION,
    "SubscriptionConfirmation": ABOUT_SUBSCRIPTION,
    "UnsubscribeConfirmation": ABOUT_SUBSCRIPTION,
}
DIGESTS: Final[dict[str, hashes.HashAlgorithm]] = {"1": hashes.SHA1(), "2": hashes.SHA256()}
# A message that is sent again, for up to an hour, keeps the time of its first sending.
OLDEST, EARLIEST = timedelta(hours=1, minutes=5), timedelta(minutes=5)
SECONDS: Final = 5.0
MOST_BYTES: Final = 16 * 1024
KEPT: Final = timedelta(days=1)
# After a certificate could not be had, nobody waits for it again for so long.
PATIENCE: Final = timedelta(seconds=30)
MOST_KEPT: Final = 50


def message_check(received: Call, now: datetime) -> None:
    """Raise NotVerified unless Amazon signed the message within the last hour; NotNow while nobody can tell."""
    message = _message(received)
    names, digest = SIGNED.get(str(message.get("Type"))), DIGESTS.get(str(message.get("SignatureVersion")))
    url = str(message.get("SigningCertURL"))
    if names is None or digest is None:
        raise NotVerified("the call carries no signature of Amazon SNS (raw delivery has none)")
    if not CERTIFICATE.fullmatch(url):
        raise NotVerified("the certificate's address is not Amazon's")
    key = certificates.get(url, now).public_key()
    if not isinstance(key, RSAPublicKey):
        raise NotVerified("the certificate holds no RSA key")
    try:
        signature = base64.b64decode(str(message.get("Signature")), validate=True)
        key.verify(signature, signed_text(message, names), PKCS1v15(), digest)
    except (InvalidSignature, binascii.Error, ValueError):
        raise NotVerified("the signature is not Amazon's") from None
    sent = moment(message.get("Timestamp"))
    if sent is None or not now - OLDEST <= sent <= now + EARLIEST:
        raise NotVerified("the message was sent more than an hour ago, or is dated ahead")


def _message(received: Call) -> dict[str, Any]:
    """The message exactly as it will be read: what is cleaned first, or read in another encoding, says other things."""
    _, told = parse_header_parameters(received.content_type)
    if told.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise NotVerified("Amazon SNS writes UTF-8")
    try:
        return mapping(json.loads(received.body.decode()))
    except (ValueError, RecursionError):
        raise Malformed("the body is no message of Amazon SNS") from None


def signed_text(message: dict[str, Any], names: tuple[str, ...]) -> bytes:
    """What SNS signs: the names and values of these fields, a line each; a field that is not there is left out."""
    parts = [f"{name}\n{message[name]}\n" for name in names if isinstance(message.get(name), str)]
    return "".join(parts).encode()


class Certificates:
    """Amazon's certificates by address, each kept for a day. One is fetched at a time, and nobody queues for it."""

    def __init__(self, fetch: Callable[[str], bytes]) -> None:
        self._fetch = fetch
        self._kept: dict[str, tuple[x509.Certificate, datetime]] = {}
        self._again: dict[str, datetime] = {}
        self._busy = threading.Lock()

    def get(self, url: str, now: datetime) -> x509.Certificate:
        """The certificate; raises NotNow while it cannot be had, NotVerified when its time is over."""
        known = self._kept.get(url)
        if known is None or known[1] + KEPT < now:
            self.keep(url, self._fetched(url, now), now)
        found, _ = self._kept[url]
        if not found.not_valid_before_utc <= now <= found.not_valid_after_utc:
            raise NotVerified("the certificate is not good at this time")
        return found

    def keep(self, url: str, certificate: x509.Certificate, now: datetime) -> None:
        """Keep a certificate, the newest fifty of them."""
        self._kept = dict([*self._kept.items()][-MOST_KEPT + 1 :]) | {url: (certificate, now)}

    def _fetched(self, url: str, now: datetime) -> x509.Certificate:
        if self._again.get(url, now) > now or not self._busy.acquire(blocking=False):
            raise NotNow("Amazon's certificate is not at hand")
        try:
            return x509.load_pem_x509_certificate(self._fetch(url))
        except (Refused, Unanswered, ValueError) as error:
            self._again = {url: now + PATIENCE}
            raise NotNow(f"Amazon's certificate could not be read: {error}"[:200]) from None
        finally:
            self._busy.release()


def fetched(url: str) -> bytes:
    """The certificate file; raises Refused, Unanswered, ValueError."""
    answer = call("GET", url, None, {}, allow=settings.OUTGOING_ALLOW, seconds=SECONDS, most_bytes=MOST_BYTES)
    if answer.status != 200:
        raise ValueError(f"it was answered {answer.status}")
    return answer.body


certificates: Final = Certificates(fetched)


def confirmation_of(message: dict[str, Any]) -> str:
    """What to do about a message that is about the subscription itself; "" for every other. Nothing is opened by us."""
    kind, topic = message.get("Type"), str(message.get("TopicArn"))[:100]
    if kind == "UnsubscribeConfirmation":
        return f"Amazon ended the subscription of {topic}. To take it up again, open the address under SubscribeURL"
    if kind != "SubscriptionConfirmation":
        return ""
    asked = f"Amazon asks whether this endpoint is yours, for {topic}."
    if SUBSCRIBE.fullmatch(str(message.get("SubscribeURL", ""))):
        return f"{asked} To say yes, open the address under SubscribeURL in the payload; it is one of Amazon's"
    return f"{asked} The address under SubscribeURL in the payload is not Amazon's: do not open it"
