"""What a puller is: what it asks an API for, how an answer becomes calls, and where it goes on. Pure.

What is pulled takes the form of the calls that the source would make itself, so that one reader serves both and the
log shows both. A call's id is a hash of its content: what is read again and has not changed is not kept again.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import blake2b
from typing import Any, Final
from urllib.parse import urlencode

from hub.ingest.connectors.base import JSON, Facts, Malformed, mapping
from hub.registry.base import Registry

AGAIN: Final = timedelta(minutes=10)
SHORTEST: Final = timedelta(seconds=5)
LONGEST: Final = timedelta(hours=1)
# What a system answers to a place that it has forgotten: an event, a page of a question, a token of an export.
FORGOTTEN: Final = frozenset({400, 404, 410, 422})
# Beyond this a server asks for patience that nobody has; it is asked again after a day.
MOST_PATIENCE: Final = timedelta(days=1)
# What is read once more at the seam between two rounds: clocks differ, and some systems filter by whole days.
OVERLAP: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to the API: `path` begins with a slash and holds the query; `body` goes as JSON, `form` as a form."""

    method: str
    path: str
    body: JSON = None
    form: Mapping[str, str] | None = None

    def content(self) -> tuple[bytes | None, dict[str, str]]:
        """The bytes to send and their header."""
        if self.form is not None:
            return urlencode(self.form).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
        if self.body is not None:
            return json.dumps(self.body).encode(), {"Content-Type": "application/json"}
        return None, {}


@dataclass(frozen=True, slots=True)
class Pulled:
    """One thing that was read, as the call that the source would have made of it."""

    event_id: str
    kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """What an answer holds. `cursor` is where to go on; `more`: there is more now, else after `rest`; `done`: never."""

    calls: Sequence[Pulled]
    cursor: Facts
    more: bool = False
    rest: timedelta = AGAIN
    done: bool = False


@dataclass(frozen=True)
class Stream:
    """One list of the API. `ask(cursor, start)` begins at `start` with an empty cursor; `page(body, cursor, now)` reads
    the answer and raises Malformed."""

    name: str
    title: str
    ask: Callable[[Facts, datetime], Ask]
    page: Callable[[JSON, Facts, datetime], Page]

    @staticmethod
    def anew(cursor: Facts) -> Facts:
        """The cursor without its place inside a round: by time it goes on, else it begins again."""
        return {name: value for name, value in cursor.items() if name in ("since", "seen")}


@dataclass(frozen=True)
class Puller:
    """How a source's API is read. `headers(secret)` signs a request; with `sign_in` the secret buys a token first."""

    key: str
    streams: tuple[Stream, ...]
    headers: Callable[[str], Mapping[str, str]]
    secret_label: str
    steps: str
    address: str = ""
    address_help: str = ""
    sign_in: Callable[[str], Ask] | None = None
    token: Callable[[JSON], str] = lambda answer: str(mapping(answer).get("access_token", ""))

    @property
    def order(self) -> int:
        return 0

    def stream(self, name: str) -> Stream:
        """The stream of this name; raises KeyError."""
        return {stream.name: stream for stream in self.streams}[name]


pullers: Registry[Puller] = Registry("puller")


def bearer(token: str) -> dict[str, str]:
    """The header of a token."""
    return {"Authorization": f"Bearer {token}"}


def pulled(kind: str, pk: str, content: JSON, *, thing: JSON = None) -> Pulled:
    """A call of this content, known by what it says; `thing` is the part that tells whether something changed."""
    said = json.dumps(content if thing is None else thing, sort_keys=True).encode()
    event_id = f"pull:{kind}:{pk}"[:150] + ":" + blake2b(said, digest_size=16).hexdigest()
    return Pulled(event_id, kind[:100], json.dumps(content).encode())


def listed(body: JSON, name: str) -> list[dict[str, Any]]:
    """The objects under a name of an answer; raises Malformed when there is no list."""
    found = mapping(body, "the answer").get(name)
    if not isinstance(found, list):
        raise Malformed(f"the answer has no list {name}")
    return [mapping(item, f"an entry of {name}") for item in found]


# --- When to ask again ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wait:
    """How a request that brought nothing goes on: again `after`, or not before somebody acts (`stop`)."""

    after: timedelta = field(default_factory=timedelta)
    stop: bool = False


def waiting(status: int, retry_after: str, attempts: int, now: datetime, *, luck: float | None = None) -> Wait:
    """What to do after an answer that is no 200 (status 0: no answer), the `attempts`-th in a row.

    401 and 403 stop: the same key will not be let in next time. 429 and 503 wait as long as they are told to.
    Everything else waits twice as long each time, from five seconds to an hour, give or take a quarter: many readers
    that failed together do not come back together.
    """
    if status in (401, 403):
        return Wait(stop=True)
    told = asked_patience(retry_after, now) if status in (429, 503) else None
    if told is not None:
        return Wait(told)
    spread = 0.75 + (random.random() if luck is None else luck) / 2
    seconds = min(SHORTEST.total_seconds() * 2 ** min(attempts - 1, 20), LONGEST.total_seconds()) * spread
    return Wait(timedelta(seconds=seconds))


def asked_patience(retry_after: str, now: datetime) -> timedelta | None:
    """`Retry-After` in seconds or as a date, at least a second and at most a day; None when it says neither."""
    text = retry_after.strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            when = parsedate_to_datetime(text)
        except ValueError:
            return None
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
        seconds = (when - now).total_seconds()
    if not math.isfinite(seconds):
        return None
    return timedelta(seconds=min(max(seconds, 1.0), MOST_PATIENCE.total_seconds()))
