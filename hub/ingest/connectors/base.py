"""What a connector is: how a source's calls are verified, what they say, and what the record makes of it. No database.

A call is verified over its raw bytes (`verify`), named (`identify`), kept, and later read (`read`) into *words*: what
the source said about one of its things, at which moment of its own clock. The words about a thing are a set; `project`
turns all of them, in the order of the source's clock, into rows of the record. So neither the order in which calls come
nor how often changes what comes out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any, Final, NoReturn, TypeAlias

from hub.registry.base import Registry

JSON: TypeAlias = Any
Facts: TypeAlias = dict[str, Any]

MOST_BYTES: Final = 1024 * 1024
# A signed time may be this far from ours.
WINDOW: Final = timedelta(seconds=300)
# Kinds of things that every source shares: who the customer is, and who somebody there is.
COMPANY: Final = "company"
PERSON: Final = "person"
# How a company has a thing: as one of several, as the main one of several; "": alone.
ALSO: Final = "also"
MAIN: Final = "main"
# Instead of a company: whichever is the main one is it no more.
THE_MAIN_ONE: Final = "*"
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2199, 12, 31, tzinfo=UTC)


class NotVerified(Exception):
    """The call is not from whom it says, or too old: it is answered 401."""


class NotNow(Exception):
    """Nobody can tell at the moment whether the call is from whom it says: it is answered 503, and sent again."""


class Malformed(ValueError):
    """The call cannot be read at all: it is answered 400, or refused when it is looked at."""


class NothingToDo(Exception):
    """The call is good and says nothing that the record keeps; the text says why."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it came. `url` is its full address, `headers` have lower-case names."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    content_type: str = ""
    path_secret: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """The sender's id of the call, and its kind in the sender's words."""

    event_id: str
    kind: str


@dataclass(frozen=True, slots=True)
class Word:
    """What the source said of one of its things (`kind`, `id`) at `at`.

    `company`, `person` and `email` say whose it is, in the source's ids, as far as the word tells; `hold` whether the
    company has it alone, `left` which company has it no more. `rank` orders words of one moment (made before changed
    before ended), then `event`, which is unique for the thing.
    """

    kind: str
    id: str
    at: datetime
    event: str
    facts: Facts = field(default_factory=dict)
    company: str = ""
    person: str = ""
    email: str = ""
    rank: int = 0
    hold: str = ""
    left: str = ""


@dataclass(frozen=True, slots=True)
class Called:
    """A value of a row: the name of another thing of the source, as it is called now; `otherwise` before it is told."""

    kind: str
    id: str
    otherwise: str


@dataclass(frozen=True, slots=True)
class Write:
    """A row of the record: the values of a noun as REST takes them. `contact` and `invoice` are the source's ids."""

    noun: str
    external_id: str
    fields: Facts
    contact: str = ""
    invoice: str = ""


History: TypeAlias = Sequence[tuple[datetime, Facts]]
"""Every word about a thing, oldest first by the source's clock."""

Project: TypeAlias = Callable[[str, History], list[Write]]
"""(id, history) → rows of the record."""


@dataclass(frozen=True, slots=True)
class Writing:
    """A row that is no noun of the record's, to be written by the connector: whose, what, and by which word."""

    source: str
    account: Any
    contact: Any
    external_id: str
    fields: Facts
    at: datetime


Writer: TypeAlias = Callable[[Writing], tuple[Any, str]]
"""Writes a row and gives it with its outcome; written twice it says "unchanged"."""


@dataclass(frozen=True, slots=True)
class Option:
    """A field of the form beside the secret; with `choices` one of them."""

    name: str
    label: str
    help: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    required: bool = True


@dataclass(frozen=True)
class Connector:
    """A source of calls.

    `verify(call, secret, options, now)` raises NotVerified and NotNow; `identify(call)` and
    `read(call, received_at, options)` raise Malformed, `read` NothingToDo too. `kinds` maps the kinds of its things to
    what the record makes of them. `masters_accounts`: what it says of a customer counts also where somebody else made
    the account (a CRM).
    `brings` says what comes from it, for people who choose.
    `makes_secret`: the secret is made here and typed in there; otherwise it is given by the source.
    """

    key: str
    title: str
    order: int
    verify: Callable[[Call, str, Facts, datetime], None]
    identify: Callable[[Call], Identity]
    read: Callable[[Call, datetime, Facts], list[Word]]
    kinds: Mapping[str, Project]
    scheme: str
    steps: str
    brings: str
    secret_label: str = "Signing secret"
    makes_secret: bool = False
    secret_in_path: bool = False
    # With these options the source signs with a secret of its own, whatever `makes_secret` says.
    signs: Callable[[Facts], bool] = lambda options: False
    options: tuple[Option, ...] = ()
    masters_accounts: bool = False
    # Whether it tells of companies at all, so that unknown ones can become accounts.
    tells_companies: bool = True
    most_bytes: int = MOST_BYTES
    # Kinds of things that belong to no customer and only have a name, which rows of others show.
    labels: frozenset[str] = frozenset()
    # Nouns of its own, such as a reply to a message.
    writers: Mapping[str, Writer] = field(default_factory=dict)
    # Whose a thing is when its ids and address do not say: the account's id, by the thing's facts.
    find: Callable[[Facts], Any] | None = None
    # Beside the record: suppressions and consents. In the transaction that applies the call.
    acts: Callable[[Call, datetime, Facts], list[dict[str, str]]] | None = None
    # What is answered to a good call, where the source expects more than a 200: body and content type.
    answer: tuple[bytes, str] | None = None


connectors: Registry[Connector] = Registry("connector")


def latest(history: History) -> Facts:
    """The facts as they stand: field by field the latest word; attributes key by key."""
    merged: Facts = {}
    for _, facts in history:
        attributes = {**_attributes(merged), **_attributes(facts)}
        merged.update(facts)
        if attributes:
            merged["attributes"] = attributes
    return merged


def latest_given(history: History) -> Facts:
    """`latest`, where saying nothing takes nothing back: of customers and people others know more."""
    given = [
        (at, {name: value for name, value in facts.items() if value not in (None, "", {})}) for at, facts in history
    ]
    return latest(given)


def said_since(history: History) -> dict[str, datetime]:
    """By field (``attributes.<key>`` too) when the source began to say what it says.

    Saying the same once more is no news: the thing was touched over there, by us perhaps, and what is said of it is as
    old as it was.
    """
    since: dict[str, datetime] = {}
    known: Facts = {}
    for at, facts in history:
        named = {name: value for name, value in facts.items() if name != "attributes"}
        named |= {f"attributes.{key}": value for key, value in _attributes(facts).items()}
        for name, value in named.items():
            if value not in (None, "", {}) and (name not in known or known[name] != value):
                since[name], known[name] = at, value
    return since


def _attributes(facts: Facts) -> Facts:
    found = facts.get("attributes")
    return found if isinstance(found, dict) else {}


# --- Reading JSON that a stranger wrote -------------------------------------------------------------------------------


def decoded(body: bytes) -> JSON:
    """A JSON document with text that PostgreSQL can store; raises Malformed."""
    try:
        return clean(json.loads(body.decode("utf-8-sig"), parse_constant=_no_number))
    except (ValueError, RecursionError) as error:
        raise Malformed(f"the body is not JSON: {error}"[:200]) from None


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def clean(value: JSON) -> JSON:
    """The value without NUL characters and lone surrogates, which no database stores."""
    if isinstance(value, str):
        value = value.replace("\x00", "")
        return value.encode("utf-8", "replace").decode() if not value.isascii() else value
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    if isinstance(value, float) and not isfinite(value):
        raise ValueError("a number is too large")
    return [clean(item) for item in value] if isinstance(value, list) else value


def mapping(value: JSON, what: str = "the body") -> dict[str, Any]:
    """The value itself when it is an object; raises Malformed."""
    if not isinstance(value, dict):
        raise Malformed(f"{what} is not an object")
    return value


def part(value: JSON, *path: str) -> dict[str, Any]:
    """The object at a path, {} where there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def items(value: JSON) -> list[dict[str, Any]]:
    """The objects of a list, or of a list in `data`; [] where there is none."""
    if isinstance(value, dict):
        value = value.get("data")
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: JSON, longest: int = 200) -> str:
    """A text or number as text; "" for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()[:longest]


def number(value: JSON) -> int | None:
    """A whole number, also one written as text or with a point and noughts; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        whole = int(float(value)) if not isinstance(value, int) else value
    except (ValueError, OverflowError):
        return None
    return whole if abs(whole) < 2**53 else None


def moment(value: JSON) -> datetime | None:
    """A time of a source: seconds or milliseconds since 1970, or ISO 8601 (without an offset it is UTC)."""
    try:
        if isinstance(value, str) and not value.lstrip("-").isdigit():
            found = datetime.fromisoformat(value)
            found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        else:
            stamp = number(value)
            if stamp is None or stamp <= 0:
                return None
            found = datetime.fromtimestamp(stamp / 1000 if stamp > 10**11 else stamp, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return found if EARLIEST <= found <= LATEST else None


def iso(value: JSON) -> str | None:
    """A time of a source as ISO 8601, None where there is none: what facts and rows hold."""
    found = moment(value)
    return found.isoformat() if found else None


def day(value: JSON) -> str | None:
    """The UTC date of a time of a source, as ISO 8601."""
    found = moment(value)
    return found.date().isoformat() if found else None


FREE_MAIL: Final = frozenset(
    {
        "gmail.com", "googlemail.com", "yahoo.com", "hotmail.com", "outlook.com", "live.com", "icloud.com", "me.com",
        "aol.com", "gmx.de", "gmx.net", "web.de", "proton.me", "protonmail.com", "mail.com", "yandex.ru", "qq.com",
        "163.com",
    }
)  # fmt: skip


def company_domain(email: str) -> str:
    """The domain of an address when it says something about the company; "" for providers of free mail."""
    _, at, domain = email.strip().lower().rpartition("@")
    return domain if at and "." in domain and domain not in FREE_MAIL else ""
