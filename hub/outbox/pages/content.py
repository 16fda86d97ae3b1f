"""Staff pages of what mail looks like and says: brand kit, templates with preview, checks and a test, snippets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from csp.decorators import csp_replace
from django import forms
from django.contrib import messages as flash
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.accounts.models import Account, Contact
from hub.outbox.brand import BrandError, contrast, kit_of
from hub.outbox.checks import Finding, check_message
from hub.outbox.models import Logo, MailTemplate, Snippet
from hub.outbox.rendering import Rendered, TemplateError, render_message
from hub.outbox.services.content import (
    ContentError,
    brand_set,
    send_test,
    snippet_remove,
    snippet_save,
    template_remove,
    template_save,
)
from hub.outbox.topics import topic_names
from hub.outbox.values import names_in, values_for
from hub.outbox.views import LETTER_POLICY, letter_html
from hub.outbox.wording import LOCALE, locale_of, with_snippets, worded
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant

CHOICES = 200
NEW = {"subject": "", "body": "<p>Hello {{ contact.first_name | default: 'there' }},</p>\n<p></p>"}


# --- Brand kit ----------------------------------------------------------------------------------------------------


class BrandForm(forms.Form):
    """The look of mail."""

    sender_name = forms.CharField(
        max_length=80, required=False, help_text="before your sending address; else your name"
    )
    reply_to = forms.CharField(max_length=200, required=False, label="Answers go to")
    footer = forms.CharField(
        max_length=400, required=False, widget=forms.Textarea(attrs={"rows": 3}), label="Postal address",
        help_text="under every mail; many countries ask for it",
    )  # fmt: skip
    color = forms.CharField(max_length=7, required=False, help_text="such as #2347c5, for buttons and links")
    logo_url = forms.CharField(max_length=300, required=False, label="Address of the logo", help_text="https://…")
    logo = forms.FileField(required=False, label="or put it here", help_text="PNG, JPEG or GIF, at most 200 KB")
    track_clicks = forms.BooleanField(required=False, label="Count clicks on links in programme mail")

    def clean_sender_name(self) -> str:
        return " ".join(str(self.cleaned_data["sender_name"]).split())

    def clean_reply_to(self) -> str:
        given = str(self.cleaned_data["reply_to"]).strip()
        if given:
            try:
                validate_email(given)
            except ValidationError:
                raise forms.ValidationError("Give one e-mail address.") from None
        return given


@staff_page("outbox.view")
@require_safe
def brand(request: StaffRequest) -> HttpResponse:
    """The brand kit, with a mail in it."""
    raw = request.tenant.settings.get("brand") or {}
    kept = {"track_clicks": True, **raw, "color": request.tenant.brand_color}
    return _brand(request, BrandForm(initial=kept))


def _brand(request: StaffRequest, form: BrandForm) -> HttpResponse:
    tenant = request.tenant
    kit = kit_of(tenant.name, tenant.brand_color, tenant.settings)
    context = {
        "form": form,
        "kit": kit,
        "corrected": kit.button != kit.color.lower(),
        "ratio": contrast(kit.button, "#ffffff"),
    }
    return render(request, "outbox/brand.html", context, status=422 if form.errors else 200)


@staff_page("sending.edit")
@require_POST
def brand_change(request: StaffRequest) -> HttpResponse:
    """Keep it."""
    form = BrandForm(request.POST, request.FILES)
    if form.is_valid():
        kit = {name: value for name, value in form.cleaned_data.items() if name not in ("color", "logo")}
        logo = form.cleaned_data["logo"]
        try:
            brand_set(
                tenant=request.tenant, kit=kit, color=form.cleaned_data["color"], actor=actor_of(request),
                logo=logo.read(250_000) if logo else None,
            )  # fmt: skip
        except BrandError as error:
            form.add_error(None, f"Nothing was changed: {error}.")
        else:
            flash.success(request, "Kept. Every mail from now on looks like this.")
            return redirect("outbox:brand", tenant=request.tenant.slug)
    return _brand(request, form)


SAMPLE = (
    "<h1>This is how mail looks</h1><p>A paragraph with <a href='https://example.com/'>a link</a>, and the one thing to"
    " do:</p><h2><a href='https://example.com/'>The button</a></h2><ul><li>A list</li><li>of two</li></ul>"
)


@staff_page("outbox.view")
@require_safe
@xframe_options_sameorigin
@csp_replace(LETTER_POLICY)  # type: ignore[arg-type]  # typed for views of a request alone
def brand_sample(request: StaffRequest) -> HttpResponse:
    """A mail in the brand kit, for a sandboxed frame."""
    return HttpResponse(letter_html("A sample", SAMPLE.replace("'", '"')))


@require_safe
def logo(request: HttpRequest, tenant_id: UUID, digest: str) -> HttpResponse:
    """The tenant's logo, for mail programs; its address changes with its content."""
    tenant = get_object_or_404(Tenant, pk=tenant_id, is_active=True)
    with tenant_context(tenant):
        row = get_object_or_404(Logo, digest=digest)
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(bytes(row.content), content_type=row.media_type, headers=headers)


logo.surface = "public"  # type: ignore[attr-defined]  # read by the isolation matrix test


# --- Templates ----------------------------------------------------------------------------------------------------


class TemplateForm(forms.Form):
    """A wording of a template."""

    name = forms.CharField(max_length=80)
    topic = forms.ChoiceField(choices=(), required=False)
    locale = forms.CharField(
        max_length=6, required=False, label="For readers of", help_text="such as de or pt-BR; empty: everybody else"
    )
    subject = forms.CharField(max_length=250)
    body = forms.CharField(max_length=64_000, widget=forms.Textarea(attrs={"rows": 16, "spellcheck": "true"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["topic"].choices = [("", "None"), *topic_names().items()]  # type: ignore[attr-defined]

    def clean_locale(self) -> str:
        given = str(self.cleaned_data["locale"]).strip()
        if given and not LOCALE.match(given):
            raise forms.ValidationError("Give a language such as de, or one of a country such as pt-BR.")
        return given


@staff_page("outbox.view")
@require_safe
def templates(request: StaffRequest) -> HttpResponse:
    """Messages to start from."""
    names = topic_names()
    rows = [
        (row, names.get(row.topic, row.topic)) for row in MailTemplate.objects.filter(is_off=False).order_by("name")
    ]
    return render(request, "outbox/templates.html", {"rows": rows})


@staff_page("sending.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def template_new(request: StaffRequest) -> HttpResponse:
    """A new one."""
    return _template(request, None)


@staff_page("sending.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def template(request: StaffRequest, template_id: UUID) -> HttpResponse:
    """Change it, see it as anybody would get it, and what a filter would say."""
    return _template(request, get_object_or_404(MailTemplate, pk=template_id))


def _template(request: StaffRequest, row: MailTemplate | None) -> HttpResponse:
    locale = request.GET.get("locale", "")
    form = TemplateForm(request.POST if request.method == "POST" else None, initial=_initial(row, locale))
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        wording = {"subject": given["subject"], "body": given["body"]}
        # The first wording is everybody's, whatever it was written for.
        wordings = {**(row.wordings if row else {"": wording}), given["locale"]: wording}
        try:
            kept = template_save(
                name=given["name"], topic=given["topic"], wordings=wordings, actor=actor_of(request), template=row
            )
        except ContentError as error:
            form.add_error(None, f"Nothing was kept: {error}.")
        else:
            flash.success(request, "Kept.")
            target = redirect("outbox:template", tenant=request.tenant.slug, template_id=kept.pk)
            if given["locale"]:
                target.headers["Location"] += f"?locale={given['locale']}"
            return target
    context: dict[str, Any] = {"template": row, "form": form, "locale": locale}
    if row is not None:
        context |= _seen(request, row)
    return render(request, "outbox/template.html", context, status=422 if form.errors else 200)


def _initial(row: MailTemplate | None, locale: str) -> dict[str, str]:
    if row is None:
        return {**NEW, "name": "", "topic": ""}
    wording = row.wordings.get(locale) or row.wordings[""]
    return {**wording, "name": row.name, "topic": row.topic, "locale": locale}


def _seen(request: StaffRequest, row: MailTemplate) -> dict[str, Any]:
    """The template as the chosen reader would get it, with what there is to say about it."""
    account, contact = _reader(request)
    seen: dict[str, Any] = {
        "accounts": list(Account.objects.order_by("name", "id")[:CHOICES]),
        "contacts": list(Contact.objects.filter(account=account).order_by("name", "email")) if account else [],
        "account": account,
        "contact": contact,
    }
    if account is None:
        return seen
    values = values_for(request.tenant, account, contact)
    seen["variables"] = sorted(names_in(values), key=lambda pair: pair[0])
    try:
        rendered = _rendered(request.tenant, row, contact, values, request.GET.get("locale", ""))
    except TemplateError as error:
        return {**seen, "findings": [Finding("error", str(error))]}
    kit = kit_of(request.tenant.name, request.tenant.brand_color, request.tenant.settings)
    findings = check_message(rendered, marketing=True, topic=row.topic, footer=kit.footer)
    return {**seen, "rendered": rendered, "findings": findings}


def _rendered(
    tenant: Tenant, row: MailTemplate, contact: Contact | None, values: Mapping[str, Any], locale: str
) -> Rendered:
    locale = locale or locale_of(contact, tenant)
    wording = worded(locale, row.wordings[""], row.wordings)
    subject, body = with_snippets(wording["subject"], locale), with_snippets(wording["body"], locale)
    return render_message(subject=subject, body=body, values=values)


def _reader(request: StaffRequest) -> tuple[Account | None, Contact | None]:
    """Whom the page asks to read as: an account and one of its contacts, else the first there are."""
    account = _chosen(request, "account", Account.objects.order_by("name", "id"))
    if account is None:
        return None, None
    return account, _chosen(request, "contact", Contact.objects.filter(account=account).order_by("name", "email"))


def _chosen(request: StaffRequest, name: str, rows: Any) -> Any:
    try:
        wanted = UUID(request.GET.get(name, ""))
    except ValueError:
        return rows.first()
    # A contact of the account that was chosen before is nobody at this one.
    return rows.filter(pk=wanted).first() or rows.first()


@staff_page("outbox.view")
@require_safe
@xframe_options_sameorigin
@csp_replace(LETTER_POLICY)  # type: ignore[arg-type]  # typed for views of a request alone
def template_body(request: StaffRequest, template_id: UUID) -> HttpResponse:
    """The letter alone, for a sandboxed frame."""
    row = get_object_or_404(MailTemplate, pk=template_id)
    rendered = _seen(request, row).get("rendered")
    if rendered is None:
        raise Http404
    return HttpResponse(letter_html(rendered.subject, rendered.html))


@staff_page("sending.edit")
@require_POST
def template_test(request: StaffRequest, template_id: UUID) -> HttpResponse:
    """Send it to whoever asks, as the chosen reader would get it."""
    row = get_object_or_404(MailTemplate, pk=template_id)
    rendered = _seen(request, row).get("rendered")
    email = request.user.email
    if rendered is None:
        flash.error(request, "Nothing was sent: the template cannot be rendered, see below.")
    else:
        try:
            send_test(tenant=request.tenant, rendered=rendered, email=email, actor=actor_of(request))
            flash.success(request, f"A test is on its way to {email}, and to nobody else.")
        except (OSError, ValueError) as error:
            flash.error(request, f"Nothing was sent: {str(error)[:200]}")
    target = redirect("outbox:template", tenant=request.tenant.slug, template_id=row.pk)
    if query := request.META.get("QUERY_STRING", ""):
        target.headers["Location"] += f"?{query}"
    return target


@staff_page("sending.edit")
@require_POST
def template_gone(request: StaffRequest, template_id: UUID) -> HttpResponse:
    row = get_object_or_404(MailTemplate, pk=template_id)
    template_remove(template=row, actor=actor_of(request))
    flash.success(request, f"“{row.name}” is gone. What was made of it stays.")
    return redirect("outbox:templates", tenant=request.tenant.slug)


# --- Snippets -----------------------------------------------------------------------------------------------------


class SnippetForm(forms.Form):
    """A named piece of text, in one language."""

    key = forms.CharField(
        max_length=50, label="Name", help_text="such as pricing_note; messages say {{ snippets.pricing_note }}"
    )
    locale = forms.CharField(max_length=6, required=False, label="For readers of", help_text="empty: everybody else")
    body = forms.CharField(max_length=20_000, widget=forms.Textarea(attrs={"rows": 5}), label="Text")


@staff_page("outbox.view")
@require_safe
def snippets(request: StaffRequest) -> HttpResponse:
    """Pieces of text that messages use by name."""
    return _snippets(request, SnippetForm())


def _snippets(request: StaffRequest, form: SnippetForm) -> HttpResponse:
    context = {"rows": list(Snippet.objects.filter(is_off=False).order_by("key")), "form": form}
    return render(request, "outbox/snippets.html", context, status=422 if form.errors else 200)


@staff_page("sending.edit")
@require_POST
def snippet_set(request: StaffRequest) -> HttpResponse:
    """Keep one."""
    form = SnippetForm(request.POST)
    if form.is_valid():
        key, locale = form.cleaned_data["key"], form.cleaned_data["locale"]
        known = Snippet.objects.filter(key=key, is_off=False).first()
        wordings = {**(known.wordings if known else {"": form.cleaned_data["body"]}), locale: form.cleaned_data["body"]}
        try:
            snippet_save(key=key, wordings=wordings, actor=actor_of(request))
        except ContentError as error:
            form.add_error(None, f"Nothing was kept: {error}.")
        else:
            flash.success(request, "Kept. Messages rendered from now on have it.")
            return redirect("outbox:snippets", tenant=request.tenant.slug)
    return _snippets(request, form)


@staff_page("sending.edit")
@require_POST
def snippet_gone(request: StaffRequest, snippet_id: UUID) -> HttpResponse:
    row = get_object_or_404(Snippet, pk=snippet_id)
    snippet_remove(snippet=row, actor=actor_of(request))
    flash.success(request, f"“{row.key}” is gone.")
    return redirect("outbox:snippets", tenant=request.tenant.slug)
