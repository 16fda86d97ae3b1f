"""What the process is told from outside: environment variables first, then the run file of the one-machine mode."""

from __future__ import annotations

import json
import os
import secrets
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LEAST_KEY = 32
NEW_KEY = "Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"

BASE_DIR = Path(__file__).resolve().parent.parent


def hub_home() -> Path:
    """Folder of the one-machine mode's data: `HUB_HOME`, default `.hub/` beside manage.py."""
    return Path(os.environ.get("HUB_HOME") or BASE_DIR / ".hub").absolute()


@cache
def run_file() -> dict[str, Any]:
    """Addresses of the embedded services, as the launcher wrote them; empty when it never ran."""
    path = hub_home() / "run.json"
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return content


def value(name: str, default: str = "") -> str:
    """Return environment variable `name`, else the run file's key of the same name in lower case, else `default`."""
    return os.environ.get(name) or str(run_file().get(name.lower()) or default)


def secret_key() -> str:
    """`SECRET_KEY`, or the one that the launcher made into HUB_HOME; empty when there is neither."""
    if key := os.environ.get("SECRET_KEY"):
        return key
    path = hub_home() / "secret_key"
    return path.read_text().strip() if path.exists() else ""


def signing_key(*, debug: bool, public_url: str) -> str:
    """The key that sessions and links are signed with; ends the process where there is none, or a weak one, to serve.

    Only commands that set an installation up run without one, on a key that ends with them.
    """
    key = secret_key()
    is_https = public_url.startswith("https://")
    if is_https and debug:
        raise SystemExit("Tandem does not start: DEBUG=1 shows its insides to everybody. Unset DEBUG, or PUBLIC_URL.")
    if is_https and key and len(key) < LEAST_KEY:
        raise SystemExit(f"Tandem does not start: SECRET_KEY is shorter than {LEAST_KEY} characters. {NEW_KEY}")
    if not key and (is_https or os.environ.get("DATABASE_URL") or os.environ.get("TANDEM_PROCESS")):
        raise SystemExit(f"Tandem does not start: SECRET_KEY is not set. {NEW_KEY}")
    return key or secrets.token_urlsafe(48)


def database(url: str, **extra: Any) -> dict[str, Any]:
    """Turn ``postgresql://user:password@host:port/name?sslmode=…`` into a Django database entry."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ValueError(f"DATABASE_URL must start with postgresql://, not {parts.scheme}://")
    options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": "hub.tenancy.backend",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 0,
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": options | extra.pop("OPTIONS", {}),
        **extra,
    }


def email(url: str) -> dict[str, Any]:
    """Django's e-mail settings of ``smtp://user:password@host:port?tls=starttls|ssl``, or of a relay's https URL."""
    parts = urlsplit(url)
    if parts.scheme in ("http", "https"):
        return {"EMAIL_BACKEND": "hub.outbox.channels.email.relay.RelayBackend", "EMAIL_TIMEOUT": 20}
    if parts.scheme not in ("smtp", "smtps"):
        raise ValueError(f"EMAIL_URL must start with smtp://, smtps:// or https://, not {parts.scheme}://")
    tls = parse_qs(parts.query).get("tls", ["ssl" if parts.scheme == "smtps" else ""])[-1]
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname or "localhost",
        "EMAIL_PORT": parts.port or {"ssl": 465, "starttls": 587}.get(tls, 25),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": tls == "ssl",
        "EMAIL_USE_TLS": tls == "starttls",
        "EMAIL_TIMEOUT": 20,
    }
