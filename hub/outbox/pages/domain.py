"""Staff page of the sending domain: what receivers look up, and what to put where."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hub.outbox.domains import DOMAIN, SELECTOR, domain_checks
from hub.outbox.lookups import texts_of
from hub.people.guards import StaffRequest, staff_page


class DomainForm(forms.Form):
    """Which domain, and what the mail provider calls its key and its servers."""

    domain = forms.CharField(max_length=253)
    selector = forms.CharField(max_length=63, required=False, label="DKIM selector", help_text="from your provider")
    include = forms.CharField(max_length=253, required=False, label="SPF name", help_text="such as spf.post.example")

    def clean_domain(self) -> str:
        return _domain(str(self.cleaned_data["domain"]))

    def clean_include(self) -> str:
        given = str(self.cleaned_data["include"])
        return _domain(given) if given else ""

    def clean_selector(self) -> str:
        given = str(self.cleaned_data["selector"]).strip()
        if given and not SELECTOR.match(given):
            raise forms.ValidationError("A selector is made of letters, digits and hyphens.")
        return given


def _domain(given: str) -> str:
    try:
        name = given.strip().lower().rstrip(".").encode("idna").decode()
    except UnicodeError:
        name = ""
    if not DOMAIN.match(name):
        raise forms.ValidationError("Give a domain such as example.com.")
    return name


@staff_page("outbox.view")
@require_safe
def domain(request: StaffRequest) -> HttpResponse:
    """The domain that mail is sent from, as receivers see it. Looking is all that it does."""
    sender = settings.DEFAULT_FROM_EMAIL.rpartition("<")[2].rstrip(">")
    asked = "domain" in request.GET
    form = DomainForm(request.GET) if asked else DomainForm(initial={"domain": sender.rpartition("@")[2]})
    context: dict[str, Any] = {"form": form, "sender": sender}
    if asked and form.is_valid():
        given = form.cleaned_data
        reply_to = (request.tenant.settings.get("brand") or {}).get("reply_to", "")
        context["checks"] = domain_checks(
            given["domain"], texts_of, selector=given["selector"], include=given["include"], report_to=reply_to
        )
        context["domain"] = given["domain"]
    return render(request, "outbox/domain.html", context, status=422 if form.errors else 200)
