"""Writes a simulated world as the CSV files that config/demo/mapping.yaml reads."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from config.demo.simulator import Account

# File → where an account keeps its rows ("" = the account itself), and their fields, which are the columns.
FILES: dict[str, tuple[str, tuple[str, ...]]] = {
    "accounts": (
        "",
        ("id", "name", "domain", "industry", "country", "segment", "seats", "signed_up_on", "timezone"),
    ),
    "contacts": ("contacts", ("id", "email", "name", "title", "roles", "status")),
    "lines": ("lines", ("id", "product", "tier", "seats", "mrr_minor", "starts_on", "ends_on", "renews_on")),
    "milestones": (
        "milestones",
        ("id", "key", "title", "description", "position", "required", "due_on", "event_name", "completed_at"),
    ),
    "tickets": ("tickets", ("id", "subject", "priority", "opened_at", "closed_at", "csat")),
    "surveys": ("surveys", ("id", "contact", "score", "comment", "answered_at")),
    "invoices": (
        "invoices",
        ("id", "status", "total_minor", "paid_minor", "currency", "issued_on", "due_on", "paid_at"),
    ),
    "usage": ("uses", ("id", "day", "feature", "count", "user")),
}


def write_files(world: Sequence[Account], folder: Path, *, uses: tuple[date, date]) -> None:
    """Write every file into `folder`; of the usage, the rows from the first day of `uses` up to before the second.

    Rows of a list carry their account's id and sign-up day beside their own columns.
    """
    for name, (kept_in, columns) in FILES.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow((*columns, "account", "plan_started_on") if kept_in else columns)
            for account in world:
                items: Sequence[Any] = getattr(account, kept_in) if kept_in else (account,)
                for item in items:
                    if name != "usage" or uses[0] <= item.day < uses[1]:
                        writer.writerow(list(_cells(account, item, kept_in, columns)))


def _cells(account: Account, item: Any, kept_in: str, columns: Sequence[str]) -> Iterator[Any]:
    for column in columns:
        value = getattr(item, column)
        yield ";".join(value) if isinstance(value, tuple) else value
    if kept_in:
        yield account.id
        yield account.signed_up_on
