"""What marketers write once and use often: templates, snippets, and the logo."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

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


class Logo(TenantModel):
    """The picture above every mail, when it was put here instead of given by address; `digest` names its content."""

    content = models.BinaryField()
    media_type = models.CharField(max_length=32)
    digest = models.CharField(max_length=64)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant"], name="logo_one")]

    def __str__(self) -> str:
        return self.digest
