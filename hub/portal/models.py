"""A contact's way into their hub: one-time invitations and sessions. A contact is never a staff user."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account, Contact
from hub.people.models import User
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class SignInRequest(TenantModel):
    """Somebody asked for a sign-in mail at an address, known or not. The worker who mails makes the secrets."""

    email = models.EmailField()
    asked_at = models.DateTimeField(default=timezone.now)
    # When a worker looks at it: at once, after its lease, or for the next try.
    due_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant", "due_at"], name="sign_in_request_due")]

    def __str__(self) -> str:
        return f"sign-in asked for at {self.asked_at:%H:%M}"


class SignIn(TenantModel):
    """A link and a code mailed to an address: 15 minutes, once. Only hashes are kept."""

    email = models.EmailField()
    token_hash = models.CharField(max_length=64)
    code_hash = models.CharField(max_length=64)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    consumed_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "token_hash"], name="sign_in_token")]
        indexes = [models.Index(fields=["tenant", "email", "-created_at"], name="sign_in_email")]

    def __str__(self) -> str:
        return f"sign-in until {self.expires_at:%H:%M}"


class HubSession(TenantModel):
    """A signed-in browser of the customer's hub. Without a contact yet, the person has still to choose an account.

    With `viewer`, a staff user looks at the hub as that contact: read-only, with a banner, audited.
    """

    account = TenantForeignKey(Account, on_delete=models.CASCADE, null=True, related_name="+")
    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, null=True, related_name="+")
    viewer = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    email = models.EmailField()
    token_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "token_hash"], name="hub_session_token")]

    def __str__(self) -> str:
        return f"hub session of {self.email}"
