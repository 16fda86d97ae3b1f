from typing import Final
from uuid import UUID

import uuid_utils


def uuid7() -> UUID:
    """Return a new time-ordered UUIDv7 as the standard library's type (psycopg and Django know that one)."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


NUMBERED_ID: Final = "(%(stem)s::text || lpad(to_hex(row_number() OVER ()), 8, '0'))::uuid"
"""SQL: an id for each row that a statement makes, of a fresh `uuid7_stem` and the row's number.

gen_random_uuid() asks the operating system for every row: 3 µs.
"""


def uuid7_stem() -> str:
    """The first 24 digits of a new UUIDv7: time, version and a counter that begins anywhere in every millisecond."""
    return uuid7().hex[:24]
