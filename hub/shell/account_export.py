"""The list of accounts as a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from hub.shell.account_list import AccountRow
from hub.shell.formatting import major_units

HEAD = ("Account", "Domain", "Segment", "Stage", "Owner", "MRR", "Currency", "Renewal", "Uses in 30 days")
# A spreadsheet would run a cell that starts with one of these.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def accounts_csv(rows: Iterable[AccountRow], currency: str) -> str:
    """The rows under a head line; amounts in major units, days as ISO dates, text safe for spreadsheets."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEAD)
    writer.writerows(_line(row, currency) for row in rows)
    return out.getvalue()


def _line(row: AccountRow, currency: str) -> Sequence[str]:
    texts = (row.name, row.domain, row.segment, row.stage_label, row.owner)
    mrr = "" if row.mrr_minor is None else f"{major_units(row.mrr_minor, currency):f}"
    renewal = row.renews_on.isoformat() if row.renews_on else ""
    uses = "" if row.usage_30d is None else str(row.usage_30d)
    return [*(harmless(text) for text in texts), mrr, currency, renewal, uses]


def harmless(text: str) -> str:
    """``text`` as a spreadsheet shows it and never runs it."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
