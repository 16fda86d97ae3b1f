"""CSV (RFC 4180, UTF-8 with a mark that spreadsheets know), written a piece at a time. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal

from hub.outbound.exports.cells import Plain

BOM = "\ufeff"


def head(columns: Sequence[str]) -> bytes:
    return BOM.encode() + lines([columns])


def lines(rows: Iterable[Sequence[Plain]]) -> bytes:
    """Rows as lines; times as ISO 8601 with their offset."""
    out = io.StringIO()
    csv.writer(out).writerows([_text(value) for value in row] for row in rows)
    return out.getvalue().encode()


def _text(value: Plain) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat(timespec="seconds")
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
        case _:
            return str(value)
