"""A question that must not take long: the database gives it up in time, and the caller says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled


class OutOfPatienceError(Exception):
    """A statement took longer than it was given."""


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Give each statement of the block so many seconds; one that takes longer raises `OutOfPatienceError`.

    What was open before stays open: the block is a savepoint of its own.
    """
    try:
        with transaction.atomic():
            _limit(f"{max(1, int(seconds * 1000))}")
            yield
            _limit("DEFAULT")
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise OutOfPatienceError from error
        raise


def _limit(milliseconds: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout TO {milliseconds}")
