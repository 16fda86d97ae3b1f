"""Staff: people who use Tandem for a tenant, what they may do, the keys of programs, and who did what."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone

from hub.tenancy.ids import uuid7
from hub.tenancy.models import Tenant, TenantModel


class Role(models.TextChoices):
    ADMIN = "admin", "Admin"
    CSM = "csm", "CSM"
    MARKETER = "marketer", "Marketer"
    LEADER = "leader", "Leader"


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """A staff person, by e-mail address. Global: one person may work for several tenants."""

    # A sign-in writes no global row (they are read-mostly); sessions say when somebody came.
    last_login = None

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.name or self.email


class Membership(models.Model):
    """A user's role at a tenant. Taking it away ends access with the next request."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "user"], name="membership_key")]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"


def hash_key(key: str) -> str:
    """Return the sha256 of an API key in hex: keys are 256-bit random, so a fast hash without salt is enough."""
    return hashlib.sha256(key.encode()).hexdigest()


class Credential(models.Model):
    """A program's key: only its hash is kept. Global, because the key is what tells the tenant."""

    SCOPES: ClassVar[tuple[str, ...]] = ("read", "write", "ingest")
    PREFIX = "tdm_"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="credentials")
    name = models.CharField(max_length=100)
    key_hash = models.CharField(max_length=64, unique=True)
    # First characters, to tell keys apart on the page.
    hint = models.CharField(max_length=12)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    @classmethod
    def new_key(cls) -> str:
        return cls.PREFIX + secrets.token_urlsafe(32)


class StaffMail(models.Model):
    """A sign-in mail that waits for a worker. Global: staff sign in before there is a tenant. Gone when sent."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField()
    subject = models.CharField(max_length=300)
    body = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)
    # When a worker looks at it: at once, after its lease, or for the next try.
    due_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.subject


class AuditEvent(TenantModel):
    """Who changed what: written in the transaction of the change, never updated or deleted (INSERT-only grant)."""

    at = models.DateTimeField(default=timezone.now)
    actor_kind = models.CharField(max_length=16)  # user, contact, key, command, system
    actor_id = models.CharField(max_length=64, blank=True)
    actor_label = models.CharField(max_length=200, blank=True)
    action = models.CharField(max_length=80)
    object_kind = models.CharField(max_length=40, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    changes = models.JSONField(default=dict)
    ip = models.GenericIPAddressField(null=True)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["tenant", "-at"], name="audit_time"),
            models.Index(fields=["tenant", "object_kind", "object_id"], name="audit_object"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor_label} {self.action}"
