from uuid import UUID

import uuid_utils


def uuid7() -> UUID:
    """Return a new time-ordered UUIDv7 as the standard library's type (psycopg and Django know that one)."""
    return UUID(bytes=uuid_utils.uuid7().bytes)
