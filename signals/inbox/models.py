"""Who is to be told by mail that signals were given to them, and who does not want to be."""

from __future__ import annotations

from django.db import models

from hub.people.models import User
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class AssignmentNotice(TenantModel):
    """That somebody gave a signal to a person, until the mail is written that says so; `by` is who did it."""

    signal = TenantForeignKey("signals.Signal", on_delete=models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    by = models.CharField(max_length=200)
    due_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "signal"], name="assignment_notice_key")]
        indexes = [models.Index(fields=["tenant", "due_at"], name="assignment_notice_due")]

    def __str__(self) -> str:
        return f"{self.signal_id} for {self.user_id}"


class AssignmentRefusal(TenantModel):
    """A person who wants no mail about signals that are assigned to them."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "user"], name="assignment_refusal_key")]

    def __str__(self) -> str:
        return str(self.user_id)
