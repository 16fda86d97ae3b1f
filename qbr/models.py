"""Living QBRs: a template built once, a page per account and quarter, lines that people write and tag."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account, Contact
from hub.people.models import User
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class QbrTemplate(TenantModel):
    """Which blocks a QBR has, in order: ``[{"kind": "usage", "title": "…"}]``."""

    name = models.CharField(max_length=200)
    blocks = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="qbr_template_key")]

    def __str__(self) -> str:
        return self.name


class Qbr(TenantModel):
    """One account's QBR of one quarter. The blocks show live data; what people write is in the lines."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="qbrs", db_index=False)
    template = TenantForeignKey(QbrTemplate, on_delete=models.PROTECT, related_name="+")
    quarter = models.CharField(max_length=7)  # 2026-Q4
    starts_on = models.DateField()
    ends_on = models.DateField()  # exclusive
    shared_at = models.DateTimeField(null=True, blank=True)
    shared_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    edited_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "account", "quarter"], name="qbr_key")]
        indexes = [models.Index(fields=["tenant", "quarter", "edited_at"], name="qbr_quarter")]

    def __str__(self) -> str:
        return f"QBR {self.quarter}"


class QbrBlock(TenantModel):
    """A block of a QBR; its kind says how to show it (qbr/blocks/)."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    qbr = TenantForeignKey(Qbr, on_delete=models.CASCADE, related_name="blocks", db_index=False)
    kind = models.CharField(max_length=32)
    title = models.CharField(max_length=200)
    position = models.PositiveSmallIntegerField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "qbr", "position"], name="qbr_block_key")]

    def __str__(self) -> str:
        return self.title


class LineTag(models.TextChoices):
    EXPANSION = "expansion", "Expansion"
    RISK = "risk", "Risk"
    STAKEHOLDER = "stakeholder", "New stakeholder"
    VALUE = "value", "Value proven"


class QbrLine(TenantModel):
    """A line that somebody wrote in a block. `internal` lines never reach the customer.

    `revision` rises with every edit: an edit names the one it started from, so that of two people who edit at once
    nobody's words are lost.
    """

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    block = TenantForeignKey(QbrBlock, on_delete=models.CASCADE, related_name="lines", db_index=False)
    position = models.PositiveIntegerField()
    text = models.TextField()
    internal = models.BooleanField(default=False)
    done = models.BooleanField(null=True)  # next steps can be ticked; None elsewhere
    tag = models.CharField(max_length=16, choices=LineTag, blank=True)
    tagged_at = models.DateTimeField(null=True)
    generated = models.BooleanField(default=False)
    revision = models.PositiveIntegerField(default=1)
    edited_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    edited_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant", "block", "position"], name="qbr_line_order")]

    def __str__(self) -> str:
        return self.text[:60]


class QbrLineRevision(TenantModel):
    """What a line said before an edit or its removal."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    qbr = TenantForeignKey(Qbr, on_delete=models.CASCADE, related_name="revisions")
    line_id = models.UUIDField()
    revision = models.PositiveIntegerField()
    text = models.TextField()
    internal = models.BooleanField()
    removed = models.BooleanField(default=False)
    edited_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "line_id", "revision"], name="qbr_line_revision_key")]

    def __str__(self) -> str:
        return f"{self.line_id} r{self.revision}"


class QbrComment(TenantModel):
    """What the customer (or, answering, staff) says about a block. Always visible to the customer."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    block = TenantForeignKey(QbrBlock, on_delete=models.CASCADE, related_name="comments", db_index=False)
    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, null=True, related_name="+")
    user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    body = models.TextField()
    at = models.DateTimeField(default=timezone.now)
    # Made of the form and the words: sent twice, it is one comment.
    form = models.UUIDField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "form"], name="qbr_comment_form")]
        indexes = [models.Index(fields=["tenant", "block", "at"], name="qbr_comment_order")]

    def __str__(self) -> str:
        return self.body[:60]

    @property
    def author(self) -> str:
        return str(self.contact or self.user or "")


class QbrRead(TenantModel):
    """A contact opened the shared QBR: when first, when last, how often."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    qbr = TenantForeignKey(Qbr, on_delete=models.CASCADE, related_name="reads", db_index=False)
    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, related_name="+")
    first_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)
    times = models.PositiveIntegerField(default=1)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "qbr", "contact"], name="qbr_read_key")]

    def __str__(self) -> str:
        return f"{self.contact_id} read {self.qbr_id}"
