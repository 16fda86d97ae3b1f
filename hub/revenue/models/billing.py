"""Invoices and payments, in the currency they were made out in; MRR never comes from them."""

from __future__ import annotations

from django.db import models

from hub.accounts.models import Account, SourcedModel
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class InvoiceStatus(models.TextChoices):
    DRAFT = "draft", "Draft"
    OPEN = "open", "Open"
    PAID = "paid", "Paid"
    UNCOLLECTIBLE = "uncollectible", "Uncollectible"
    VOID = "void", "Void"


class Invoice(SourcedModel):
    """What an account was asked to pay. Late when open after `due_on`."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="invoices", db_index=False)
    number = models.CharField(max_length=100, blank=True)
    status = models.CharField(max_length=16, choices=InvoiceStatus, default=InvoiceStatus.OPEN)
    total_minor = models.BigIntegerField()
    paid_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    issued_on = models.DateField()
    due_on = models.DateField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    url = models.CharField(max_length=500, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "source", "external_id"], name="invoice_key")]
        indexes = [models.Index(fields=["tenant", "account", "-issued_on"], name="invoice_account")]

    def __str__(self) -> str:
        return self.number or self.external_id


class PaymentStatus(models.TextChoices):
    PENDING = "pending", "Pending"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    REFUNDED = "refunded", "Refunded"
    DISPUTED = "disputed", "Disputed"


class Payment(SourcedModel):
    """An attempt to pay, with what came of it."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="payments", db_index=False)
    invoice = TenantForeignKey(Invoice, on_delete=models.CASCADE, null=True, blank=True, related_name="payments")
    status = models.CharField(max_length=16, choices=PaymentStatus)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    occurred_at = models.DateTimeField()
    method = models.CharField(max_length=50, blank=True)
    failure_reason = models.CharField(max_length=200, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "source", "external_id"], name="payment_key")]
        indexes = [models.Index(fields=["tenant", "account", "-occurred_at"], name="payment_account")]

    def __str__(self) -> str:
        return f"{self.get_status_display()} {self.external_id}"


class BillingStanding(TenantModel):
    """Where an account stands with its bills, as of the last evaluation; no row: nothing is late and nothing failed."""

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    # Open invoices past their due day, and for how long the oldest of them has been.
    overdue_invoices = models.PositiveIntegerField(null=True)
    days_overdue = models.PositiveIntegerField(null=True)
    # UTC day of the latest payment that failed and was not made good since.
    payment_failed_on = models.DateField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "account"], name="billing_standing_key")]

    def __str__(self) -> str:
        return f"bills of {self.account_id}"
