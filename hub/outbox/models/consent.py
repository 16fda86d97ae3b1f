"""What people said about being written to: topics, the word that counts now, the log of every word, dead addresses."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account, Contact
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class Silence(models.TextChoices):
    """What it means for a topic that a contact has said nothing."""

    RULE = "rule", "as the tenant's rule says"
    ASK = "ask", "they must agree first"
    WRITE = "write", "they get it until they object"


class LegalBasis(models.TextChoices):
    CONSENT = "consent", "Consent"
    LEGITIMATE_INTEREST = "legitimate_interest", "Legitimate interest"
    CONTRACT = "contract", "Contract"
    OBJECTION = "objection", "Objection or withdrawal"


class Topic(TenantModel):
    """A topic as the tenant has it: its own, or a shipped one changed (hub/outbox/topics.py ships those)."""

    key = models.CharField(max_length=64)
    name = models.CharField(max_length=80)
    description = models.CharField(max_length=300, blank=True)
    silence = models.CharField(max_length=8, choices=Silence, default=Silence.RULE)
    position = models.PositiveSmallIntegerField(default=100)
    # Not offered any more; what contacts said about it stays.
    is_off = models.BooleanField(default=False)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "key"], name="topic_key")]

    def __str__(self) -> str:
        return self.name


class ConsentStatus(models.TextChoices):
    GRANTED = "granted", "Granted"
    DENIED = "denied", "Denied"


class Consent(TenantModel):
    """What a contact said about a topic on a channel; topic "" speaks for every topic without a word of its own."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, related_name="consents", db_index=False)
    channel = models.CharField(max_length=32)
    topic = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=16, choices=ConsentStatus)
    legal_basis = models.CharField(max_length=24, choices=LegalBasis, default=LegalBasis.CONSENT)
    source = models.CharField(max_length=64)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "contact", "channel", "topic"], name="consent_key"),
        ]
        indexes = [models.Index(fields=["tenant", "account", "contact"], name="consent_account")]

    def __str__(self) -> str:
        return f"{self.channel}/{self.topic or 'all'}: {self.status}"


class ConsentChange(TenantModel):
    """The log: every word of a contact about a channel and topic, never changed or deleted (INSERT-only grant).

    `before` is what counted until then ("" when nothing had been said). `actor_id` names the person's or program's
    row; `actor_label` is what is read later, and never the name of a contact. `ip` is where it was said from.
    """

    account = TenantForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    contact = TenantForeignKey(Contact, on_delete=models.PROTECT, related_name="consent_log", db_index=False)
    channel = models.CharField(max_length=32)
    topic = models.CharField(max_length=64, blank=True)
    before = models.CharField(max_length=16, blank=True)
    status = models.CharField(max_length=16, choices=ConsentStatus)
    legal_basis = models.CharField(max_length=24, choices=LegalBasis)
    source = models.CharField(max_length=64)
    note = models.CharField(max_length=300, blank=True)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64, blank=True)
    actor_label = models.CharField(max_length=200, blank=True)
    ip = models.GenericIPAddressField(null=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["tenant", "contact", "-at", "-id"], name="consent_change_contact"),
            models.Index(fields=["tenant", "account", "-at"], name="consent_change_account"),
            models.Index(fields=["tenant", "-at", "-id"], name="consent_change_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.channel}/{self.topic or 'all'}: {self.before or 'nothing'} → {self.status}"


class Suppression(TenantModel):
    """An address that takes nothing any more, as a keyed hash: it outlives the person's row without naming them."""

    channel = models.CharField(max_length=32)
    address_hash = models.CharField(max_length=64)
    reason = models.CharField(max_length=32)  # bounce, complaint, manual
    detail = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "channel", "address_hash"], name="suppression_key")]
        indexes = [models.Index(fields=["tenant", "channel", "reason", "created_at"], name="suppression_recent")]

    def __str__(self) -> str:
        return f"{self.channel}: {self.reason}"
