"""A table of the import pages as a CSV file to download."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence

from django.http import HttpResponse
from django.utils.text import get_valid_filename


class _Line:
    """What csv writes to: it gives the line back."""

    def write(self, line: str) -> str:
        return line


def csv_answer(rows: Iterable[Sequence[str]], *, name: str) -> HttpResponse:
    """The rows as a file of this name. Written whole: inside the tenant's transaction, which a stream would outlive."""
    writer = csv.writer(_Line())
    # Spreadsheets take a file without the mark for one in a western encoding.
    lines = ["\ufeff", *(writer.writerow(row) for row in rows)]
    response = HttpResponse("".join(lines), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{get_valid_filename(name)}"'
    return response
