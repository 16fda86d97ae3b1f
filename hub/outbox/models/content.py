"""What marketers write once and use often: templates, snippets, and the logo."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class MailTemplate(TenantModel):
    """A message to start from: wordings by locale ("" is the one for everybody else), each with subject and body."""

    name = models.CharField(max_length=80)
    topic = models.CharField(max_length=64, blank=True)
    wordings = models.JSONField(default=dict)
    is_off = models.BooleanField(default=False)
    changed_at = models.DateTimeField(default=timezone.now)
    changed_by = models.CharField(max_length=200, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"], name="mail_template_name", condition=models.Q(is_off=False)
            )
        ]

    def __str__(self) -> str:
        return self.name


class Snippet(TenantModel):
    """A named piece of text that messages use as ``{{ snippets.key }}``; wordings by locale, "" for everybody else."""

    key = models.CharField(max_length=50)
    wordings = models.JSONField(default=dict)
    is_off = models.BooleanField(default=False)
    changed_at = models.DateTimeField(default=timezone.now)
    changed_by = models.CharField(max_length=200, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "key"], name="snippet_key")]

    def __str__(self) -> str:
        return self.key


class Story(TenantModel):
    """What a customer reached, told to others in messages as ``{{ story.title }}``.

    `customer` is who it is about, in the words that they agreed to on `agreed_on`; without that day nobody is told.
    `account` is theirs: nobody reads their own. `industry` "" and seats None fit everybody.
    """

    title = models.CharField(max_length=120)
    customer = models.CharField(max_length=120)
    text = models.CharField(max_length=600)
    url = models.CharField(max_length=1000, blank=True)
    account = TenantForeignKey(
        Account, on_delete=models.CASCADE, related_name="+", null=True, blank=True, db_index=False
    )
    industry = models.CharField(max_length=100, blank=True)
    least_seats = models.PositiveIntegerField(null=True, blank=True)
    most_seats = models.PositiveIntegerField(null=True, blank=True)
    agreed_on = models.DateField(null=True, blank=True)
    is_off = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)
    changed_by = models.CharField(max_length=200, blank=True)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant", "account"], name="story_account")]

    def __str__(self) -> str:
        return self.title


class Logo(TenantModel):
    """The picture above every mail, when it was put here instead of given by address; `digest` names its content."""

    content = models.BinaryField()
    media_type = models.CharField(max_length=32)
    digest = models.CharField(max_length=64)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant"], name="logo_one")]

    def __str__(self) -> str:
        return self.digest
