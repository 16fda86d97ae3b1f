"""What can be measured of money: payments by outcome, invoices paid late, months under contract."""

from __future__ import annotations

from functools import partial

from hub.registry.facts import TODAY, Expression, FactKind
from hub.registry.measures import Argument, ArgumentKind, Arguments, Measure, Rows, days, measures, span
from hub.revenue.models import ExpansionType, OpportunityKind, PaymentStatus

STATUS = Argument("status", "which outcome", ArgumentKind.TEXT, None, tuple(PaymentStatus.choices))
PAYMENTS = Rows("revenue_payment", "occurred_at", (("status", "u.status = %s"),))
PAID_LATE = Rows("revenue_invoice", "paid_at", which="u.paid_at >= u.due_on + 1")
PAID_IN_TIME = Rows("revenue_invoice", "paid_at", which="u.paid_at < u.due_on + 1")
OPEN = "u.tenant_id = a.tenant_id AND u.account_id = a.id AND u.outcome = 'open'"
LINES = Rows("revenue_contractline", "starts_on", which="NOT u.is_trial", utc=False)
ENDED = (
    "(SELECT max(u.ends_on) FROM revenue_contractline u WHERE u.tenant_id = a.tenant_id AND u.account_id = a.id"
    " AND NOT u.is_trial AND u.ends_on <= %s::date)"
)


def _months(given: Arguments) -> Expression:
    began = LINES.so_far("min(u.starts_on)")(given)
    age = f"age(%s::date, {began.sql})"
    return Expression(f"(12 * extract(year FROM {age}) + extract(month FROM {age}))", (TODAY, *began.params) * 2)


def _open(given: Arguments) -> Expression:
    asked = [(column, given[name]) for name, column in (("kind", "kind"), ("type", "expansion_type")) if given[name]]
    also = "".join(f" AND u.{column} = %s" for column, _ in asked)
    return Expression(
        f"(SELECT count(*) FROM revenue_opportunity u WHERE {OPEN}{also})", tuple(value for _, value in asked)
    )


def _open_words(given: Arguments) -> str:
    what = " ".join(filter(None, (given["type"].replace("_", "-"), given["kind"].replace("_", " "))))
    return f"open {what} opportunities" if what else "open opportunities"


def _ended(given: Arguments) -> Expression:
    return Expression(ENDED, (TODAY,))


def register() -> None:
    make = partial(Measure, kind=FactKind.NUMBER, source="bills", order=35, arguments=(days(180),))
    for measure in (
        make(
            "payments", "payments", arguments=(STATUS, days()),
            expression=PAYMENTS.in_window("count(*)"),
            words=lambda given: f"{given['status']} payments in {span(given)}",
        ),
        make(
            "invoices_paid_late", "invoices paid late",
            expression=PAID_LATE.in_window("count(*)"), words=lambda given: f"invoices paid late in {span(given)}",
        ),
        make(
            "invoices_paid_in_time", "invoices paid in time",
            expression=PAID_IN_TIME.in_window("count(*)"),
            words=lambda given: f"invoices paid in time in {span(given)}",
        ),
        make(
            "months_as_customer", "months as a customer", arguments=(), source="contract lines",
            expression=_months, words=lambda given: "months since the first contract began",
        ),
        make(
            "opportunities_open", "open opportunities", source="opportunities", dated=False,
            arguments=(
                Argument("kind", "which kind", ArgumentKind.TEXT, "", tuple(OpportunityKind.choices)),
                Argument("type", "which type of expansion", ArgumentKind.TEXT, "", tuple(ExpansionType.choices)),
            ),
            expression=_open, words=_open_words,
        ),
        make(
            "contract_ended_on", "day a paid line ended last", kind=FactKind.DATE, arguments=(),
            source="contract lines", expression=_ended, words=lambda given: "day a paid line ended last",
        ),
    ):  # fmt: skip
        measures.register(measure)
