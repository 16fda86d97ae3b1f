"""Messages as Amazon SNS signs them, with a certificate of the tests' own."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.x509.oid import NameOID

from hub.ingest.connectors.mail.amazon import DIGESTS, SIGNED, certificates, signed_text

HOST = "sns.eu-west-1.amazonaws.com"
CERTIFICATE = f"https://{HOST}/SimpleNotificationService-0123456789abcdef.pem"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:bounces"
# One moment for all messages of a run: what is made of them must not depend on when a test asks.
NOW = datetime.now(UTC).replace(microsecond=0)


@cache
def key(name: str = "amazon") -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def certificate(
    name: str = "amazon", start: datetime = NOW - timedelta(days=1), end: datetime = NOW + timedelta(days=300)
) -> x509.Certificate:
    """A certificate for the key of this name that vouches for itself, and for Amazon's host."""
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    builder = x509.CertificateBuilder(who, who, key(name).public_key(), x509.random_serial_number(), start, end)
    extended = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
    return extended.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(
        key(name), hashes.SHA256()
    )


def publish() -> None:
    """Have Amazon's certificate at hand, as it is after the first message."""
    certificates.keep(CERTIFICATE, certificate(), datetime.now(UTC))


def signed(message: dict[str, Any], *, by: str = "amazon", version: str = "2", **fields: Any) -> dict[str, Any]:
    """A message of SNS with its signature; `fields` replace what is signed."""
    whole = {
        "Type": "Notification", "MessageId": "m-1", "TopicArn": TOPIC, "Message": "{}",
        "Timestamp": f"{NOW:%Y-%m-%dT%H:%M:%S}.000Z", **message, **fields,
    }  # fmt: skip
    text = signed_text(whole, SIGNED[whole["Type"]])
    signature = base64.b64encode(key(by).sign(text, PKCS1v15(), DIGESTS[version])).decode()
    return {**whole, "SignatureVersion": version, "Signature": signature, "SigningCertURL": CERTIFICATE}
