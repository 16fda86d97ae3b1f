"""Writes of what marketers keep: brand kit, templates, snippets; and a test of a message to oneself."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings as django_settings
from django.db import transaction
from django.utils import timezone

from hub.outbox.brand import BrandError, is_color, kit_of, picture_type
from hub.outbox.channels.base import Outgoing
from hub.outbox.channels.email.letter import letter
from hub.outbox.models import Logo, MailTemplate, Snippet
from hub.outbox.rendering import Rendered
from hub.outbox.wording import LOCALE
from hub.people.audit import Actor, audit
from hub.people.mail import connection
from hub.tenancy.ids import uuid7
from hub.tenancy.models import Tenant

KEY: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,49}\Z")
Wordings = Mapping[str, Mapping[str, str]]


class ContentError(ValueError):
    """Something that cannot be kept."""


@transaction.atomic
def brand_set(
    *, tenant: Tenant, kit: Mapping[str, Any], color: str, actor: Actor, logo: bytes | None = None
) -> None:  # fmt: skip
    """Keep the brand kit; `logo` is a picture that takes the place of the address. Raises BrandError."""
    if color and not is_color(color):
        raise BrandError("a colour is # and six digits, such as #2347c5")
    row = Tenant.objects.select_for_update().get(pk=tenant.pk)
    after = {**(row.settings.get("brand") or {}), **kit}
    if logo:
        after["logo_url"] = _logo_kept(tenant, logo)
    if after.get("logo_url") and not str(after["logo_url"]).startswith(("https://", f"{django_settings.PUBLIC_URL}/")):
        raise BrandError("the logo's address must begin with https://")
    row.settings, row.brand_color = {**row.settings, "brand": after}, color
    row.save(update_fields=["settings", "brand_color"])
    tenant.settings, tenant.brand_color = row.settings, color
    audit(actor, "brand.change", tenant, **{name: str(value)[:200] for name, value in after.items()}, color=color)


def _logo_kept(tenant: Tenant, content: bytes) -> str:
    values = {"content": content, "media_type": picture_type(content), "digest": hashlib.sha256(content).hexdigest()}
    Logo.objects.update_or_create(defaults=values)
    return f"{django_settings.PUBLIC_URL}/u/logo/{tenant.pk}/{values['digest']}/"


@transaction.atomic
def template_save(
    *, name: str, topic: str, wordings: Wordings, actor: Actor, template: MailTemplate | None = None
) -> MailTemplate:
    """Make or change a template. Raises ContentError."""
    name = " ".join(name.split())[:80]
    _check_locales(wordings)
    others = MailTemplate.objects.filter(name=name, is_off=False)
    if not name or (others.exclude(pk=template.pk) if template else others).exists():
        raise ContentError(f"there is a template “{name}” already" if name else "a template needs a name")
    row = template or MailTemplate()
    row.name, row.topic, row.wordings = name, topic, {key: dict(wording) for key, wording in wordings.items()}
    row.changed_at, row.changed_by = timezone.now(), actor.label[:200]
    row.save()
    audit(actor, "template.change" if template else "template.add", row, name=name, locales=sorted(wordings))
    return row


@transaction.atomic
def template_remove(*, template: MailTemplate, actor: Actor) -> None:
    """Take a template away; messages that were made of it stay as they are."""
    if MailTemplate.objects.filter(pk=template.pk, is_off=False).update(is_off=True):
        audit(actor, "template.remove", template, name=template.name)


@transaction.atomic
def snippet_save(*, key: str, wordings: Mapping[str, str], actor: Actor) -> Snippet:
    """Make or change a snippet; messages rendered from now on have it. Raises ContentError."""
    if not KEY.match(key):
        raise ContentError("a key is made of small letters, digits, - and _, such as pricing_note")
    _check_locales(wordings)
    defaults = {
        "wordings": dict(wordings),
        "is_off": False,
        "changed_at": timezone.now(),
        "changed_by": actor.label[:200],
    }
    row: Snippet
    row, made = Snippet.objects.update_or_create(key=key, defaults=defaults)
    audit(actor, "snippet.add" if made else "snippet.change", row, key=key, locales=sorted(wordings))
    return row


@transaction.atomic
def snippet_remove(*, snippet: Snippet, actor: Actor) -> None:
    """Take a snippet away; messages that still name it fail with a reason that says so."""
    if Snippet.objects.filter(pk=snippet.pk, is_off=False).update(is_off=True):
        audit(actor, "snippet.remove", snippet, key=snippet.key)


def _check_locales(wordings: Mapping[str, Any]) -> None:
    if "" not in wordings:
        raise ContentError("the wording for everybody else is missing")
    for locale in wordings:
        if locale and not LOCALE.match(locale):
            raise ContentError(f"{locale!r} is no locale such as de or pt-BR")


def send_test(*, tenant: Tenant, rendered: Rendered, email: str, actor: Actor) -> None:
    """Mail a rendered message to whoever is signed in, past every gate: nobody else ever gets it. Raises OSError."""
    kit = kit_of(tenant.name, tenant.brand_color, tenant.settings)
    pk = uuid7()
    subject = f"[Test] {rendered.subject}"
    outgoing = Outgoing(
        id=pk, key=str(pk), address=email, name="", sender=kit.sender, subject=subject, html=rendered.html,
        text=rendered.text, kit=kit,
    )  # fmt: skip
    letter(outgoing, connection(kept=tenant.settings.get("delivery") == "viewer")).send()
    audit(actor, "template.test", None, to=actor.id)


__all__ = [
    "ContentError",
    "brand_set",
    "send_test",
    "snippet_remove",
    "snippet_save",
    "template_remove",
    "template_save",
]
